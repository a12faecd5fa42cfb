"""VRNN (Chung et al. 2015): a recurrent network with a latent variable at every step, and its baselines.

Every variant is one model: `latent` "prior" is the VRNN, "fixed" the VRNN-I, whose prior hears no past
(section 4), "none" the RNN. Sequences are packed inside: all frames of one step, then those of the next, the
sequences in order of length, so that padding is neither computed nor counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.lstm import after
from training.vrnn.frames import FRAMES
from training.vrnn.gaussians import Gaussian, halves, network
from training.vrnn.late import Late, LateNetwork
from training.vrnn.likelihood import output
from training.vrnn.packed import Packed

State = tuple[Tensor, Tensor]  # h and c, (..., units) each


@dataclass(frozen=True, slots=True)
class VRNNConfig:
    """Sizes of a VRNN; the paper's own are about 2000 units for speech, with features of 600 (section 4)."""

    latent: str = "prior"  # or "fixed", "none"
    output: str = "bernoulli"  # or "gauss", "gmm"
    form: str = "roll"  # of the store, one of FRAMES
    features: int = 256  # of x and of z, and units of the networks in between
    layers: int = 2  # of those networks; the paper has one to four
    units: int = 256  # of the recurrence
    z_size: int = 64
    components: int = 20  # of a "gmm", the paper's
    every: int = 1  # one of so many frames of the store is heard: 2 makes eighths of sixteenths
    dropout: float = 0.0  # on the features of x and on what the decoder hears


class Steps(NamedTuple):
    """The two terms of equation 11 along sequences, (B, T) each, in nats and 0 where padded."""

    log_likelihood: Tensor  # log p(x_t | z_<=t, x_<t)
    kl: Tensor  # KL(q(z_t | x_<=t, z_<t) || p(z_t | x_<t, z_<t)), in closed form
    known: Tensor  # which steps are no padding


class Inferred(NamedTuple):
    """What a pass over packed frames gives: the state before each, and its latent's posterior and prior."""

    past: Tensor  # (N, units)
    drawn: Tensor  # the features of z, (N, features)
    mu: Tensor  # (N, z_size)
    sigma: Tensor
    prior_mu: Tensor
    prior_sigma: Tensor


