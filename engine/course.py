"""How far the music has gone: from the straight ticks on which it is written to the times it leaves at."""

from collections.abc import Callable
from math import ceil

from engine.hits import leant
from engine.offset import Offsets
from engine.swing import straight
from engine.transport import Transport, clamp_bpm

SLACK = 3e-5  # seconds off a line that is followed which are not worth a bend


class Course:
    """Time as the performance has it.

    What is written on a straight tick is sent on the tick that swing puts it on, off which a human's hit
    leans, and leaves when `transport` is there, the outputs' `offset` later. `transport` itself knows nothing
    of these, as clock pulses do not.
    """

    def __init__(
        self,
        bpm: float,
        offset: float,
        end: float,
        swing: Callable[[], float],
        tightness: Callable[[], float] = lambda: 1.0,
    ) -> None:
        """`end` is the tick on which it is over, infinity for never.

        `swing` and `tightness` return their amounts now.
        """
        self.transport = Transport(clamp_bpm(bpm), 0, 0.0)
        self.offset = Offsets(offset)
        self.first = 0  # the tick on which it begins: negative with a count-in
        self.end = end
        self.sent = -1  # everything on ticks up to this one has been sent
        self.played = -1  # that is everything written on straight ticks up to this one, but for late hits
        self._swing = swing
        self._tightness = tightness

    def begin(self, first: int, leaves: float) -> None:
        """Go to tick `first`, the sooner of which and its musical time is at `leaves`."""
        self.first = first
        self.offset.settle()
        self.transport = self.transport.moved_to(first, leaves - min(0.0, self.offset.seconds))
        self.sent = self.played = first - 1

    def rest(self) -> None:
        """Go back to the beginning."""
        self.sent = self.played = -1

    def resume(self, now: float) -> float:
        """Go on at `now` with what has not been sent; return by how many seconds that is later."""
        before = self.due(self.sent + 1)
        self.transport = self.transport.moved_to(self.sent + 1, now - self.offset.seconds)
        return now - before

    def set_bpm(self, bpm: float, now: float, moving: bool) -> None:
        """Go on at `bpm`, clamped, from the next tick on, or begin so; a first one to come keeps its time.

        The next tick is the one of which neither a note nor a clock pulse has left, whichever leave first.
        """
        if not moving:
            self.transport = Transport(clamp_bpm(bpm), 0, now)
            return
        self.transport = self.transport.at_tempo(bpm, max(now, now - self.offset.seconds))

    def join(self, line: Transport, tick: int) -> None:
        """Go along `line` from `tick` on."""
        self.offset.settle()
        self.transport, self.first, self.sent = line, tick, tick - 1
        self.played = straight(tick - 1, self._swing())

    def steer(self, line: Transport, now: float, reach: float) -> None:
        """Bend so as to be on `line` `reach` seconds from now, unless that is where it leads."""
        bend = max(now, now - self.offset.seconds)
        off = line.tick_at(bend + reach) - self.transport.tick_at(bend + reach)
        if abs(off) > SLACK * line.ticks_per_second:
            self.transport = self.transport.towards(line, bend, reach)

    def due(self, tick: float) -> float:
        """Return the time at which what is sent on `tick` leaves."""
        return self.transport.time_of(tick) + self.offset.seconds

    def reached(self, now: float) -> int:
        """Return the last tick of which everything is due at `now`."""
        return int(min(self.transport.reached(now, self.offset.seconds), self.end))

    def tick(self, now: float) -> int:
        """Return the tick up to which everything has left at `now`, or is leaving."""
        reached = self.reached(now)
        return reached if reached < self.first else max(self.sent, reached)

    def position(self, now: float) -> int:
        """Return the straight tick whose musical time is `now`."""
        return straight(int(min(self.transport.reached(now), self.end)), self._swing())

    def moment(self, tick: int, lean: int = 0) -> int:
        """Return the tick on which what is written on straight `tick` is sent, if it has not been.

        A human's hit may be struck `lean` ticks off that. Where less swing or more tightness would now have
        had it earlier than what was sent already, that is the next one.
        """
        return max(self.sent + 1, leant(tick, lean, self._swing(), self._tightness()))

    def written_until(self, tick: int) -> int:
        """Return the last straight tick that is sent by `tick`; the end itself is not."""
        return int(min(straight(tick, self._swing()), self.end - 1))

    def open_from(self, now: float) -> int:
        """Return the first straight tick that something which comes at `now` can still reach."""
        return straight(ceil(self.transport.tick_at(now - self.offset.seconds)), self._swing())
