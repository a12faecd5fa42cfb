"""Musical time: ticks and seconds tied together at one moment, so that a tempo change keeps the phase."""

import math
from dataclasses import dataclass, replace

from engine.bar import PPQN, TICKS_PER_STEP
from engine.messages import BPM_RANGE

MEMORY = 1.0  # seconds for which the lines before a tempo change are kept: notes may leave that late


@dataclass(frozen=True, slots=True)
class Transport:
    """A line between time and ticks: at `anchor_time` (seconds of the clock) it is `anchor_tick`.

    It is straight from there on. What came before a change of tempo is remembered for a while, so that a
    tick on the way when the tempo changed keeps its time.
    """

    bpm: float
    anchor_tick: int
    anchor_time: float
    past: tuple["Transport", ...] = ()  # the lines before, oldest first; each ends where the next begins

    @property
    def ticks_per_second(self) -> float:
        """Ticks (1/PPQN of a beat) in a second."""
        return self.bpm * PPQN / 60.0

    def time_of(self, tick: float) -> float:
        """Return the time, in seconds of the clock, at which it is `tick`."""
        line = self
        if tick < self.anchor_tick and self.past:
            line = next((p for p in reversed(self.past) if p.anchor_tick <= tick), self.past[0])
        return line.anchor_time + (tick - line.anchor_tick) / line.ticks_per_second

    def tick_at(self, time: float) -> float:
        """Return the tick, with its fraction, at `time` in seconds of the clock."""
        line = self
        if time < self.anchor_time and self.past:
            line = next((p for p in reversed(self.past) if p.anchor_time <= time), self.past[0])
        return line.anchor_tick + (time - line.anchor_time) * line.ticks_per_second

    def reached(self, time: float, late: float = 0.0) -> int:
        """Return the last whole tick that is due at `time`: the last with `time_of(tick) + late <= time`."""
        tick = math.floor(self.tick_at(time - late))
        # Rounding may put a tick's own time a hair before it; a deadline must never be missed by itself.
        return tick + 1 if self.time_of(tick + 1) + late <= time else tick

    def at_tempo(self, bpm: float, time: float) -> "Transport":
        """Return the transport that goes on at `bpm` (clamped to BPM_RANGE) from the next tick after `time`.

        The line bends at a whole tick, so that a recorded tempo map is exact, and never before it bent last.
        """
        return self._bent(clamp_bpm(bpm), max(self.anchor_tick, math.ceil(self.tick_at(time))))

    def towards(self, goal: "Transport", time: float, reach: float) -> "Transport":
        """Return the transport that bends at the next tick after `time` to be on `goal` in `reach` seconds.

        It goes at half the tempo of `goal` at least and at twice that at most.
        """
        tick = max(self.anchor_tick, math.ceil(self.tick_at(time)))
        pace = (goal.tick_at(self.time_of(tick) + reach) - tick) / (reach * goal.ticks_per_second)
        return self._bent(goal.bpm * max(0.5, min(2.0, pace)), tick)

    def _bent(self, bpm: float, tick: int) -> "Transport":
        bend = self.time_of(tick)
        line = Transport(bpm, tick, bend)
        past = self.past if tick == self.anchor_tick else (*self.past, replace(self, past=()))
        ends = [after.anchor_time for after in (*past, line)[1:]]
        recent = tuple(p for p, end in zip(past, ends, strict=True) if end > bend - MEMORY)
        return replace(line, past=recent)

    def moved_to(self, tick: int, time: float) -> "Transport":
        """Return the transport at the same tempo that is at `tick` at `time`."""
        return Transport(self.bpm, tick, time)


def clamp_bpm(bpm: float) -> float:
    """Return `bpm` within BPM_RANGE."""
    low, high = BPM_RANGE
    return max(low, min(high, bpm))


def next_step(tick: float, ticks_per_step: int = TICKS_PER_STEP) -> int:
    """Return the first step boundary at or after `tick`, counted from the start of the performance."""
    return math.ceil(tick / ticks_per_step)
