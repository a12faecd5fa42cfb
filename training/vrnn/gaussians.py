"""Networks whose outputs are the mean and the width of a Gaussian, and the density of that."""

from itertools import pairwise
from math import log, pi

import torch.nn.functional as F
from torch import Tensor, nn

HALF_LOG_TAU = 0.5 * log(2 * pi)
LEAST_SIGMA = 1e-4


def network(inputs: int, units: int, layers: int) -> nn.Sequential:
    """Return a phi: `layers` affine maps, each with its rectifier."""
    widths = [inputs] + [units] * layers
    return nn.Sequential(*(part for a, b in pairwise(widths) for part in (nn.Linear(a, b), nn.ReLU())))


class Gaussian(nn.Module):
    """A network with two heads, mu and sigma (equations 5 and 9)."""

    def __init__(self, inputs: int, units: int, z_size: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, units)
        self.heads = nn.Linear(units, 2 * z_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma, (..., z_size) each."""
        return halves(self.heads(self.hidden(x).relu()))


def halves(heads: Tensor, least: float = LEAST_SIGMA) -> tuple[Tensor, Tensor]:
    """Return mu and sigma of what the heads give, (..., 2 * z_size)."""
    mu, sigma = heads.chunk(2, -1)
    return mu, F.softplus(sigma) + least


def log_density(z: Tensor, mu: Tensor, sigma: Tensor) -> Tensor:
    """Return log N(z; mu, sigma), summed over the last axis."""
    return -(0.5 * ((z - mu) / sigma).square() + sigma.log() + HALF_LOG_TAU).sum(-1)
