"""Posterior collapse: a decoder that does without z, and latent units that tell nothing."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

ACTIVE = 0.01  # a unit is active if the variance of its mu over the data exceeds this (Burda et al. 2016)
SHARE = 0.1  # of active units, and of the KL that is worth it, below which z tells nothing
NAT = 1.0  # a KL below it is none, of a whole window, excerpt or phrase


def active_units(mu: Tensor | NDArray[np.floating[Any]]) -> int:
    """Return how many units of `mu` (N, z_size), the posterior means over the data, are active."""
    return int((mu.var(0) > ACTIVE).sum()) if len(mu) > 1 else 0


def unheard(kl: float, worth: float) -> bool:
    """Return whether z is worth next to nothing for what it costs."""
    return worth < SHARE * kl


def collapsed(active: int, units: int, kl: float, worth: float | None = None, least: float = NAT) -> bool:
    """Return whether z tells nothing: few of its `units` are active, or it costs or is worth next to nothing.

    `kl` and `worth` are in one unit, `least` is the KL that is none in it. Free bits keep units active at no
    cost: so that `worth`, by how much z makes the data likelier than a z of something else, must be a share
    of the KL; None where it is not known.
    """
    few = active < max(1.0, SHARE * units)
    return few or kl < least or (worth is not None and unheard(kl, worth))
