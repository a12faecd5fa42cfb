"""MIDI clock out: pulses along the transport, and the messages that tell others where the music goes on."""

from collections.abc import Callable
from math import ceil, inf

from engine.bar import TICKS_PER_PULSE, TICKS_PER_STEP
from engine.midi import CLOCK, CONTINUE, POSITION, START, STOP
from engine.transport import Transport

POSITIONS = 128 * 128  # sixteenths that a song position can count: 1024 bars
ASLEEP = 0.5  # seconds behind from which pulses are left out rather than sent all at once


class Pulses:
    """Sends a pulse on every twenty-fourth of a beat for ever, also while nothing plays, to hold the tempo.

    Others set out with Start at the first tick of the music, or with Continue on the first sixteenth that a
    song position can name. `send(message, due)` takes each raw message; `due` is the time of a pulse, None
    for what has none.
    """

    def __init__(self, send: Callable[[list[int], float | None], None]) -> None:
        self._send = send
        self._next: int | None = None  # the tick of the next pulse
        self._left = -inf  # the time of the last one
        self._cue: int | None = None  # the tick at which the others set out
        self._running = False  # they have

    def deadline(self, line: Transport, end: float = inf) -> float:
        """Return the time of the next pulse before tick `end`, infinity if none is or before `advance`."""
        return inf if self._next is None or self._next >= end else line.time_of(self._next)

    def advance(self, line: Transport, now: float, end: float = inf) -> None:
        """Send what is due at `now`, the music being on `line`; on tick `end` it is over."""
        if self._next is None or now - line.time_of(self._next) > ASLEEP:
            self.enter(line, now)
        while self._next is not None and self._next < end and (due := line.time_of(self._next)) <= now:
            if self._next == self._cue:
                self._send([CONTINUE if self._cue else START], None)
                self._cue, self._running = None, True
            self._send([CLOCK], due)
            self._left = due
            self._next += TICKS_PER_PULSE

    def enter(self, line: Transport, now: float) -> None:
        """Go on along `line`, on which ticks have other numbers than before, without two pulses at once."""
        pulse = TICKS_PER_PULSE / line.ticks_per_second
        soonest = line.tick_at(max(now, self._left + pulse / 2))
        self._next = ceil(soonest / TICKS_PER_PULSE) * TICKS_PER_PULSE
        if self._cue is not None:
            self._next = min(self._next, self._cue)

    def begin(self, line: Transport, tick: int, now: float) -> None:
        """Have the others set out at `tick` of `line`, or at the first sixteenth after it."""
        if self._running:
            self.halt()
        self._cue = ceil(tick / TICKS_PER_STEP) * TICKS_PER_STEP
        if self._cue:
            self._locate(self._cue)
        self.enter(line, now)

    def halt(self, tick: int | None = None) -> None:
        """Stop the others, if they run, and let them go to `tick`, if it is given; pulses go on."""
        if self._running:
            self._send([STOP], None)
            if tick is not None:
                self._locate(tick)
        self._cue, self._running = None, False

    def _locate(self, tick: int) -> None:
        sixteenth = tick // TICKS_PER_STEP % POSITIONS
        self._send([POSITION, sixteenth & 0x7F, sixteenth >> 7], None)
