"""The module that plays drums as a human would, built from a trained VRNN of drum hits.

    begin() -> state
    feel(state, tokens, noise, temperature) -> velocities, offsets, state after

It takes one bar of drum tokens after the other, combinations of the nine classes of engine/codec.py. A hit's
draw depends on what was struck before it, on its own row of the noise and on nothing else: a change late in a
bar leaves what comes before it as it was.

A hit comes after the other, so what a bar costs is its hits times the products of one. What a hit is given,
and its share in the first layers, is therefore computed for the whole bar before the loop, and what the last
hit left is multiplied once for all that hear it.
"""

from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.bar import STEPS_PER_BAR
from training.data.hits import LOUDEST
from training.lstm import after
from training.vrnn.exported import RARELY, uniform
from training.vrnn.frames import CLASSES, LONGEST_GAP
from training.vrnn.gaussians import LEAST_SIGMA
from training.vrnn.model import VRNN

METHODS = ["begin", "feel"]
REACH = 0.5  # steps that a hit may be away from the grid


class ExportedFeel(nn.Module):
    """A VRNN, VRNN-I or RNN with Gaussian or mixture outputs, hit after hit.

    The state (2 * units + 1,) is h, c and how many steps ago the last hit was, negative before the first.
    """

    z_size: Final[int]
    units: Final[int]
    width: Final[int]
    steps: Final[int]
    classes: Final[int]
    gap: Final[float]
    rarely: Final[float]
    reach: Final[float]
    loudest: Final[int]
    features: Final[int]
    components: Final[int]
    least: Final[float]

    def __init__(self, model: VRNN) -> None:
        super().__init__()
        config = model.config
        output: Any = model.output  # a mixture; one component makes it a Gaussian
        self.units, self.features = config.units, config.features
        self.z_size = 0 if config.latent == "none" else config.z_size
        self.width = self.z_size + output.noise
        self.steps, self.classes, self.gap = STEPS_PER_BAR, CLASSES, float(LONGEST_GAP)
        self.rarely, self.reach, self.loudest = RARELY, REACH, LOUDEST
        self.components, self.least = output.shape[0], output.least
        self.heads: nn.Module = output.heads
        self.latent = Latent(model) if self.z_size else NoLatent()
        # The first layers, taken apart by what they multiply: x, what is given, the past, the latent.
        hears: Any = model.phi_x[0]
        decodes: Any = model.decoder[0]
        self.phi_x, self.decoder = model.phi_x[1:], model.decoder[1:]
        drawn, width = decodes.in_features - config.units - model.frame.condition, model.frame.width
        past = [decodes.weight[:, drawn : drawn + config.units]]
        given = [hears.weight[:, width:], decodes.weight[:, drawn + config.units :]]
        biases = [hears.bias, decodes.bias]
        if config.latent == "prior":
            expects = model.prior.hidden
            past.append(expects.weight[:, : config.units])
            given.append(expects.weight[:, config.units :])
            biases.append(expects.bias)
        heard, kept, bias, other = model.recurrence()
        parts = {
            "of_x": hears.weight[:, :width].T,  # (2, features)
            "of_given": torch.cat(given),
            "always": torch.cat(biases),
            "of_past": torch.cat(past),
            "of_drawn": decodes.weight[:, :drawn],
            "recurrence": torch.cat([heard, kept], 1),
            "bias": bias + other,
        }
        for name, weight in parts.items():
            self.register_buffer(name, weight.detach().contiguous().clone())
        self.means, self.scales = model.mean.tolist(), model.scale.tolist()

    of_x: Tensor
    of_given: Tensor
    always: Tensor
    of_past: Tensor
    of_drawn: Tensor
    recurrence: Tensor
    bias: Tensor
    means: list[float]
    scales: list[float]

    @torch.jit.export
    def begin(self) -> Tensor:
        """Return the state before the first bar."""
        state = torch.zeros(2 * self.units + 1)
        state[-1] = -1.0
        return state

    @torch.jit.export
    def feel(
        self, state: Tensor, tokens: Tensor, noise: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return velocities (16, 9) int64, offsets (16, 9) in steps, and the state after the bar.

        Velocities are 1 to 127 and 0 where nothing is struck; offsets are -0.5 to 0.5, below 0 ahead of the
        grid. `tokens` (16,) int64; `noise` Gumbel (16, 9, width); `temperature` 1 plays as it was learnt,
        less more evenly, 0 always the likeliest.
        """
        h, c = state[: self.units], state[self.units : 2 * self.units]
        struck = (tokens.unsqueeze(1) >> torch.arange(self.classes)) & 1
        given, since = self.condition(tokens, struck, float(state[2 * self.units]))
        there = struck > 0
        # Of all hits that a bar can have: a product of so many rows as are struck rounds by their number.
        shares = F.linear(given, self.of_given, self.always)[there]  # (hits, 2 or 3 * features)
        chance = uniform(noise[there]).clamp(self.rarely, 1 - self.rarely)  # (hits, width)
        normal = temperature * torch.special.ndtri(chance)
        latent, picked, own = normal[:, : self.z_size], chance[:, self.z_size], normal[:, self.z_size + 1 :]
        velocities, offsets = torch.jit.annotate(list[int], []), torch.jit.annotate(list[float], [])
        width = self.features
        for hit in range(len(shares)):
            past = torch.addmv(shares[hit, width:], self.of_past, h)
            drawn = self.latent(past[width:], latent[hit])
            heads = self.heads(self.decoder(torch.addmv(past[:width], self.of_drawn, drawn)))
            x = self.drawn(heads, float(picked[hit]), own[hit], temperature)
            strength = min(max(float(x[0]) * self.scales[0] + self.means[0], 0.0), 1.0)
            offset = min(max(float(x[1]) * self.scales[1] + self.means[1], -self.reach), self.reach)
            velocities.append(1 + min(int(strength * self.loudest), self.loudest - 1))
            offsets.append(offset)
            known = torch.add(shares[hit, :width], self.of_x[0], alpha=self.standard(strength, 0))
            known = self.phi_x(torch.add(known, self.of_x[1], alpha=self.standard(offset, 1)))
            gates = torch.addmv(self.bias, self.recurrence, torch.cat([known, drawn, h]))
            h, c = after(gates, c)
        loud, late = torch.zeros_like(struck), torch.zeros((self.steps, self.classes))
        loud[there], late[there] = torch.tensor(velocities, dtype=torch.int64), torch.tensor(offsets)
        return loud, late, torch.cat([h, c, torch.tensor([since])])

    def standard(self, value: float, column: int) -> float:
        """Return velocity (`column` 0) or offset (1) as the model hears it."""
        return (value - self.means[column]) / self.scales[column]

    def condition(self, tokens: Tensor, struck: Tensor, since: float) -> tuple[Tensor, float]:
        """Return what each hit is given, (16, 9, condition), as training/vrnn/frames.py has it.

        `since` is how many steps before the bar the last hit was, and the second value how many before the
        next bar.
        """
        rests = torch.zeros(self.steps)
        for step in range(self.steps):
            rests[step] = max(since, 0.0)
            if int(tokens[step]) > 0:
                since = 0.0
            if since >= 0.0:
                since += 1.0
        first = (struck.cumsum(1) == struck).float()  # of its step: the first class, and those not struck
        gaps = (rests.unsqueeze(1) * first).unsqueeze(2)
        rows, classes = self.steps, self.classes
        given = [
            torch.eye(self.classes).expand(rows, classes, classes),
            struck.float().unsqueeze(1).expand(rows, classes, classes),
            torch.eye(self.steps).unsqueeze(1).expand(rows, classes, rows),
            gaps.clamp(max=self.gap) / self.gap,
            (gaps == 0.0).float(),
        ]
        return torch.cat(given, 2), since

    def drawn(self, heads: Tensor, picked: float, normal: Tensor, temperature: float) -> Tensor:
        """Draw x (2,), normalised, from the `heads` of a mixture, as training/vrnn/likelihood.py does."""
        count = self.components
        pick = 0
        if count > 1:
            shares = (heads[:count] / max(temperature, 1e-6)).softmax(0).cumsum(0)
            pick = min(int((shares < picked).sum()), count - 1)
        mu, sigma = heads[count + 2 * pick :][:2], heads[3 * count + 2 * pick :][:2]
        return mu + (F.softplus(sigma) + self.least) * normal


class Latent(nn.Module):
    """Draws a latent from the prior and gives its features."""

    fixed: Final[bool]
    least: Final[float]

    def __init__(self, model: VRNN) -> None:
        super().__init__()
        self.fixed, self.least = model.config.latent == "fixed", LEAST_SIGMA
        self.phi_z = model.phi_z
        self.heads = nn.Identity() if self.fixed else model.prior.heads

    def forward(self, heard: Tensor, normal: Tensor) -> Tensor:
        """Return features (features,) after what the prior's first layer made of the past, (features,)."""
        z = normal
        if not self.fixed:
            mu, sigma = self.heads(heard.relu()).chunk(2)
            z = mu + (F.softplus(sigma) + self.least) * normal
        features: Tensor = self.phi_z(z)
        return features


class NoLatent(nn.Module):
    """What an RNN has in its place."""

    def forward(self, heard: Tensor, normal: Tensor) -> Tensor:
        """Return nothing, (0,)."""
        return normal


def exported(model: VRNN) -> ExportedFeel:
    """Return `model`, of drum hits, in the form that plays: float32, to be scripted."""
    return ExportedFeel(model.cpu().float().eval()).eval()
