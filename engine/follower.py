"""MIDI clock in: where the master is, as a line between time and ticks."""

from math import inf

from engine.bar import TICKS_PER_PULSE, TICKS_PER_STEP
from engine.midi import CLOCK, CONTINUE, POSITION, START, STOP
from engine.pll import PhaseLock
from engine.transport import Transport

PULSES_PER_STEP = TICKS_PER_STEP // TICKS_PER_PULSE  # a sixteenth, in which song positions are counted
SILENCE, PULSES_MISSED = 0.5, 4  # seconds and pulses without one, whichever is longer: the clock has stopped


class Follower:
    """Hears a master's clock messages, each with the time of its arrival, and says where it is.

    After Start the next pulse is the first of bar 1; after Continue it is the one behind the last, or the one
    that a song position has named. `locked` is said when the beat is probably known to a millisecond: within
    a bar for jitter of up to +-3 ms, after about three where its standard deviation is 3 ms. On a ramp it is
    within 0.2 ms without jitter; with it a ramp is believed only once it shows, some milliseconds late.
    engine/FIGURES.md has the figures of many simulated masters, by tests/engine/master.py.
    """

    def __init__(self, bpm: float) -> None:
        """`bpm` is what the tempo is taken for before the second pulse."""
        self._lock = PhaseLock()
        self._bpm = bpm
        self._last = -inf  # when the last pulse came
        self._at = 0  # its number, 24 a beat from the beginning of the song
        self._next = 0  # the number of the one to come
        self._placed = False  # a pulse has come since the last Start or Continue
        self.running = False  # the master plays, as far as it has said
        self.told = False  # it has said something: whether it plays is its own matter

    def hear(self, message: list[int], time: float) -> bool:
        """Take in a raw message that arrived at `time`, in seconds; return whether it is one of a clock."""
        kind = message[0]
        self.told |= kind in (START, CONTINUE, STOP, POSITION)
        if kind == CLOCK:
            self._pulse(time)
        elif kind == START:
            self.start()
        elif kind == CONTINUE:
            self._go()
        elif kind == STOP:
            self.running = False
        elif kind == POSITION and len(message) == 3:
            self._next = PULSES_PER_STEP * (message[1] + 128 * message[2])
            self._placed = False
        else:
            return False
        return True

    def start(self) -> None:
        """Take the next pulse for the first of bar 1."""
        self._next = 0
        self._go()

    def _go(self) -> None:
        self.running, self._placed = True, False
        self._lock.may_leap()  # many masters begin their row of pulses anew

    def _pulse(self, time: float) -> None:
        if self.silent(time):
            self._lock.reset()
        self._last = time
        counted = self._lock.pulse(time)
        if self._lock.known:
            self._bpm = 60.0 / (24 * self._lock.period)
        if self.running:
            self._at = max(0, self._next + counted - 1)
            self._next = self._at + 1
            self._placed = True

    def silent(self, now: float) -> bool:
        """Return whether no pulse has come for so long that none is expected at `now`."""
        return now - self._last > max(SILENCE, PULSES_MISSED * self._lock.period)

    def line(self, now: float) -> Transport | None:
        """Return where the music is, or None while the master stands still."""
        if not (self.running and self._placed) or self.silent(now):
            return None
        return Transport(self._bpm, self._at * TICKS_PER_PULSE, self._lock.time)

    def row(self, now: float) -> Transport | None:
        """Return the row of pulses on its own, from any of them on; None while none are expected."""
        if not self._lock.known or self.silent(now):
            return None
        return Transport(self._bpm, 0, self._lock.time)

    @property
    def tick(self) -> int:
        """The tick of the next pulse."""
        return self._next * TICKS_PER_PULSE

    @property
    def bpm(self) -> float:
        """The tempo, in beats a minute."""
        return self._bpm

    def text(self, now: float) -> str:
        """Return how it goes, for the performer."""
        if self._last == -inf:
            return "waiting for MIDI clock"
        if self.silent(now):
            return "clock stopped"
        state = "locked" if self._lock.locked else "locking"
        return f"{state} {self._bpm:.1f}" + ("" if self.running else ", waiting for start")
