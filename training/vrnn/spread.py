"""How sure a difference between two models is: a paired bootstrap over the pieces that both were tried on."""

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000  # sets of pieces
Values = NDArray[np.float64]


def difference(
    ours: Values, theirs: Values, frames: NDArray[np.int64], draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Return by how much `ours` are above `theirs`, nats a frame, and the standard error of that.

    Both (pieces,) in nats of a whole piece, of `frames` (pieces,): every frame counts alike. One draws pieces
    with replacement, always both figures of one; the error is NaN of a single piece.
    """
    apart = ours - theirs
    chance = np.random.Generator(np.random.PCG64(seed))
    chosen = chance.integers(len(apart), size=(draws, len(apart)))
    drawn = apart[chosen].sum(1) / frames[chosen].sum(1)
    return float(apart.sum() / frames.sum()), float(drawn.std()) if len(apart) > 1 else float("nan")
