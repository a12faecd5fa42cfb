"""Velocities: an accent for each cell of the bar, and a knob that widens or flattens it."""

from engine.bar import STEPS_PER_BAR, TICKS_PER_STEP

# The weight of each sixteenth of a bar of 4/4, 0 (weakest) to 1 (the downbeat): metrical strength
# as in Lerdahl & Jackendoff's grid, bar > half > beat > eighth > sixteenth.
METRE = tuple(
    1.0 if step == 0 else 0.75 if step == 8 else 0.55 if step % 4 == 0 else 0.3 if step % 2 == 0 else 0.0
    for step in range(STEPS_PER_BAR)
)
# A backbeat leans the other way: beats two and four carry the snare.
BACKBEAT = tuple(1.0 if step in (4, 12) else METRE[step] * 0.5 for step in range(STEPS_PER_BAR))

CENTRE = 84  # the velocity around which accents spread: mezzo-forte
SPREAD = 34  # between the weakest and the strongest cell at the neutral setting of the knob


def accent(weights: tuple[float, ...], tick: int, lean: float = 0.0) -> int:
    """Return the velocity of a note struck `tick` ticks into the bar; `lean` in [-1, 1] shades its voice."""
    weight = weights[(tick // TICKS_PER_STEP) % len(weights)]
    return _clamp(CENTRE + SPREAD * (weight - 0.5) + 20 * lean)


def shape(velocity: int, dynamics: float) -> int:
    """Return `velocity` with its accent flattened (`dynamics` 0), as written (0.5) or doubled (1)."""
    return _clamp(CENTRE + (velocity - CENTRE) * 2.0 * dynamics)


def _clamp(velocity: float) -> int:
    return max(1, min(127, round(velocity)))
