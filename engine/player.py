"""The loop that plays: sends what is due, takes in what arrived, asks for bars ahead, waits."""

from collections.abc import Iterator
from typing import Any

from engine.clock import Clock
from engine.console import Console
from engine.desk import Arrival, Desk, Link
from engine.ledger import Alone, Notice, PortLost, Receivers
from engine.liaison import Liaison
from engine.measure import Measure
from engine.messages import SetParameter
from engine.midi import CONTROL, NOTE_ON
from engine.performance import Performance
from engine.pulses import Pulses
from engine.report import Report
from engine.request import BarReply, ComposerState
from engine.setup import Setup
from engine.sync import in_time_with
from engine.view import View
from engine.ward import Ward

IDLE = 0.1  # seconds to wait at most
LOOK = 0.01  # and between looks at inputs that keep what comes, besides that at arranger.asking
HUSH = 0.002  # seconds before a note in which nothing else is begun: reading a bar takes one of them


class Player:
    """One performance on one clock; `run` returns when it is over, with every note ended."""

    def __init__(self, setup: Setup, clock: Clock, desk: Desk) -> None:
        now = clock.now()
        performance = self.performance = Performance(setup, self._send, now + setup.delay)
        report = self.report = Report(now)
        if setup.clock and desk.pulse is not None:
            performance.pulses = Pulses(self._pulse)
        self._sync = in_time_with(setup, desk, performance, now + setup.delay)
        self._composer = Liaison(performance, report, desk, self._tell)
        self._ward = Ward(performance, report, desk, self._tell, self._drop)
        self.console = Console(setup, performance, report, self._ward.finish, self._sync)
        self.view = View(
            setup, performance, self.console, report, desk, composer=self._composer, tell=self._tell
        )
        self._measure = Measure(performance) if setup.measure else None
        self._setup = setup
        self._clock = clock
        self._desk = desk
        self._links: list[Any] = [link for link in (desk.composer, desk.live, desk.guard) if link is not None]
        if desk.wake is not None:
            self._links.append(desk.wake.source)
        self.failure = ""  # why it could not play on
        self.leaving = False
        for notice in desk.notices:
            report.notice(notice)
        if setup.record is not None:
            self.console.record(setup.record, now)
            self._ward.keep_journal()

    def run(self) -> None:
        """Play until the last bar, Quit, a signal or the end of `live`; whatever happens, end every note."""
        try:
            while not self.leaving:
                self.turn()
        except Exception as error:  # nothing may leave a note on; the performer gets the reason
            self.failure = f"the player failed: {type(error).__name__}: {error}"
            self.report.notice(self.failure)
        self._end()

    def turn(self) -> None:
        """Go once around the loop, waiting at its end for what comes next."""
        now = self._clock.now()
        if self._sync is not None:
            self._sync.turn(now)
        self.performance.advance(now)
        self.report.notice(self.performance.stalls.news())
        if self._measure is not None:
            self._measure.look()
        self.leaving |= self._over()
        if self.leaving:
            return
        due = self.performance.deadline()
        if self._desk.ears and due - now >= HUSH:
            for ear in self._desk.ears:
                self._listen((Arrival(*came) for came in ear.take()), due - HUSH / 2)
            now, due = self._clock.now(), self.performance.deadline()
        if due - now < HUSH:
            self._clock.wait(due, [])
            return
        for source in self._clock.wait(self._plan(now, due), self._links):
            # What comes changes what is to come: a hit that would now have been due already is due now.
            self.performance.advance(self._clock.now())
            self._take(source)

    def _over(self) -> bool:
        """Return whether to leave, for a reason that the performer is told where it is not their own."""
        if self._desk.leave is not None:
            self.report.notice(f"ended by {self._desk.leave}")
        if self.performance.over and not self.performance.playing:
            self.report.notice(f"the master is beyond bar {self._setup.bars}, the last one to play")
        over = self.performance.over or self.console.quit or self._desk.leave is not None
        return over or (self._setup.headless and self._composer.silent)  # nobody is there to see why

    def _plan(self, now: float, due: float) -> float:
        """Do what there is time for until `due`, when something is to be sent; return how long to wait."""
        self.performance.take.flush()
        deadline = min(due - HUSH / 2, now + IDLE, self._composer.ask(now))
        if self._sync is not None:
            deadline = min(deadline, self._sync.deadline)
        if self._desk.live is not None:
            if self.report.due(now, deadline):
                self.view.show(now)
            deadline = min(deadline, self.report.wake(now))
        return min(deadline, now + LOOK) if self._desk.ears else deadline

    def _send(self, tick: int, message: list[int]) -> None:
        for sink in self._desk.sinks:
            sink.send(message)
        if message[0] & 0xF0 == NOTE_ON:  # only these are never sent by hand, between ticks
            performance, now = self.performance, self._clock.now()
            due = performance.stalls.due(tick, performance.course.due(tick))
            self.report.late(now, now - due)
            if self._measure is not None:
                self._measure.sent(due, now, message)

    def _pulse(self, message: list[int], due: float | None) -> None:
        assert self._desk.pulse is not None
        self._desk.pulse(message)
        if due is not None:
            now = self._clock.now()
            self.report.late(now, now - due)

    def _listen(self, came: Iterator[Arrival], until: float) -> None:
        """Hear what `came`, as far as there is time `until` then."""
        for arrival in came:
            self._hear(arrival)
            if self._clock.now() >= until:
                return

    def _hear(self, arrival: Arrival) -> None:
        if self._sync is not None and self._sync.hear(arrival.message, arrival.time, self._clock.now()):
            return
        self.console.control(arrival.message, self._clock.now())
        if self._measure is not None:
            self._measure.moved(arrival.time, knob=arrival.message[0] & 0xF0 == CONTROL)

    def _take(self, source: Any) -> None:
        if self._desk.wake is not None and source is self._desk.wake.source:
            self._desk.wake.clear()
            controls = self._desk.controls
            came = (controls.popleft() for _ in range(len(controls)))
            self._listen(came, self.performance.deadline() - HUSH / 2)
            if controls:
                self._desk.wake.set()
            return
        try:
            message = source.recv()
        except (EOFError, OSError):
            self._drop(source)
            return
        now = self._clock.now()
        match message:
            case BarReply():
                self._composer.accept(message, now)
            case ComposerState():
                self._composer.heed(message)
            case Receivers() | PortLost() | Notice() | Alone():
                self._ward.heed(message)
            case _:
                self.console.obey(message, now)
                if self._measure is not None:
                    self._measure.moved(now, knob=isinstance(message, SetParameter))
                self._ward.keep_journal()

    def _tell(self, link: Link, message: object) -> bool:
        """Send `message` and return True; False if nobody is there any more."""
        try:
            link.send(message)
        except OSError:
            self._drop(link)
            return False
        return True

    def _drop(self, link: object) -> None:
        self._links = [other for other in self._links if other is not link]
        if link is self._desk.composer:
            self._composer.part()
        elif link is self._desk.guard:
            self._desk.guard = None
        elif link is self._desk.live:
            self._desk.live = None
            self.leaving = True

    def _end(self) -> None:
        now = self._clock.now()
        self.performance.end_all(now)
        self.console.finish_take(now)
        self._ward.keep_journal()
        if self._measure is not None and self._desk.live is not None:
            self._tell(self._desk.live, self._measure.result())
        self.view.show(now, self.failure, finished=True)
