"""The module that plays drums as a human would, built from a trained VRNN of drum hits.

    begin() -> state
    feel(state, tokens, noise, temperature) -> velocities, offsets, state after

It takes one bar of drum tokens after the other, combinations of the nine classes of engine/codec.py. A hit's
draw depends on what was struck before it, on its own row of the noise and on nothing else: a change late in a
bar leaves what comes before it as it was.
"""

from typing import Final

import torch
from torch import Tensor, nn

from engine.bar import STEPS_PER_BAR
from training.data.hits import LOUDEST
from training.vrnn.exported import RARELY, Standard, uniform
from training.vrnn.frames import CLASSES, LONGEST_GAP
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

    def __init__(self, model: VRNN) -> None:
        super().__init__()
        config = model.config
        self.units = config.units
        self.z_size = 0 if config.latent == "none" else config.z_size
        self.width = self.z_size + model.output.noise
        self.steps, self.classes, self.gap = STEPS_PER_BAR, CLASSES, float(LONGEST_GAP)
        self.rarely, self.reach, self.loudest = RARELY, REACH, LOUDEST
        self.phi_x, self.decoder, self.output = model.phi_x, model.decoder, model.output
        self.latent = Latent(model) if self.z_size else NoLatent()
        for name, weight in zip(("heard", "kept", "bias", "other"), model.recurrence(), strict=True):
            self.register_buffer(name, weight.detach().clone())
        self.register_buffer("mean", model.mean.clone())
        self.register_buffer("scale", model.scale.clone())

    heard: Tensor
    kept: Tensor
    bias: Tensor
    other: Tensor
    mean: Tensor
    scale: Tensor

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
        h, c = state[: self.units].unsqueeze(0), state[self.units : 2 * self.units].unsqueeze(0)
        since = float(state[2 * self.units])
        velocities = torch.zeros((self.steps, self.classes), dtype=torch.int64)
        offsets = torch.zeros((self.steps, self.classes))
        chance = uniform(noise).clamp(self.rarely, 1 - self.rarely)
        for step in range(self.steps):
            token = int(tokens[step])
            for drum in range(self.classes):
                if (token >> drum) & 1 == 0:
                    continue
                given = self.condition(token, drum, step, max(since, 0.0))
                heard = torch.cat([h, given], 1)
                drawn = self.latent(heard, chance[step, drum, : self.z_size], temperature)
                features = self.decoder(torch.cat([drawn, heard], 1))
                x = self.output.draw(features, chance[step, drum, self.z_size :], temperature)
                played = x.squeeze(0) * self.scale + self.mean
                loud = float(played[0].clamp(0.0, 1.0)) * self.loudest
                velocities[step, drum] = 1 + min(int(loud), self.loudest - 1)
                offsets[step, drum] = played[1].clamp(-self.reach, self.reach)
                x = (torch.stack([played[0].clamp(0.0, 1.0), offsets[step, drum]]) - self.mean) / self.scale
                known = self.phi_x(torch.cat([x.unsqueeze(0), given], 1))
                h, c = torch.lstm_cell(
                    torch.cat([known, drawn], 1), [h, c], self.heard, self.kept, self.bias, self.other
                )
                since = 0.0
            if since >= 0.0:
                since += 1.0
        return velocities, offsets, torch.cat([h[0], c[0], torch.tensor([since])])

    def condition(self, token: int, drum: int, step: int, since: float) -> Tensor:
        """Return what a hit is given, (1, condition), as training/vrnn/frames.py has it."""
        given = torch.zeros((1, 2 * self.classes + self.steps + 2))
        given[0, drum] = 1.0
        for other in range(self.classes):
            given[0, self.classes + other] = float((token >> other) & 1)
        given[0, 2 * self.classes + step] = 1.0
        given[0, 2 * self.classes + self.steps] = min(since, self.gap) / self.gap
        given[0, 2 * self.classes + self.steps + 1] = float(since == 0.0)
        return given


class Latent(nn.Module):
    """Draws a latent from the prior and gives its features."""

    def __init__(self, model: VRNN) -> None:
        super().__init__()
        self.phi_z = model.phi_z
        self.prior = model.prior if model.config.latent == "prior" else Standard(model.config.z_size)

    def forward(self, heard: Tensor, chance: Tensor, temperature: float) -> Tensor:
        """Return features (1, features) after `heard` (1, units + condition), for uniform `chance`."""
        mu, sigma = self.prior(heard)
        features: Tensor = self.phi_z(mu + temperature * sigma * torch.special.ndtri(chance))
        return features


class NoLatent(nn.Module):
    """What an RNN has in its place."""

    def forward(self, heard: Tensor, chance: Tensor, temperature: float) -> Tensor:
        """Return nothing, (1, 0)."""
        return heard[:, :0]


def exported(model: VRNN) -> ExportedFeel:
    """Return `model`, of drum hits, in the form that plays: float32, to be scripted."""
    return ExportedFeel(model.cpu().float().eval()).eval()
