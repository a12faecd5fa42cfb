"""How sure a difference between two models is: a paired bootstrap over what both were tried on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000  # sets of groups
Values = NDArray[np.float64]


def difference(
    ours: Values,
    theirs: Values,
    frames: NDArray[np.int64],
    groups: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[float, float]:
    """Return by how much `ours` are above `theirs`, nats a frame, and the standard error of that.

    Both (pieces,) in nats of a whole piece, of `frames` (pieces,): every frame counts alike. One draws whole
    `groups` (pieces,) with replacement, whose pieces are alike, always both figures of a piece; the error is
    NaN of a single group.
    """
    _, group = np.unique(np.array(groups), return_inverse=True)
    apart, lengths = np.bincount(group, ours - theirs), np.bincount(group, frames)
    mean, count = float(apart.sum() / lengths.sum()), len(apart)
    if count == 1:
        return mean, float("nan")
    chance = np.random.Generator(np.random.PCG64(seed))
    chosen = chance.integers(count, size=(draws, count))
    drawn = apart[chosen].sum(1) / lengths[chosen].sum(1)
    # The variance of what is drawn of n groups is (n - 1) / n of what n new ones would have.
    return mean, float(drawn.std() * (count / (count - 1)) ** 0.5)
