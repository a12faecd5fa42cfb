"""The terms of the objective: q(z|x), masked cross-entropy, KL divergence, free bits; and the likelihood."""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

NATS_PER_BIT = log(2.0)
SAMPLES = 40  # of the importance-sampled estimate, as in Chung et al. 2015, section 5


class Posterior(NamedTuple):
    """q(z|x): `mu` and `sigma`, each (B, z_size)."""

    mu: Tensor
    sigma: Tensor

    def sample(self) -> Tensor:
        """Return a draw by the reparameterisation trick (Kingma & Welling 2014), (B, z_size)."""
        return self.mu + self.sigma * torch.randn_like(self.sigma)


class Likelihood(NamedTuple):
    """Of log p(x) in nats, float64, each (B,), by the same draws: the bound, and an estimate above it."""

    bound: Tensor
    estimate: Tensor


class Reconstruction(NamedTuple):
    """Cross-entropy of one voice in nats, summed (N,), and right, right at onsets, counts: each a scalar."""

    nats: Tensor  # (N,)
    right: Tensor
    steps: Tensor
    onsets_right: Tensor
    onsets: Tensor


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the nats (N,) of targets (N, T) under logits (N, T, vocabulary); -1 is never counted."""
    return F.cross_entropy(logits.float().transpose(1, 2), targets, ignore_index=-1, reduction="none").sum(1)


def reconstruction(logits: Tensor, targets: Tensor, rest: int) -> Reconstruction:
    """Compare logits (N, T, vocabulary) with targets (N, T); -1 is never counted.

    `rest` is the first token that strikes nothing, or 0 for drums, where 0 is silence.
    """
    known = targets >= 0
    right = (logits.argmax(-1) == targets) & known
    onset = onsets(targets, rest)
    nats = cross_entropy(logits, targets)
    return Reconstruction(nats, right.sum(), known.sum(), (right & onset).sum(), onset.sum())


def onsets(tokens: Tensor, rest: int) -> Tensor:
    """Return where `tokens` strike something: below `rest`, or above 0 where `rest` is 0; same shape."""
    return tokens > 0 if rest == 0 else (tokens >= 0) & (tokens < rest)


def kl(mu: Tensor, sigma: Tensor) -> Tensor:
    """Return KL(N(mu, sigma) || N(0, 1)) in nats, (B,), for `mu` and `sigma` (B, z_size); closed form."""
    return 0.5 * (mu.square() + sigma.square() - 1.0 - 2.0 * sigma.log()).sum(-1)


def penalty(kl_nats: Tensor, beta: float, free_bits: float) -> Tensor:
    """Return beta * max(KL - free bits, 0), (B,): equations 3 and 4; `free_bits` are bits in total."""
    return beta * (kl_nats - free_bits * NATS_PER_BIT).clamp(min=0.0)


def importance_sampled(
    mu: Tensor, sigma: Tensor, nats: Callable[[Tensor], Tensor], samples: int = SAMPLES
) -> Likelihood:
    """Return the bound on log p(x) and its importance-sampled estimate (Burda et al. 2016).

    The mean of p(x|z) p(z) / q(z|x) over `samples` draws z (B, z_size) of q, N(`mu`, `sigma`); `nats` gives
    -log p(x|z) (B,). On average the estimate is above the bound and below the truth.
    """
    weights = []
    for _ in range(samples):
        noise = torch.randn_like(sigma)
        z = mu + sigma * noise
        # log p(z) - log q(z|x): the constants of the two Gaussians cancel.
        ratio = (0.5 * (noise.double().square() - z.double().square()) + sigma.double().log()).sum(1)
        weights.append(ratio - nats(z).double())
    drawn = torch.stack(weights)
    return Likelihood(drawn.mean(0), drawn.logsumexp(0) - log(samples))
