"""A phase lock on a jittery row of pulses: when the last one really was, and how long one lasts."""

import math
from collections import deque

from engine.fit import DOUBT, Fit, bend, squares, steadiest
from engine.level import GAIN, Level

SHORTEST, LONGEST = 60 / (24 * 400), 60 / (24 * 10)  # seconds from pulse to pulse: 400 and 10 beats a minute
# The memories, in pulses: of quadratic fits, which follow a ramp, and of straight ones, which are steadier.
RAMPS, STRAIGHTS = (8, 24, 96, 384), (24, 96, 384, 1536)
PROBE = 1  # of RAMPS: the one whose errors tell the jitter, as it is hardly ever wrong about the tempo
JITTER_FLOOR, FIRST_JITTER = 3e-5, 1e-3  # seconds
JITTER_MEMORY = 96  # pulses
OUTLIER, SLIGHTEST, HALF = 5.0, 5e-4, 0.6  # of an outlier: deviations, seconds at least, periods at most
BEGIN = 8  # pulses from which on there are outliers
FEWEST, MOST, PATIENT = 4, 12, 48  # outliers in a row that are judged, by their odds; and in any case
UNEVEN = 0.025  # seconds from one gap to the next up to which the first pulses are one row
HISTORY = 24  # pulses before and in such a run that are looked at
# Seconds of uncertainty up to which it locks, at first and after BAR pulses; from LOST on it does so anew.
SURE, LATER, LOST = 2.5e-4, 3.8e-4, 5e-4
BAR = 84


