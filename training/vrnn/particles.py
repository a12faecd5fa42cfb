"""Multi-sample estimates of log p(x): particles that each draw their own latents along a sequence.

Without resampling this is importance sampling (Chung et al. 2015, section 5; its bound is the IWAE's, Burda
et al. 2016); with it a particle filter, whose bound is FIVO (Maddison et al. 2017).
"""

from math import log
from typing import NamedTuple

import torch
from torch import Tensor

from training.vrnn.gaussians import halves, log_density
from training.vrnn.late import Late, LateNetwork
from training.vrnn.model import VRNN, Walk
from training.vrnn.packed import Packed

ENOUGH = 0.5  # of the particles: a filter resamples where fewer count, by their effective number


class Estimate(NamedTuple):
    """log p(x) along sequences: (B, T) nats a step, 0 where padded, and which steps are none."""

    log_likelihood: Tensor
    known: Tensor


def estimate(model: VRNN, rows: Tensor, samples: int, resample: bool) -> Estimate:
    """Return a lower bound, in expectation, of log p of sequences `rows` (B, T, ...), step by step.

    Its sum over a sequence is the logarithm of an unbiased estimate of p. An RNN's is exact. No gradient goes
    through which particles survive, as in the paper of FIVO (its section 4).
    """
    if model.config.latent == "none":
        steps = model(rows)
        return Estimate(steps.log_likelihood, steps.known)
    packed = model.pack(rows)
    features = model.features(packed.x, packed.condition)
    walk, weigher = Walk(model, features, packed.sizes, samples), Weigher(model, packed, samples)
    state = model.begin((packed.sizes[0], samples), features)
    weights = features.new_full((packed.sizes[0], samples), -log(samples))  # normalised, in logarithms
    found = []
    for step, size in enumerate(packed.sizes):
        state, weights = (state[0][:size], state[1][:size]), weights[:size]
        mu, sigma, z = walk.draw(step, state[0])
        drawn = walk.phi_z(step, z)
        gained = weigher.weigh(step, state[0], drawn, z) - log_density(z, mu, sigma)
        weights = weights + gained
        found.append(torch.logsumexp(weights, 1))
        weights = weights - found[-1].unsqueeze(1)
        state = walk.next(step, drawn, state)
        if resample:
            chosen, weights = survivors(weights)
            index = chosen.unsqueeze(-1).expand_as(state[0])
            state = state[0].gather(1, index), state[1].gather(1, index)
    return Estimate(packed.back(torch.cat(found)), packed.there)


def survivors(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return whom each particle follows, (n, samples), and the log weights after that.

    Drawn by `weights` (n, samples), normalised, where their effective number is below ENOUGH of them; else
    everyone stays.
    """
    samples = weights.shape[1]
    shares = weights.detach().exp()
    few = 1.0 / shares.square().sum(1, keepdim=True) < ENOUGH * samples
    drawn = torch.multinomial(shares.clamp(min=1e-30), samples, replacement=True)
    stay = torch.arange(samples, device=weights.device).expand_as(drawn)
    even = torch.full_like(weights, -log(samples))
    return torch.where(few, drawn, stay), torch.where(few, even, weights)


class Weigher:
    """Prior and decoder prepared for a loop over time: what a particle's latent is worth at each step."""

    def __init__(self, model: VRNN, packed: Packed, samples: int) -> None:
        shape, sizes = (len(packed.x), samples), packed.sizes
        given = packed.condition.unsqueeze(1).expand(*shape, -1)
        self._x, self._given = packed.x.unsqueeze(1).split(sizes), given.split(sizes)
        self._dropout, self._output = model.dropout, model.output
        self._decoder = LateNetwork(model.decoder, shape, sizes)
        layers = [model.prior.hidden, model.prior.heads] if model.config.latent == "prior" else []
        self._prior = [Late(layer.weight, layer.bias.expand(*shape, -1), sizes) for layer in layers]

    def weigh(self, step: int, past: Tensor, drawn: Tensor, z: Tensor) -> Tensor:
        """Return log p(x_t, z_t | the past) of each particle, (n, samples)."""
        heard = torch.cat([past, self._given[step]], -1)
        mu, sigma = torch.zeros_like(z), torch.ones_like(z)
        if self._prior:
            hidden, heads = self._prior
            mu, sigma = halves(heads(step, hidden(step, heard).relu()))
        features = self._decoder(step, self._dropout(torch.cat([drawn, heard], -1)))
        return self._output.log_likelihood(features, self._x[step]) + log_density(z, mu, sigma)
