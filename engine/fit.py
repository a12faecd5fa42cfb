"""A polynomial through the last of a row of noisy times: what a phase lock is made of."""

import math

DOUBT = 4.5  # standard deviations by which one fit contradicts another


class Fit:
    """A polynomial of `order` 1 or 2 through the last pulses, one correction a pulse.

    It remembers everything at first and `memory` pulses later on: the expanding-memory polynomial filter,
    then the fading-memory g-h or g-h-k filter with its last gains (Brookner, "Tracking and Kalman Filtering
    Made Easy", sections 1.2.10, 2.3 and 2.4). `spread` is the variance of `time` in units of the jitter's.
    """

    __slots__ = ("curve", "memory", "order", "period", "pulses", "spread", "time")

    def __init__(self, order: int, memory: int) -> None:
        self.order = order
        self.memory = memory
        self.begin(0.0)

    def begin(self, time: float) -> None:
        """Know nothing but that a pulse came at `time`."""
        self.time, self.period, self.curve, self.pulses, self.spread = time, 0.0, 0.0, 1, 1.0

    def advance(self) -> None:
        """Go on to the next pulse's time."""
        self.time += self.period + self.curve / 2
        self.period += self.curve

    def correct(self, error: float) -> None:
        """Take in that the pulse came `error` seconds after `time`."""
        n = self.pulses
        if self.order == 1:
            scale = (n + 1.0) * (n + 2.0)
            self.spread = 2.0 * (2 * n + 1) / scale
            self.period += 6.0 / scale * error
        else:
            scale = (n + 1.0) * (n + 2.0) * (n + 3.0)
            self.spread = 3.0 * (3 * n * n + 3 * n + 2) / scale
            self.period += 18.0 * (2 * n + 1) / scale * error
            self.curve += 60.0 / scale * error
        self.time += self.spread * error
        if n < self.memory - 1:
            self.pulses = n + 1

    def follow(self, other: "Fit") -> None:
        """Go on from `other`, as sure as that one is."""
        self.time, self.period, self.spread = other.time, other.period, other.spread
        self.curve = other.curve if self.order == 2 else 0.0
        as_sure = other.pulses * (4.0, 9.0)[self.order - 1] / (4.0, 9.0)[other.order - 1]  # spreads: 4/n, 9/n
        self.pulses = max(self.order + 1, min(self.memory - 1, int(as_sure)))

    def forget(self, time: float, period: float, pulses: int) -> None:
        """Go on from `time` and `period`, as sure as after `pulses` pulses."""
        self.time, self.period, self.curve = time, period, 0.0
        self.pulses = max(self.order + 1, min(self.pulses, pulses))
        self.spread = min(1.0, (4.0 if self.order == 1 else 9.0) / self.pulses)


def steadiest(ramps: list[Fit], straights: list[Fit], jitter: float) -> Fit:
    """Return the best fit, the longest that no quicker one contradicts by DOUBT deviations.

    Those that are contradicted go on from the best of `ramps`.
    """
    best, doubt = ramps[0], DOUBT * jitter
    agreed: list[tuple[Fit, float]] = [(best, doubt * math.sqrt(best.spread))]
    for fit in ramps[1:]:
        reach = doubt * math.sqrt(fit.spread)
        if _contradicted(fit, agreed, reach):
            fit.follow(best)
        else:
            best = fit
            agreed.append((fit, reach))
    ramp = best
    # The deviation of a quadratic fit's second derivative, sqrt(720 / n^5), in units of the jitter.
    ramping = abs(ramp.curve) > doubt * 26.8 / max(3, ramp.pulses) ** 2.5
    for fit in straights:
        reach = doubt * math.sqrt(fit.spread)
        lag = abs(ramp.curve) * fit.pulses**2 / 8  # behind a ramp, between n^2/12 and n^2/6
        if _contradicted(fit, agreed, reach) or (ramping and lag * DOUBT > reach):
            fit.follow(ramp)
        else:
            agreed.append((fit, reach))
            if fit.spread <= best.spread:
                best = fit
    return best


def _contradicted(fit: Fit, agreed: list[tuple[Fit, float]], reach: float) -> bool:
    """Return whether `fit` is too far from one of `agreed`, with their reaches; if straight a quicker one."""
    return any(
        abs(other.time - fit.time) > max(reach, others_reach)
        for other, others_reach in agreed
        if other.pulses > other.order and (other.order == 2 or other.pulses < fit.pulses)
    )


def squares(errors: list[float], level: float) -> float:
    """Return what is left of `errors` around `level`, squared."""
    return sum((error - level) ** 2 for error in errors)


def bend(errors: list[float]) -> tuple[float, float, int]:
    """Fit `errors` by nothing, then a rise: return the squares left, the rise a pulse, and its pulses."""
    best = (math.inf, 0.0, 0)
    for since in range(3, len(errors) + 1):
        tail = errors[-since:]
        norm = since * (since + 1) * (2 * since + 1) / 6
        rise = sum(number * error for number, error in enumerate(tail, 1)) / norm
        left = squares(errors[:-since], 0.0)
        left += sum((error - rise * number) ** 2 for number, error in enumerate(tail, 1))
        best = min(best, (left, rise, since))
    return best
