"""The music as it happens: transport, bars, notes and the take, moved on by whoever holds the clock."""

from collections.abc import Callable
from math import ceil, inf

from engine.arranger import Arranger
from engine.band import Band
from engine.bar import TICKS_PER_BAR
from engine.course import Course
from engine.pulses import Pulses
from engine.request import BarRequest
from engine.setup import Setup
from engine.stall import Stalls
from engine.supply import Supply
from engine.transport import Transport

HEADROOM = 0.05  # seconds from Play to the first note or click
SELECT = 0.03  # seconds before the first note at which programs are chosen
STALL = 0.5  # seconds behind from which the music is moved rather than rushed
LATE = 0.05  # seconds by which the first note may come late where a master has begun


class Performance:
    """Plays the bars that `arranger` holds; `send(tick, message)` takes each raw message at its time.

    Every method takes `now` in seconds of the clock; none waits.
    """

    def __init__(self, setup: Setup, send: Callable[[int, list[int]], None], not_before: float) -> None:
        """`not_before` is the earliest time of the first note."""
        self.arranger = Arranger(setup)
        self.panel = self.arranger.panel
        end = inf if setup.bars is None else setup.bars * TICKS_PER_BAR
        self.course = Course(
            setup.bpm,
            setup.offset,
            end,
            lambda: self.panel.parameters["swing"],
            lambda: self.panel.parameters["tightness"],
        )
        self.band = Band(setup.voices, send, self.panel.shape)
        self.scheduler = self.band.scheduler
        self.supply = Supply(setup, self.arranger, self.course, self.scheduler)
        self.count_in = setup.count_in  # bars of clicks before the first one, from the next start on
        self.playing = False
        self.wanted = setup.play  # to play, as soon as the first bar is there
        self.led = False  # by a master: it begins with `enter` alone
        self.over = False  # the last bar has been played to its end, or a master is behind it
        self.pulses: Pulses | None = None  # the clock that is sent
        self.stalls = Stalls()
        self.take = self.band.take
        self._not_before = not_before
        self._cue = 0  # the tick where it begins, while it stands still
        self._left = 0  # and the one where it stopped

    # Moving on.

    def advance(self, now: float) -> None:
        """Send everything that is due at `now`, and schedule the next bar when its line is near."""
        if not self.playing:
            if self.wanted and not self.led and self.arranger.ready(0):
                self._start(now)
            if self.pulses is not None:
                self.pulses.advance(self.transport, now)
            return
        course = self.course
        course.offset.approach(now)
        if not self.band.selected and now >= course.due(course.first) - SELECT:
            self.band.select()
        if now - self.deadline() > STALL:  # the process was stopped, or the machine slept
            self.arranger.pending.excuse(now)
            if self.led:  # its line went on meanwhile: it is joined where it is by now
                self.stalls.stood(now, now - self.deadline())
                self.halt(now)
                return
            self.stalls.stood(now, course.resume(now))
        if self.pulses is not None:  # before the notes of the same tick
            self.pulses.advance(self.transport, now, course.end)
        while now >= self.supply.deadline():
            self.supply.place()
        reached = course.reached(now)
        if reached > course.sent:
            self.scheduler.send_due(reached, course.moment)
            course.sent, course.played = reached, max(course.played, course.written_until(reached))
        if course.sent >= course.end:
            self.scheduler.end_all(course.sent)
            # Others hear the last beat to its end, also where notes leave before their time.
            self.over = self.pulses is None or course.transport.reached(now) >= course.end

    def deadline(self) -> float:
        """Return the time at which `advance` has something to do next, infinity if never."""
        end = self.course.end if self.playing else inf
        pulse = inf if self.pulses is None else self.pulses.deadline(self.transport, end)
        if not self.playing:
            return pulse
        if self.course.sent >= end:  # notes are over, pulses are not
            return min(pulse, self.transport.time_of(end))
        next_due = min(pulse, self.course.due(min(end, self.scheduler.next_moment(self.course.moment))))
        if not self.band.selected:
            next_due = min(next_due, self.course.due(self.course.first) - SELECT)
        return min(next_due, self.supply.deadline(), self.course.offset.deadline)

    @property
    def transport(self) -> Transport:
        """Musical time, that of clock pulses; `course.due` has the time at which notes leave."""
        return self.course.transport

    def tick(self, now: float) -> int:
        """Return the tick up to which everything has left at `now`, negative before the first note."""
        return self.course.tick(now) if self.playing else self._left

    def position(self, now: float) -> int:
        """Return the straight tick that is heard at `now`, negative before the first note."""
        return self.course.position(now) if self.playing else self._cue

    def _start(self, now: float) -> None:
        self.playing, self.wanted = True, False
        self.supply.begin()
        first = -self.count_in * TICKS_PER_BAR
        self.course.begin(first, max(now + HEADROOM, self._not_before))
        self.stalls.begin()
        self.band.count_in(first)
        self.band.selected = False  # whoever has come to listen since the last start needs them too
        if self.pulses is not None:
            self.pulses.begin(self.transport, 0, now)

    def request(self, now: float) -> BarRequest | None:
        """Return what to ask the composer for at `now`, or None."""
        if self.playing:
            return self.supply.request(now)
        return self.supply.request_ahead(self._cue // TICKS_PER_BAR, now)

    # A master's hand.

    def halt(self, now: float, tick: int | None = None) -> None:
        """End every note and wait for a master to go on; others are sent to `tick`, if it is given."""
        if not self.playing:
            return
        self._left = self._cue = self.tick(now)
        self.scheduler.end_all(self._left)
        self.scheduler.clear()
        self.playing, self.wanted = False, True
        self.course.rest()
        self.supply.begin()
        if self.pulses is not None:
            self.pulses.halt(tick)

    def cue(self, tick: int) -> None:
        """Have the bar of `tick` written, while it stands still: there it goes on."""
        self._cue = max(0, tick)

    @property
    def idling(self) -> bool:
        """Whether it stands still and others hear its pulses."""
        return self.pulses is not None and not self.playing

    def idle(self, line: Transport, since: float) -> None:
        """Have the pulses that others hear lie on those of `line`, from `since` on, while it is idling."""
        if self.pulses is not None:
            self.course.transport = line
            self.pulses.enter(line, since)

    def enter(self, line: Transport, now: float) -> None:
        """Play along `line` from where it is now, if that bar is there and not behind the end."""
        late = line.tick_at(now - self.course.offset.seconds - LATE)
        tick = max(line.anchor_tick, ceil(late))
        number = tick // TICKS_PER_BAR
        self.over = tick >= self.course.end
        if self.over or not self.arranger.ready(number):
            return
        self.playing, self.wanted, self.band.selected = True, False, False
        self.course.join(line, tick)
        self.stalls.begin()
        self.supply.enter(number)
        self.take.enter(line, self._left, tick)
        if self.pulses is not None:
            self.pulses.begin(line, tick, now)

    def steer(self, line: Transport, now: float, reach: float) -> None:
        """Bend so as to be on `line` in `reach` seconds."""
        self.course.steer(line, now, reach)
        self.take.steer(self.transport, line.bpm, now)

    # The performer's hand.

    def play(self) -> None:
        """Begin at the first bar as soon as it is there; nothing if it plays already."""
        self.wanted = not self.playing

    def stop(self, now: float) -> None:
        """End every note and go back to the first bar."""
        if self.playing:
            self.halt(now, 0)
            self.take.stop(self._left)
            self._left = self._cue = 0
            self.arranger.restart()
        self.wanted = False

    def set_bpm(self, bpm: float, now: float) -> None:
        """Go on at `bpm`, clamped, from the next tick on; a first note to come keeps its time."""
        self.course.set_bpm(bpm, now, moving=self.playing)
        if self.pulses is not None and not self.playing:
            self.pulses.enter(self.transport, now)
        self.take.tempo(self.transport)

    def end_all(self, now: float) -> None:
        """End every note at once, and only then in the take, which does that when it ends."""
        self.band.end_all(self.tick(now))
        if self.pulses is not None:
            self.pulses.halt()
