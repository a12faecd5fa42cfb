"""Musical time: ticks and seconds tied together at one moment, so that a tempo change keeps the phase."""

import math
from dataclasses import dataclass, replace

from engine.bar import PPQN, TICKS_PER_STEP
from engine.messages import BPM_RANGE


@dataclass(frozen=True, slots=True)
class Transport:
    """A straight line between time and ticks: at `anchor_time` (seconds of the clock) it is `anchor_tick`."""

    bpm: float
    anchor_tick: int
    anchor_time: float

    @property
    def ticks_per_second(self) -> float:
        """Ticks (1/PPQN of a beat) in a second."""
        return self.bpm * PPQN / 60.0

    def time_of(self, tick: float) -> float:
        """Return the time, in seconds of the clock, at which it is `tick`."""
        return self.anchor_time + (tick - self.anchor_tick) / self.ticks_per_second

    def tick_at(self, time: float) -> float:
        """Return the tick, with its fraction, at `time` in seconds of the clock."""
        return self.anchor_tick + (time - self.anchor_time) * self.ticks_per_second

    def reached(self, time: float) -> int:
        """Return the last whole tick that is due at `time`: every tick with `time_of(tick) <= time`."""
        tick = math.floor(self.tick_at(time))
        # Rounding may put a tick's own time a hair before it; a deadline must never be missed by itself.
        return tick + 1 if self.time_of(tick + 1) <= time else tick

    def at_tempo(self, bpm: float, time: float) -> "Transport":
        """Return the transport that goes on at `bpm` (clamped to BPM_RANGE) from the next tick after `time`.

        The line bends at a whole tick, so that a recorded tempo map is exact.
        """
        tick = math.ceil(self.tick_at(time))
        return Transport(clamp_bpm(bpm), tick, self.time_of(tick))

    def moved_to(self, tick: int, time: float) -> "Transport":
        """Return the transport at the same tempo that is at `tick` at `time`."""
        return replace(self, anchor_tick=tick, anchor_time=time)


def clamp_bpm(bpm: float) -> float:
    """Return `bpm` within BPM_RANGE."""
    low, high = BPM_RANGE
    return max(low, min(high, bpm))


def next_step(tick: float) -> int:
    """Return the first step boundary at or after `tick`, counted from the start of the performance."""
    return math.ceil(tick / TICKS_PER_STEP)
