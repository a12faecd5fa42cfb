"""The middle of jitter that keeps within two bounds, as that of a clock does which is sent on a grid."""

import numpy as np

from engine.fit import Fit

MEMORY = 192  # pulses
FEWEST = 72  # pulses from which on the form of the jitter shows
PACE = 4  # pulses from one look at them all to the next
STEPS = 2  # of Newton's at each look: the answer of the one before is near
BOUNDED = 2.2  # the kurtosis up to which jitter has edges: it is 1.8 of a uniform one, 3 of a Gaussian
GAIN = 0.5  # the deviation of what is found, over that of least squares


class Level:
    """A straight line through the last pulses, such that the eighth powers of their errors are least.

    Where jitter is spread evenly between two bounds, its edges tell more than its mean: after a bar the line
    is known twice as well as by least squares, the best for Gaussian jitter. So there is a line only where
    the kurtosis of the errors is small. A pulse takes 10 microseconds, every PACE-th one ten times as many.
    """

    def __init__(self) -> None:
        self._times, self._numbers = np.empty(2 * MEMORY), np.empty(2 * MEMORY)
        self.clear()

    def clear(self) -> None:
        """Forget every pulse."""
        self._kept = 0
        self._number = 0.0  # of the last pulse
        self._unseen = 0  # pulses since the last look
        self.time = self.period = 0.0
        self.found = False  # there is a line, which is at `time` on the last pulse

    def advance(self) -> None:
        """Go on to the next pulse's time."""
        self._number += 1.0
        self.time += self.period

    def correct(self, arrived: float, best: Fit, reach: float) -> None:
        """Take in when the pulse `arrived`; a line that is not within `reach` of the `best` fit is none."""
        if self._kept == 2 * MEMORY:
            self._times[:MEMORY], self._numbers[:MEMORY] = self._times[MEMORY:], self._numbers[MEMORY:]
            self._kept = MEMORY
        self._times[self._kept], self._numbers[self._kept] = arrived, self._number
        self._kept += 1
        self._unseen += 1
        count = min(best.pulses if best.order == 1 else 0, self._kept, MEMORY)
        if count < FEWEST:
            self.found = False
        elif self._unseen >= PACE:
            if not self.found:
                self.time, self.period = best.time, best.period
            self._look(slice(self._kept - count, self._kept))
            self._unseen = 0
        self.found &= abs(self.time - best.time) <= reach

    def _look(self, last: slice) -> None:
        since = self._numbers[last] - self._number
        middle = float(since[0]) / 2
        x = since - middle
        errors = self._times[last] - (self.time + since * self.period)
        rise = fall = 0.0  # of the line in its middle; and of its slope
        for _ in range(STEPS):
            scale = float(np.abs(errors).max())
            if scale == 0.0:
                break
            ratio = errors / scale
            sixth = ratio**2
            sixth *= sixth * sixth
            pull = sixth * ratio
            arm = sixth * x
            w, wx, wxx = float(sixth.sum()), float(arm.sum()), float(arm @ x)
            whole = w * wxx - wx * wx
            if whole <= 0.0:
                break
            g, gx = float(pull.sum()), float(pull @ x)
            up, turn = (wxx * g - wx * gx) * scale / 7 / whole, (w * gx - wx * g) * scale / 7 / whole
            rise, fall = rise + up, fall + turn
            errors -= up + turn * x
        self.time += rise - fall * middle
        self.period += fall
        squares = (errors - errors.mean()) ** 2
        mean = float(squares.mean())
        self.found = float(squares @ squares) / len(squares) < BOUNDED * mean * mean
