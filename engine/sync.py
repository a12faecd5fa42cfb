"""Keeps a performance in time with others: with a master's MIDI clock, or with an Ableton Link session."""

from collections.abc import Callable
from typing import Protocol

from engine.bar import TICKS_PER_PULSE
from engine.desk import Desk
from engine.follower import Follower
from engine.link import AHEAD, Peer
from engine.midi import CLOCK, CONTINUE, START
from engine.performance import Performance
from engine.rail import CLOCK_FAR, LINK_FAR, Rail
from engine.setup import Setup
from engine.transport import Transport, clamp_bpm

HELD = 2  # pulses after Start or Continue within which the next one is expected
OVERDUE = 0.25  # of a pulse by which ours may still be sent when the master's has come


class Sync(Protocol):
    """Starts, bends, moves and stops a performance as others do; the performer's hand goes before."""

    @property
    def bpm(self) -> float:
        """The tempo of the others, in beats a minute."""

    @property
    def deadline(self) -> float:
        """The time by which `turn` is to be called again, infinity for never."""

    def hear(self, message: list[int], time: float, now: float) -> bool:
        """Take in a raw message that arrived at `time`; return whether it was one of a clock."""

    def turn(self, now: float) -> None:
        """Bring the performance to where the others are at `now`."""

    def play(self, now: float) -> None:
        """The performer wants to play."""

    def stop(self, now: float) -> None:
        """The performer wants silence."""

    def set_bpm(self, bpm: float, now: float) -> str:
        """The performer wants another tempo; return why that cannot be, "" if it can."""

    def text(self, now: float) -> str:
        """Return how it goes, for the performer."""


class ClockSync:
    """Does as the master does whose MIDI clock comes in.

    What was stopped by the performer waits for Play, or for the master's next start.
    """

    def __init__(self, bpm: float, performance: Performance, listening: Callable[[], bool]) -> None:
        """`listening` returns whether there is an input by which a clock could come in."""
        self._listening = listening
        self._follower = Follower(bpm)
        self._performance = performance
        self._rail = Rail(performance, CLOCK_FAR)

    def hear(self, message: list[int], time: float, now: float) -> bool:
        """Take in a raw message that arrived at `time`; return whether it was one of a clock."""
        if not self._follower.hear(message, time):
            return False
        if message[0] in (START, CONTINUE) and not self._performance.playing:
            self._performance.wanted = True
        if message[0] == CLOCK:
            self._rail.loosen()
        self.turn(now)
        if self._performance.idling and (row := self._follower.row(now)) is not None:
            # The pulse behind Start begins the music: no other one of ours comes shortly before it.
            wait = HELD if message[0] in (START, CONTINUE) else -OVERDUE
            self._performance.idle(row, now + wait * TICKS_PER_PULSE / row.ticks_per_second)
        return True

    def turn(self, now: float) -> None:
        """Bring the performance to where the master is at `now`."""
        line = self._follower.line(now)
        if line is not None:
            self._rail.hold(line, now)
            return
        self._performance.halt(now)
        if self._performance.wanted:
            self._performance.cue(self._follower.tick)

    def play(self, _: float) -> None:
        """Join the master, or wait for it; one that only ever pulses is joined at bar 1 on its next pulse."""
        self._performance.play()
        if not (self._follower.running or self._follower.told):
            self._follower.start()

    def stop(self, now: float) -> None:
        """Be silent; the master goes on."""
        self._performance.stop(now)

    def set_bpm(self, _: float, __: float) -> str:
        """Return why that cannot be."""
        return "the tempo is that of the MIDI clock: to set it here, leave --sync out"

    @property
    def deadline(self) -> float:
        """The time by which `turn` is to be called again, infinity for never."""
        return self._rail.deadline

    @property
    def bpm(self) -> float:
        """The master's tempo, in beats a minute."""
        return self._follower.bpm

    def text(self, now: float) -> str:
        """Return how it goes, for the performer."""
        return self._follower.text(now) if self._listening() else "no MIDI input"


class LinkSync:
    """Plays in an Ableton Link session: its tempo and its bars, and starts and stops with the others.

    A performance that begins by itself begins with the others' next bar and starts nobody; the performer's
    Play, Stop and tempo are everybody's.
    """

    def __init__(self, peer: Peer, performance: Performance, not_before: float) -> None:
        """`not_before` is the earliest time of the first note."""
        self._peer = peer
        self._performance = performance
        self._rail = Rail(performance, LINK_FAR)
        self._not_before = not_before
        self._begin = performance.wanted  # as soon as its first bar is there
        self._share = False  # and so that the others begin, too

    def hear(self, _: list[int], __: float, ___: float) -> bool:
        """Return False: no MIDI message is one of a session."""
        return False

    def turn(self, now: float) -> None:
        """Bring the performance to where the session is at `now`."""
        performance, started = self._performance, self._peer.news(now)
        if started is not None:
            self._begin = False
            if started:
                performance.wanted = not performance.playing
            else:
                performance.stop(now)
        if self._begin and performance.arranger.ready(0) and now > self._not_before - AHEAD:
            self._peer.start(max(now + AHEAD, self._not_before), self._share)
            self._begin = False
        line = self._peer.line(now)
        if line is not None:
            self._rail.hold(line, now)
        else:
            performance.halt(now)
            performance.cue(0)
            if performance.idling and performance.transport.bpm != self._peer.bpm:
                performance.idle(Transport(self._peer.bpm, 0, now), now)

    def play(self, now: float) -> None:
        """Begin at bar 1 with the next bar, the others as well; nothing if it plays already."""
        if not self._peer.running:
            self._performance.play()
            self._begin = self._share = True
            self.turn(now)

    def stop(self, now: float) -> None:
        """Be silent, the others as well."""
        self._begin = False
        self._performance.stop(now)
        self._peer.stop(now)

    def set_bpm(self, bpm: float, now: float) -> str:
        """Propose `bpm`, clamped, to the session, which takes it."""
        self._peer.set_bpm(clamp_bpm(bpm), now)
        self._rail.loosen()
        return ""

    @property
    def deadline(self) -> float:
        """The time by which `turn` is to be called again, infinity for never."""
        return self._rail.deadline

    @property
    def bpm(self) -> float:
        """The session's tempo, in beats a minute."""
        return self._peer.bpm

    def text(self, _: float) -> str:
        """Return how it goes, for the performer."""
        going = self._peer.running or self._begin
        return self._peer.text() + ("" if going else ", waiting for start")


def in_time_with(setup: Setup, desk: Desk, performance: Performance, not_before: float) -> Sync | None:
    """Return what keeps `performance` in time with those that `setup` and `desk` name, None for nobody.

    `not_before` is the earliest time of the first note.
    """
    if setup.sync == "midi":
        return ClockSync(setup.bpm, performance, lambda: bool(desk.in_port))
    return None if desk.peer is None else LinkSync(desk.peer, performance, not_before)