class PhaseLock:
    """The steadiest of several fits that no quicker one contradicts: narrow when steady, wide on a ramp.

    The measure of a contradiction is the jitter itself, so that a clean clock is followed closely and a
    jittery one patiently (the choice of the memory is Lepski's: the longest whose bias does not show). With
    jitter of standard deviation s a steady clock's phase is known to about 2 s / sqrt(n) after n pulses, the
    least that is possible for Gaussian jitter; of jitter with bounds a Level knows more. A pulse far off is
    left out; several in a row are judged: pulses lost or doubled, a jump of the phase, or another tempo.
    """

    def __init__(self) -> None:
        self._ramps = [Fit(2, memory) for memory in RAMPS]
        self._straights = [Fit(1, memory) for memory in STRAIGHTS]
        self._fits = [*self._ramps, *self._straights]
        self._level = Level()
        self._variance, self._measured = FIRST_JITTER**2, 4
        self.reset()

    def reset(self) -> None:
        """Forget every pulse; how jittery they were is remembered."""
        self._best = self._straights[0]
        self._level.clear()
        self._pulses = 0  # since then
        self._last = -math.inf
        self._apart = math.inf
        self._errors: deque[float] = deque(maxlen=HISTORY)
        self._odd = 0  # outliers in a row
        self._leap = False  # the phase may jump at the next pulse
        self.locked = False

    @property
    def time(self) -> float:
        """When the last pulse was, in seconds, its jitter taken out."""
        return self._level.time if self._level.found else self._best.time

    @property
    def period(self) -> float:
        """Seconds to the next pulse; LONGEST before the second one."""
        level, best = self._level, self._best
        period = level.period if level.found else best.period + best.curve / 2
        return max(SHORTEST, min(LONGEST, period)) if self._pulses > 1 else LONGEST

    @property
    def jitter(self) -> float:
        """The standard deviation of the arrivals, in seconds."""
        return max(JITTER_FLOOR, math.sqrt(self._variance))

    @property
    def known(self) -> bool:
        """Whether there is a period."""
        return self._pulses > 1

    def may_leap(self) -> None:
        """Take the phase from the next pulse, which may begin a row of its own; the tempo stays."""
        self._leap = True

    def pulse(self, time: float) -> int:
        """Take in a pulse that arrived at `time`; return by how many the count of pulses has grown.

        That is 1, unless it turns out that pulses were lost or doubled a few pulses ago.
        """
        apart, self._last = time - self._last, time
        if (self._pulses < BEGIN and apart < SHORTEST / 3) or (self._pulses <= BEGIN and self._leap):
            self._pulses = 0  # a burst tells no tempo, and what has hardly begun is nothing to keep
        if 1 < self._pulses <= BEGIN and abs(apart - self._apart) > UNEVEN:
            self._pulses = 0  # a pause in a row that has hardly begun tells neither tempo nor jitter
        self._apart = apart
        self._leap, leaping = False, self._leap
        self._pulses += 1
        for fit in self._fits:
            if self._pulses == 1:
                fit.begin(time)
            elif self._pulses == 2:
                fit.forget(time, apart, 2)
            else:
                fit.advance()
        self._level.advance()
        if self._pulses <= 2:
            return 1
        error = time - self._best.time
        gate = min(max(OUTLIER * self.jitter, SLIGHTEST), HALF * self._best.period)
        if leaping:
            self._land(time)
            return 1
        if self._pulses > BEGIN:
            self._errors.append(error)
        if abs(error) > gate and self._pulses > BEGIN:
            self._odd += 1
            chance = (gate / self.jitter) ** 2 / 2 + 0.7  # about -log of the probability of such an error
            return 1 + (self._judge() if self._odd >= min(MOST, max(FEWEST, 20 / chance)) else 0)
        self._correct(time)
        unsure = self.jitter * math.sqrt(self._best.spread)
        self._level.correct(time, self._best, DOUBT * unsure)
        if self._level.found:
            unsure *= GAIN
        limit = LOST if self.locked else LATER if self._pulses >= BAR else SURE
        self.locked = unsure < limit and self._pulses > BEGIN
        return 1

    def _correct(self, time: float) -> None:
        """Take in a pulse that came about when it was expected."""
        if self._odd:  # the quicker a fit, the further astray is it without a pulse
            self._odd = 0
            for fit in self._fits:
                if fit.spread > self._best.spread:
                    fit.follow(self._best)
        self._measure(time)
        for fit in self._fits:
            fit.correct(time - fit.time)
        self._best = steadiest(self._ramps, self._straights, self.jitter)

    def _measure(self, time: float) -> None:
        probe = self._ramps[PROBE]
        square = (time - probe.time) ** 2 / (1.0 + probe.spread if probe.pulses > 2 else 3.0)
        if self._pulses > BEGIN:
            square = min(square, 16.0 * self._variance)
        self._measured = min(self._measured + 1, JITTER_MEMORY)
        self._variance += (square - self._variance) / self._measured

    def _land(self, time: float) -> None:
        """Take the phase from a pulse at `time` and keep the tempo.

        Also where the pulse fits those before: within their jitter a new row cannot be told from the old one.
        """
        self._level.clear()
        self._restart(time, self._best.period, BEGIN)
        self._errors.clear()
        self._odd = 0

    def _judge(self) -> int:
        """Find out what a run of outliers means; return by how many pulses the count was wrong."""
        errors, period = list(self._errors), self._best.period
        before, odd = errors[: -self._odd], errors[-self._odd :]
        shift = sum(odd) / len(odd)
        lost = round(shift / period)
        tolerance = max(self.jitter, 3e-4, 0.01 * period) ** 2
        at_rest = squares(before, 0.0) if len(odd) < HISTORY else 0.0
        jump = at_rest + squares(odd, shift)
        slip = at_rest + squares(odd, lost * period) if lost else math.inf
        tempo, change, since = bend(errors)
        least = min(jump, tempo)
        fits = least <= 4 * len(errors) * tolerance
        if self._odd < PATIENT and (not fits or abs(jump - tempo) < 20 * tolerance):
            return 0  # a stall and the burst behind it fit nothing, and are over soon
        counted = 0
        if fits and jump <= tempo:
            if slip < jump + 12 * tolerance:
                counted = lost
                for fit in self._fits:
                    fit.time += lost * fit.period
            else:
                self._restart(self._best.time + shift, period, BEGIN)
        elif fits:
            self._restart(self._best.time + change * since, period + change, since)
        else:
            self._pulses = 0  # nothing that is known is of use
            self.locked = False
        self._errors.clear()
        self._level.clear()
        self._odd = 0
        return counted

    def _restart(self, time: float, period: float, pulses: int) -> None:
        for fit in self._fits:
            fit.forget(time, period, pulses)
        self._best = self._straights[0]
        self.locked = False
