"""The hierarchical MusicVAE as it plays: scriptable, one bar at a time, each weight read once a step.

Voices that are played together run as the rows of one product. What needs the lower layer's output, the
upper layer now and the lower layer at the next step, is one product, so a step of all of them costs two.
What the previous token adds comes from a table; what the bar's code adds is computed once a bar.
"""

import warnings
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def to_int8(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return int8 values shaped like `weight` (rows, columns) and a scale a row, symmetric around 0."""
    scale = (weight.abs().amax(1) / 127).clamp(min=1e-12)
    return torch.round(weight / scale[:, None]).to(torch.int8), scale


class Stored(nn.Module):
    """A weight that rests as float32, float16 or int8 with a scale a row, and is used as float32.

    Freezing the scripted module expands it once, when the model is loaded.
    """

    exact: Final[bool]
    values: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, form: torch.dtype) -> None:
        super().__init__()
        self.exact = form == torch.float32 or weight.dim() == 1  # a bias weighs nothing
        values, scale = weight.detach().clone(), torch.ones(1)
        if form == torch.int8 and not self.exact:
            values, scale = to_int8(values)
        elif not self.exact:
            values = values.to(form)
        self.register_buffer("values", values)
        self.register_buffer("scale", scale.unsqueeze(-1))

    def forward(self) -> Tensor:
        """Return the float32 weight."""
        if self.exact:
            return self.values
        return self.values.float() * self.scale


class Product(nn.Module):
    """`weight` (voices, rows, columns) times a row of each voice, plus `bias` (voices, rows), in float32.

    What it returns begins with the first voice's rows, `stride` after which come the next one's.
    """

    stride: Final[int]
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, form: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.stride = weight.shape[1]
        self.weight = Stored(weight.transpose(1, 2).contiguous(), form)
        self.register_buffer("bias", bias.detach().unsqueeze(1).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows of each voice for `x` (voices, columns)."""
        return torch.baddbmm(self.bias, x.unsqueeze(1), self.weight())


class QuantisedProduct(nn.Module):
    """The same with int8 weights, a scale for each row, and `x` quantised as it comes.

    The voices' weights are stacked into one matrix, which every voice's row is multiplied with; a voice's
    own block of the result lies on the diagonal, and all of them are rounded to one grid.
    `x` takes 7 bits: with 8, the products of processors without VNNI saturate.
    The packed weight rests as int8 and is packed anew, for the processor at hand, when the model is loaded.
    """

    voices: Final[int]
    stride: Final[int]

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.voices, self.stride = weight.shape[0], (weight.shape[0] + 1) * weight.shape[1]
        values, scale = to_int8(weight.detach().flatten(0, 1))
        zeros = torch.zeros(len(scale), dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # quantised tensors go with TorchScript; torch is pinned
            stored = torch._make_per_channel_quantized_tensor(values, scale.double(), zeros, 0)
        self.packed = torch.ops.quantized.linear_prepack(stored, bias.detach().flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows of each voice for `x` (voices, columns)."""
        y: Tensor = torch.ops.quantized.linear_dynamic(x, self.packed, True)
        return y


class FineProduct(nn.Module):
    """A QuantisedProduct for one voice that hears rows of `x`, within -1 to 1, in 13 bits.

    The first 7 bits are rows of one call, and so is what they leave over, enlarged: the weights are read no
    more often. One more row fixes the grid of them all. The largest weight of each output is kept apart in
    float32: in a delay line it is the link to the next block, a thousand times the others, which its scale
    would round away.
    """

    largest: Tensor
    columns: Tensor
    grid: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        rest = weight.detach().clone()
        columns = rest.abs().argmax(2, keepdim=True)
        self.register_buffer("largest", rest.gather(2, columns).squeeze(2))
        self.register_buffer("columns", columns.flatten())
        rest.scatter_(2, columns, 0.0)
        self.both = QuantisedProduct(rest, bias * 126 / 127)  # either part adds it, one of them as 1 / 126
        grid = torch.zeros(1, weight.shape[2])
        grid[0, :2] = torch.tensor([-64 / 63, 1.0])
        self.register_buffer("grid", grid)

    def forward(self, x: Tensor) -> Tensor:
        """Return (rows of x, rows of weight) for `x` (rows, columns)."""
        count = x.shape[0]
        coarse = (x * 63).round_().mul_(1 / 63)
        parts = torch.cat([coarse, (x - coarse).mul_(126), self.grid])
        y: Tensor = torch.ops.quantized.linear_dynamic(parts, self.both.packed, True)
        links = torch.addcmul(y[:count], self.largest, x.index_select(1, self.columns))
        return links.add_(y[count : 2 * count], alpha=1 / 126)


def product(weight: Tensor, bias: Tensor, quantise: bool) -> nn.Module:
    """Return the product of `weight` (voices, rows, columns) and `bias` (voices, rows) in that form."""
    return QuantisedProduct(weight, bias) if quantise else Product(weight, bias)


def fine_product(weight: Tensor, bias: Tensor, quantise: bool) -> nn.Module:
    """Return the product of `weight` (rows, columns) with rows of `x`, in the finer form."""
    if quantise:
        return FineProduct(weight.unsqueeze(0), bias.unsqueeze(0))
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.load_state_dict({"weight": weight, "bias": bias})
    return linear


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
