"""The hierarchical MusicVAE as it plays: scriptable, one bar at a time, each weight read once a step.

Voices that are played together run as the rows of one product. What needs the lower layer's output, the
upper layer now and the lower layer at the next step, is one product, so a step of all of them costs two.
What the previous token adds comes from a table; what the bar's code adds is computed once a bar.
"""

from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.musicvae.products import Stored


def cell(gates: Tensor, c: Tensor, h: Tensor) -> None:
    """Move an LSTM's state `c`, `h` (N, units) on in place.

    `gates` (4, N, units) are input, forget, output and cell gate.
    """
    gates[:3].sigmoid_()
    c.mul_(gates[1]).addcmul_(gates[0], gates[3].tanh_())
    torch.tanh(c, out=h)
    h.mul_(gates[2])


class Recurrence(nn.Module):
    """A two-layer LSTM for each voice that hears its own output, or what it is told, through a table.

    `lower` gives (4 * units for the upper layer, 4 * units for its own next step), `upper` gives
    (4 * units for its own next step, outputs). `offsets` (voices) is where a voice's rows of `table` begin.
    """

    voices: Final[int]
    units: Final[int]
    strides: Final[tuple[int, int]]
    offsets: Tensor

    def __init__(
        self, table: Stored, lower: nn.Module, upper: nn.Module, offsets: Tensor, units: int
    ) -> None:
        super().__init__()
        self.table, self.lower, self.upper, self.units = table, lower, upper, units
        self.voices = len(offsets)
        self.strides = cast(int, lower.stride), cast(int, upper.stride)
        self.register_buffer("offsets", offsets)

    @torch.jit.export
    def begin(self, opened: Tensor) -> Tensor:
        """Return where it begins, (8, voices, units): the states h, h, c, c of both layers, and the context.

        `opened` (voices, 8 * units) holds the states before their tanh and what joins every input.
        """
        # The gates come first, so that each is one piece of memory for all voices.
        begun = opened.view(self.voices, 8, self.units).transpose(0, 1).contiguous()
        begun[:4].tanh_()
        return begun

    def forward(
        self, begun: Tensor, inputs: Tensor, from_step: int, divisor: Tensor, noise: Tensor
    ) -> Tensor:
        """Return outputs (steps, voices, outputs) / `divisor`, with `noise` added from `from_step` on.

        The states in `begun` (8, voices, units) are moved on in place. `inputs` (steps + 1, voices) are rows
        of the table: up to `from_step` they are heard, after it they are filled in with `offsets` + the index
        of the largest output.
        """
        shape, gated = (4, self.voices, self.units), 4 * self.units
        h0, h1, c0, c1 = begun[:4].unbind(0)
        context, written = begun[4:], torch.empty(shape)
        row = torch.empty((self.voices, gated))
        heard = row.as_strided(shape, (self.units, gated, 1))
        of_lower, of_upper = (self.units, self.strides[0], 1), (self.units, self.strides[1], 1)
        table: Tensor = self.table()
        low: Tensor = self.lower(h0)
        up: Tensor = self.upper(h1)
        outputs = torch.empty_like(noise)
        for step in range(noise.shape[0]):
            torch.index_select(table, 0, inputs[step], out=row)
            torch.add(low.as_strided(shape, of_lower, gated), heard, out=written).add_(context)
            cell(written, c0, h0)
            low = self.lower(h0)
            torch.add(low.as_strided(shape, of_lower, 0), up.as_strided(shape, of_upper, 0), out=written)
            cell(written, c1, h1)
            up = self.upper(h1)
            scores = outputs[step]
            torch.div(up.as_strided(scores.shape, (self.strides[1], 1), gated), divisor, out=scores)
            if step >= from_step:
                scores.add_(noise[step])
                torch.add(scores.argmax(1), self.offsets, out=inputs[step + 1])
        return outputs


class Baton(nn.Module):
    """A conductor: a two-layer LSTM that hears nothing but itself, moved on by as many bars as are wanted.

    The lower layer hears nothing of the upper one, so what it says to that is one product for all the bars.
    """

    code: Final[int]
    units: Final[int]
    readout_bias: Tensor

    def __init__(
        self, lower: nn.Module, between: nn.Module, upper: nn.Module, readout: Stored, bias: Tensor
    ) -> None:
        super().__init__()
        self.lower, self.between, self.upper, self.readout = lower, between, upper, readout
        self.code, self.units = readout.values.shape
        self.register_buffer("readout_bias", bias.detach().clone())

    def forward(self, state: Tensor, bars: int) -> tuple[Tensor, Tensor]:
        """Return the codes (bars, code) that follow on `state` (4, units): h, h, c, c, and the next state."""
        following = state.clone()
        h0, h1, c0, c1 = following.unsqueeze(1).unbind(0)
        said = torch.empty((bars, self.units))
        for bar in range(bars):
            cell(self.lower(h0).view(4, 1, -1), c0, h0)
            said[bar] = h0[0]
        heard: Tensor = self.between(said)
        for bar in range(bars):
            cell(self.upper(h1).add_(heard[bar]).view(4, 1, -1), c1, h1)
            said[bar] = h1[0]
        codes = F.linear(said, self.readout(), self.readout_bias)
        return F.layer_norm(codes, (self.code,)), following
