"""The module inside a model file, built from a VRNN of rolls: every step draws from a prior that z moves.

The latent of `live` has one component more than the model's. The first ones move the prior's mean, each in
units of its own sigma at that step; the last is the logarithm, to base 2, of what its sigma is multiplied by.
"""

from typing import Final

import torch
from torch import Tensor, nn

from training.vrnn.model import VRNN

TRACES = ("kl", "latent change")  # nats, and the sum of squares (Figure 2 of the paper)
WIDEST = 3.0  # the spread is within 2 ** -3 and 2 ** 3
RARELY = 1e-6  # of a uniform: its normal stays finite


class ExportedVRNN(nn.Module):
    """A VRNN or VRNN-I with Bernoulli outputs, one step after the other.

    The state is h, c and the last latent heard. It depends on the pitches that sounded and on nothing else,
    for what goes on is the posterior's mean, not what was drawn: a bar that was written and a bar that was
    played by others leave the same state behind.
    """

    z_size: Final[int]
    units: Final[int]
    widest: Final[float]
    rarely: Final[float]

    def __init__(self, model: VRNN) -> None:
        super().__init__()
        config = model.config
        self.z_size, self.units = config.z_size, config.units
        self.widest, self.rarely = WIDEST, RARELY
        self.phi_x, self.phi_z, self.decoder = model.phi_x, model.phi_z, model.decoder
        self.posterior, self.logits = model.posterior, model.output.get_submodule("logits")
        self.prior = model.prior if config.latent == "prior" else Standard(config.z_size)
        for name, weight in zip(("heard", "kept", "bias", "other"), model.recurrence(), strict=True):
            self.register_buffer(name, weight.detach().clone())

    heard: Tensor
    kept: Tensor
    bias: Tensor
    other: Tensor

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the state (2 * units + z_size,) before the first bar; `z` does not matter yet."""
        return torch.zeros(2 * self.units + self.z_size, dtype=z.dtype)

    @torch.jit.export
    def bar(  # noqa: PLR0917 - the engine's contract with every model whose bars do not stand alone
        self,
        z: Tensor,
        state: Tensor,
        prefix: Tensor,
        from_step: int,
        temperature: Tensor,
        noise: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return tokens (steps, 88) of 0 and 1, the state after the bar, and the TRACES (steps, 2).

        Rows of `prefix` (steps, 88) before `from_step` are given back. `z` is (z_size + 1,), `temperature`
        (1,), `noise` Gumbel (steps, z_size) for the latents and (steps, 88) for the pitches.
        """
        warm = float(temperature[0])
        spread = warm * float(torch.exp2(z[self.z_size].clamp(-self.widest, self.widest)))
        normal = torch.special.ndtri(uniform(noise[0]).clamp(self.rarely, 1 - self.rarely))
        moved = (z[: self.z_size] + spread * normal).unsqueeze(1)  # (steps, 1, z_size), in sigmas
        bound = uniform(noise[1]).unsqueeze(1)
        x = prefix.to(z.dtype).unsqueeze(1)  # (steps, 1, 88), the rows to come overwritten
        h, c = state[: self.units].unsqueeze(0), state[self.units : 2 * self.units].unsqueeze(0)
        last = state[2 * self.units :].unsqueeze(0)
        traces = torch.zeros((x.shape[0], 2), dtype=z.dtype)
        for step in range(x.shape[0]):
            mu, sigma = self.prior(h)
            if step >= from_step:
                latent = self.phi_z(mu + sigma * moved[step])
                logits = self.logits(self.decoder(torch.cat([latent, h], 1)))
                if warm > 0:
                    x[step] = (torch.sigmoid(logits / warm) > bound[step]).to(z.dtype)
                else:
                    x[step] = (logits > 0).to(z.dtype)
            features = self.phi_x(x[step])
            seen, width = self.posterior(torch.cat([features, h], 1))
            ratio, apart = (width / sigma).square(), ((seen - mu) / sigma).square()
            traces[step, 0] = 0.5 * (ratio + apart - 1.0 - ratio.log()).sum()
            traces[step, 1] = (seen - last).square().sum()
            heard = torch.cat([features, self.phi_z(seen)], 1)
            h, c = torch.lstm_cell(heard, [h, c], self.heard, self.kept, self.bias, self.other)
            last = seen
        after = torch.cat([h, c, last], 1).squeeze(0)
        return x.squeeze(1).to(torch.int64), after, traces


class Standard(nn.Module):
    """The prior of a VRNN-I: 0 and 1, whatever was heard."""

    z_size: Final[int]

    def __init__(self, z_size: int) -> None:
        super().__init__()
        self.z_size = z_size

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma (1, z_size)."""
        return torch.zeros((1, self.z_size)), torch.ones((1, self.z_size))


def uniform(noise: Tensor) -> Tensor:
    """Return the uniform numbers that Gumbel `noise` was made of."""
    return torch.exp(-torch.exp(-noise))


def exported(model: VRNN) -> ExportedVRNN:
    """Return `model`, of rolls and with latents, in the form that plays: float32, to be scripted."""
    return ExportedVRNN(model.cpu().float().eval()).eval()
