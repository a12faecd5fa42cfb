"""Swing: every second sixteenth comes later; a map from straight ticks to the ticks they are sent on.

Within a pair of sixteenths, an eighth long, the map is two straight lines that meet in a knee: the first
sixteenth is stretched to it, the second one squeezed behind it. Pairs begin where they do without swing,
whatever the amount, so tempo, bar lines and clock pulses know nothing of it.
"""

from engine.bar import TICKS_PER_STEP

PAIR = 2 * TICKS_PER_STEP
MOST = PAIR // 4  # ticks by which the second sixteenth is late at amount 1: three quarters through its pair


def swung(tick: int, amount: float) -> int:
    """Return the tick at which what is written at straight `tick` is sent.

    `amount` is 0 (the second sixteenth starts halfway through the pair, 50 %) to 1 (75 %); at 2/3 it is the
    last third of a triplet. Later ticks never come earlier. Whole ticks, as a take has them.
    """
    inside = tick % PAIR
    knee = _knee(amount)
    if inside < TICKS_PER_STEP:
        return tick - inside + inside * knee // TICKS_PER_STEP
    return tick - inside + PAIR - (PAIR - inside) * (PAIR - knee) // TICKS_PER_STEP


def straight(tick: int, amount: float) -> int:
    """Return the last straight tick that is sent by `tick`: the inverse of `swung`."""
    inside = tick % PAIR
    knee = _knee(amount)
    if inside < knee:
        return tick - inside + (TICKS_PER_STEP * (inside + 1) - 1) // knee
    return tick - inside + PAIR + -TICKS_PER_STEP * (PAIR - inside) // (PAIR - knee)


def _knee(amount: float) -> int:
    return TICKS_PER_STEP + round(MOST * amount)
