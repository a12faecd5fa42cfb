"""The rail that holds a performance to the line of others: it is bent back, or moved if it is too far off."""

from math import inf

from engine.bar import PPQN, TICKS_PER_PULSE, TICKS_PER_STEP
from engine.performance import Performance
from engine.transport import Transport

# Ticks off the line from which the music is moved there rather than bent. For a clock that is below a
# sixteenth, the least that a song position can move it by. A session has none, and late news of its tempo
# puts it off by less than a beat.
CLOCK_FAR, LINK_FAR = 0.75 * TICKS_PER_STEP, PPQN
REACH = 0.05  # seconds in which a bend leads back to the line; two pulses where they are longer


class Rail:
    """Holds a performance to a line."""

    def __init__(self, performance: Performance, far: float) -> None:
        """From `far` ticks off the line on it is moved there."""
        self._performance = performance
        self._far = far
        self._arrival = -inf  # when a bend has led back, and goes beyond the line unless it is bent again
        performance.led = True

    @property
    def deadline(self) -> float:
        """The time by which `hold` is to be called again."""
        return self._arrival if self._performance.playing else inf

    def loosen(self) -> None:
        """Bend at the next `hold`: there is news of the line."""
        self._arrival = -inf

    def hold(self, line: Transport, now: float) -> None:
        """Have it play where `line` is at `now`, as soon as that bar is there."""
        performance = self._performance
        off = abs(line.tick_at(now) - performance.transport.tick_at(now))
        if performance.playing and off > self._far:
            performance.halt(now)
        if not performance.playing:
            if performance.wanted:
                performance.cue(int(line.tick_at(now + performance.arranger.pending.lead)))
                performance.enter(line, now)
            return
        reach = max(REACH, 2 * TICKS_PER_PULSE / line.ticks_per_second)
        if now >= self._arrival:
            performance.steer(line, now, reach)
            self._arrival = now + reach
