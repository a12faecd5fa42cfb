"""A VRAE inside a model file: it plays bar after bar without end, holding on to its latent.

The state is the decoder's, and at its end how many bars have begun, so that the first bar does not lean.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.pianoroll import KEYS, LOWEST
from training.lstm import after
from training.vrae.model import VRAE


class ExportedVRAE(nn.Module):
    """A VRAE in the form that plays, a row of the 88 pitches a frame."""

    steps: Final[int]
    units: Final[int]
    first: Final[int]
    pitches: Final[int]
    hold: Final[int]
    columns: Final[int]
    lean: Final[float]
    lstm: Final[bool]
    notes: Final[bool]
    weight: Tensor
    bias: Tensor

    def __init__(self, model: VRAE) -> None:
        super().__init__()
        config = model.config
        self.steps, self.units, self.hold = config.bar, config.units, config.hold
        self.first, self.pitches, self.columns = config.lowest - LOWEST, config.pitches, KEYS
        self.lean = config.lean
        self.lstm, self.notes = model.lstm, config.feedback == "notes"
        self.initial, self.output = model.initial, model.output
        # What the decoder hears and its state are one row, and so one product, a frame.
        ih, hh, bias_ih, bias_hh = (weight.detach() for weight in model.decoder.all_weights[0])
        self.register_buffer("weight", torch.cat([ih, hh], dim=1).t().contiguous())
        self.register_buffer("bias", bias_ih + bias_hh)

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the state before the first bar of `z` (z_size,)."""
        return torch.cat([self.opening(z), torch.zeros(1)])

    @torch.jit.export
    def bar(  # noqa: PLR0917 (TorchScript knows no keyword-only arguments)
        self,
        z: Tensor,
        state: Tensor,
        prefix: Tensor,
        from_step: int,
        temperature: Tensor,
        noise: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the frames (steps, 88) of the bar of `z` (z_size,), the state after it, and no traces.

        Rows of `prefix` (steps, 88) before `from_step` are given back, and heard where the decoder hears
        notes. `noise` holds Gumbel noise (steps, 88); `temperature` (1,) of 0 takes the likelier of each.
        """
        own = state[:-1]
        if state[-1] > 0:
            own = torch.lerp(own, self.opening(z), self.lean)
        gumbel = noise[0][:, self.first : self.first + self.pitches]
        # The logit of the uniform exp(-exp(-g)), in the form that does not round to 0 or 1.
        chance = (-torch.exp(-gumbel) - torch.log(-torch.expm1(-torch.exp(-gumbel)))) * temperature
        frames = torch.zeros((self.steps, self.columns), dtype=torch.int64)
        frames[:from_step] = prefix[:from_step]
        heard = prefix[:, self.first : self.first + self.pitches].to(z.dtype)
        h, c = own[: self.units].clone(), own[self.units :].clone()
        row = torch.cat([heard[0], h])
        for step in range(self.steps):
            logits = F.linear(h, self.output.weight, self.output.bias)
            drawn = logits + chance[step - step % self.hold] > 0
            if step >= from_step:
                frames[step, self.first : self.first + self.pitches] = drawn.to(torch.int64)
            if not self.notes:
                row[: self.pitches] = torch.sigmoid(logits)
            elif step < from_step:
                row[: self.pitches] = heard[step]
            else:
                row[: self.pitches] = drawn.to(z.dtype)
            row[self.pitches :] = h
            gates = torch.addmv(self.bias, self.weight.t(), row)
            if self.lstm:
                h, c = after(gates, c)
            else:
                h = torch.tanh(gates)
        return frames, torch.cat([h, c, torch.ones(1)]), torch.zeros((self.steps, 0))

    def opening(self, z: Tensor) -> Tensor:
        """Return the decoder's state (states,) that `z` (z_size,) gives."""
        return torch.tanh(F.linear(z, self.initial.weight, self.initial.bias))


def exported(model: VRAE) -> nn.Module:
    """Return the module that torch.jit.script takes of `model`."""
    return ExportedVRAE(model).eval()
