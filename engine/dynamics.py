"""Velocities: an accent for each cell of the bar, and a knob that widens or flattens it."""

from engine.bar import STEPS_PER_BAR, TICKS_PER_STEP

# The weight of each sixteenth of a bar of 4/4, 0 (weakest) to 1 (the downbeat): metrical strength
# as in Lerdahl & Jackendoff's grid, bar > half > beat > eighth > sixteenth.
METRE = tuple(
    1.0 if step == 0 else 0.75 if step == 8 else 0.55 if step % 4 == 0 else 0.3 if step % 2 == 0 else 0.0
    for step in range(STEPS_PER_BAR)
)
# A bass carries the beat: firm on every quarter, and what lies between stays close to it.
PULSE = tuple(0.35 + 0.6 * weight for weight in METRE)
# A backbeat leans the other way: beats two and four carry the snare, what it strikes elsewhere are ghosts.
BACKBEAT = tuple(1.0 if step in (4, 12) else METRE[step] * 0.5 for step in range(STEPS_PER_BAR))
# A hat ticks: beats, eighths and sixteenths are three strokes of the hand, wherever they lie in the bar.
TICK = tuple(0.65 if step % 4 == 0 else 0.4 if step % 2 == 0 else 0.15 for step in range(STEPS_PER_BAR))
EVEN = (0.7,) * STEPS_PER_BAR  # struck for its own sake: open hats, toms
CRASH = (1.0,) * STEPS_PER_BAR
ANTICIPATES = 2  # steps before a stronger cell within which a note that is held into it takes its accent

CENTRE = 84  # the velocity around which accents spread: mezzo-forte
SPREAD = 34  # between the weakest and the strongest cell at the neutral setting of the knob


def accent(weights: tuple[float, ...], step: int, lean: float = 0.0, steps: int = 1) -> int:
    """Return the velocity of a note struck at `step` of the bar and held for `steps`.

    `lean` in [-1, 1] shades its voice. A syncopation carries the accent of the beat that it takes ahead.
    """
    weight = max(weights[step : step + min(steps, ANTICIPATES + 1)])
    return _clamp(CENTRE + SPREAD * (weight - 0.5) + 20 * lean)


def accent_of(weights: tuple[float, ...], tick: int, duration: int, lean: float = 0.0) -> int:
    """Return the velocity of a note, in ticks of its bar, by the sixteenths that it lies in, on any grid."""
    first, end = tick // TICKS_PER_STEP, -(-(tick + duration) // TICKS_PER_STEP)
    return accent(weights, first, lean, end - first)


def shape(velocity: int, dynamics: float) -> int:
    """Return `velocity` with its accent flattened (`dynamics` 0), as written (0.5) or doubled (1)."""
    return _clamp(CENTRE + (velocity - CENTRE) * 2.0 * dynamics)


def _clamp(velocity: float) -> int:
    return max(1, min(127, round(velocity)))