class VRNN(nn.Module):
    """Equations 5 to 9; the networks that need no recurrence run over all steps at once."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: VRNNConfig) -> None:
        super().__init__()
        self.config, self.frame = config, FRAMES[config.form]
        stochastic = config.latent != "none"
        features, units = config.features, config.units
        heard, given = features if stochastic else 0, self.frame.condition
        self.phi_x = network(self.frame.width + given, features, config.layers)
        self.cell = nn.LSTM(features + heard, units)
        self.decoder = network(heard + units + given, features, config.layers)
        self.output = output(config.output, features, self.frame.width, config.components)
        self.dropout = nn.Dropout(config.dropout)
        if stochastic:
            self.posterior = Gaussian(features + units, features, config.z_size)
            self.phi_z = network(config.z_size, features, config.layers)
        if config.latent == "prior":
            self.prior = Gaussian(units + given, features, config.z_size)
        # What is drawn is normalised by the training data's mean and standard deviation (section 4).
        self.register_buffer("mean", torch.zeros(self.frame.width))
        self.register_buffer("scale", torch.ones(self.frame.width))
        with torch.no_grad():
            self.recurrence()[2][units : 2 * units] = 1.0  # a state is kept until it is learnt when not to

    def pack(self, rows: Tensor) -> Packed:
        """Return `rows` (B, T, ...) without their padding, whose first element is below 0."""
        known = rows.flatten(2)[:, :, 0] >= 0
        order = known.sum(1).argsort(descending=True, stable=True)
        going = known[order].T
        x, condition = self.frame.split(rows[order].transpose(0, 1)[going])
        sizes = [size for size in going.sum(1).tolist() if size]
        return Packed((x - self.mean) / self.scale, condition, sizes, going, order)

    def forward(self, rows: Tensor) -> Steps:
        """Return the terms of the bound along sequences `rows` (B, T, ...) of frames."""
        packed = self.pack(rows)
        likelihood, divergence = self.terms(packed)
        return Steps(packed.back(likelihood), packed.back(divergence.sum(-1)), packed.there)

    def terms(self, packed: Packed) -> tuple[Tensor, Tensor]:
        """Return log p(x_t | z_<=t, x_<t) of every frame, (N,), and each unit's KL, (N, z_size or none)."""
        features = self.features(packed.x, packed.condition)
        if self.config.latent == "none":
            past = self.listen(features, packed.sizes)
            likelihood = self.likelihood(past, packed.condition, None, packed.x)
            return likelihood, past[:, :0]
        seen = self.infer(features, packed.condition, packed.sizes)
        return self.likelihood(seen.past, packed.condition, seen.drawn, packed.x), divergences(seen)

    def features(self, x: Tensor, condition: Tensor) -> Tensor:
        """Return phi of `x` (..., width) and what it was given."""
        features: Tensor = self.dropout(self.phi_x(torch.cat([x, condition], -1)))
        return features

    def listen(self, features: Tensor, sizes: Sequence[int]) -> Tensor:
        """Return the RNN's state before each frame, (N, units): equation 1 along all packed frames."""
        heard, remembered, *biases = self.recurrence()
        gates = Late(remembered, F.linear(features, heard, biases[0] + biases[1]), sizes)
        state, states = self.begin((sizes[0],), features), []
        for step, size in enumerate(sizes):
            state = state[0][:size], state[1][:size]
            states.append(state[0])
            state = after(gates(step, state[0]), state[1])
        return torch.cat(states)

    def infer(self, features: Tensor, condition: Tensor, sizes: Sequence[int]) -> Inferred:
        """Draw a latent for every packed frame, each after those before it: equations 7 and 9."""
        walk = Walk(self, features, sizes, 1)
        state, found = self.begin((sizes[0], 1), features), []
        for step, size in enumerate(sizes):
            state = state[0][:size], state[1][:size]
            mu, sigma, z = walk.draw(step, state[0])
            drawn = walk.phi_z(step, z)
            found.append((state[0], drawn, mu, sigma))
            state = walk.next(step, drawn, state)
        past, drawn, mu, sigma = (torch.cat(part).squeeze(1) for part in zip(*found, strict=True))
        return Inferred(past, drawn, mu, sigma, *self.expected(past, condition))

    def recurrence(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return weight_ih, weight_hh, bias_ih and bias_hh of the one layer."""
        return tuple(self.cell.all_weights[0])  # type: ignore[return-value] # a list of these four

    def begin(self, shape: tuple[int, ...], like: Tensor) -> State:
        """Return the state before the first frame, (*shape, units) each."""
        zeros = like.new_zeros((*shape, self.config.units))
        return zeros, zeros

    def expected(self, past: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prior's mu and sigma (..., z_size) after `past` (..., units): equation 5."""
        if self.config.latent == "prior":
            mu, sigma = self.prior(torch.cat([past, condition], -1))
            return mu, sigma
        zeros = past.new_zeros((*past.shape[:-1], self.config.z_size))
        return zeros, torch.ones_like(zeros)

    def inferred(self, features: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return the posterior's mu and sigma (..., z_size): equation 9."""
        mu, sigma = self.posterior(torch.cat([features, past], -1))
        return mu, sigma

    def decoded(self, past: Tensor, condition: Tensor, drawn: Tensor | None) -> Tensor:
        """Return the features (..., features) that the output reads: the network of equation 6."""
        latent = [] if drawn is None else [drawn]
        features: Tensor = self.decoder(self.dropout(torch.cat([*latent, past, condition], -1)))
        return features

    def likelihood(self, past: Tensor, condition: Tensor, drawn: Tensor | None, x: Tensor) -> Tensor:
        """Return log p(x_t | z_<=t, x_<t), (...)."""
        return self.output.log_likelihood(self.decoded(past, condition, drawn), x)

    def follow(self, features: Tensor, drawn: Tensor | None, state: State) -> State:
        """Return the state (B, units) after one frame: equation 7."""
        heard = features if drawn is None else torch.cat([features, drawn], -1)
        _, (h, c) = self.cell(heard.unsqueeze(0), (state[0].unsqueeze(0), state[1].unsqueeze(0)))
        return h[0], c[0]


class Walk:
    """The parts of a VRNN that a loop over time needs, prepared for one pass of `samples` particles a frame.

    What the features of x give to posterior and recurrence is computed for all steps before the loop.
    """

    def __init__(self, model: VRNN, features: Tensor, sizes: Sequence[int], samples: int) -> None:
        config, first = model.config, model.posterior.hidden
        width, shape = config.features, (len(features), samples)
        share = F.linear(features, first.weight[:, :width], first.bias)
        heard, remembered, *biases = model.recurrence()
        gates = F.linear(features, heard[:, :width], biases[0] + biases[1])
        recurrent = torch.cat([heard[:, width:], remembered], 1)
        self.phi_z = LateNetwork(model.phi_z, shape, sizes)
        self._posterior = Late(first.weight[:, width:], share.unsqueeze(1).expand(*shape, -1), sizes)
        self._heads = Late(model.posterior.heads.weight, model.posterior.heads.bias.expand(*shape, -1), sizes)
        self._gates = Late(recurrent, gates.unsqueeze(1).expand(*shape, -1), sizes)
        self._noise = torch.randn((*shape, config.z_size), device=features.device).split(list(sizes))

    def draw(self, step: int, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the posterior's mu and sigma after `past` (n, samples, units), and a draw of it."""
        mu, sigma = halves(self._heads(step, self._posterior(step, past).relu()))
        return mu, sigma, mu + sigma * self._noise[step]

    def next(self, step: int, drawn: Tensor, state: State) -> State:
        """Return the state after the step whose latents had the features `drawn` (n, samples, features)."""
        return after(self._gates(step, torch.cat([drawn, state[0]], -1)), state[1])


def divergences(seen: Inferred) -> Tensor:
    """Return KL(posterior || prior) of every latent unit in nats, in closed form, (N, z_size)."""
    ratio = (seen.sigma / seen.prior_sigma).square()
    apart = ((seen.mu - seen.prior_mu) / seen.prior_sigma).square()
    return 0.5 * (ratio + apart - 1.0 - ratio.log())
