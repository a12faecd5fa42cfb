"""The hierarchical MusicVAE as it plays: scriptable, one bar at a time, each weight read once a step.

All voices run as the rows of one product. What needs the lower layer's output, the upper layer now and
the lower layer at the next step, is one product, so a step of the whole trio costs two. What the previous
token adds comes from a table; what the bar's code adds is computed once a bar.
"""

import warnings
from typing import Final

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
    """`weight` (voices, rows, columns) times a row of each voice, plus `bias` (voices, rows), in float32."""

    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, form: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.weight = Stored(weight.transpose(1, 2).contiguous(), form)
        self.register_buffer("bias", bias.detach().unsqueeze(1).contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Return (voices, rows) for `x` (voices, columns)."""
        return torch.baddbmm(self.bias, x.unsqueeze(1), self.weight()).squeeze(1)


class QuantisedProduct(nn.Module):
    """The same with int8 weights, a scale for each row, and `x` quantised as it comes.

    The voices' weights are stacked into one matrix, which every voice's row is multiplied with; a voice's
    own block of the result lies on the diagonal. One such call costs less than one for each voice.
    `x` takes 7 bits: with 8, the products of processors without VNNI saturate.
    The packed weight rests as int8 and is packed anew, for the processor at hand, when the model is loaded.
    """

    voices: Final[int]
    rows: Final[int]

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.voices, self.rows = weight.shape[0], weight.shape[1]
        values, scale = to_int8(weight.detach().flatten(0, 1))
        zeros = torch.zeros(len(scale), dtype=torch.int64)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # quantised tensors go with TorchScript; torch is pinned
            stored = torch._make_per_channel_quantized_tensor(values, scale.double(), zeros, 0)
        self.packed = torch.ops.quantized.linear_prepack(stored, bias.detach().flatten())

    def forward(self, x: Tensor) -> Tensor:
        """Return (voices, rows) for `x` (voices, columns)."""
        y: Tensor = torch.ops.quantized.linear_dynamic(x, self.packed, True)
        return y.as_strided((self.voices, self.rows), (self.voices * self.rows + self.rows, 1))


class FineProduct(nn.Module):
    """A QuantisedProduct for one voice that hears `x`, within -1 to 1, in 13 bits.

    The first 7 bits are one row, what they leave over, enlarged, is a second one of the same call, which
    reads the weights no more often. Two more columns hold -1 and 1 and weigh nothing: they fix the grid.
    The largest weight of each row is kept apart in float32: in a delay line it is the link to the next
    block, a thousand times the others, which its scale would round away. The last `outputs` rows rest as
    float16: nothing makes up for their errors any more.
    """

    outputs: Final[int]
    bias: Tensor
    ends: Tensor
    largest: Tensor
    columns: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        recurrent = weight.shape[1] - outputs
        self.readout = Stored(weight[0, recurrent:], torch.float16)
        rest = weight[:, :recurrent].detach().clone()
        columns = rest.abs().argmax(2, keepdim=True)
        self.register_buffer("largest", rest.gather(2, columns).squeeze(2))
        self.register_buffer("columns", columns.flatten())
        rest.scatter_(2, columns, 0.0)
        self.both = QuantisedProduct(F.pad(rest, (0, 2)), torch.zeros_like(bias[:, :recurrent]))
        self.register_buffer("bias", bias.detach().clone())
        self.register_buffer("ends", torch.tensor([[-1.0, 1.0]]).repeat(2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (1, rows) for `x` (1, columns)."""
        coarse = (x * 63.5).round().clamp(-63, 63) / 63.5
        parts = torch.cat([coarse, (x - coarse) * 127.0])
        y: Tensor = torch.ops.quantized.linear_dynamic(
            torch.cat([parts, self.ends], 1), self.both.packed, True
        )
        links = self.largest * x.index_select(1, self.columns)
        rows: Tensor = links + y[:1] + y[1:] / 127.0
        if self.outputs > 0:
            rows = torch.cat([rows, F.linear(x, self.readout())], 1)
        return rows + self.bias


def product(weight: Tensor, bias: Tensor, quantise: bool) -> nn.Module:
    """Return the product of `weight` (voices, rows, columns) and `bias` (voices, rows) in that form."""
    return QuantisedProduct(weight, bias) if quantise else Product(weight, bias)


def fine_product(weight: Tensor, bias: Tensor, quantise: bool, outputs: int = 0) -> nn.Module:
    """Return the same in the finer form, for the conductor, which every bar hears; it is one voice."""
    return FineProduct(weight, bias, outputs) if quantise else Product(weight, bias)


def cell(gates: list[Tensor], c: Tensor, h: Tensor) -> None:
    """Move an LSTM's state `c`, `h` on in place.

    `gates` are views of one tensor: input, forget, output and cell gate, and the first three together.
    """
    gates[4].sigmoid_()
    gates[3].tanh_()
    c.mul_(gates[1]).addcmul_(gates[0], gates[3])
    torch.tanh(c, out=h)
    h.mul_(gates[2])


class Recurrence(nn.Module):
    """A two-layer LSTM for each voice that hears its own output, or what it is told, through a table.

    `lower` gives (4 * units for the upper layer, 4 * units for its own next step), `upper` gives
    (4 * units for its own next step, outputs). `offsets` (voices) is where a voice's rows of `table` begin.
    """

    units: Final[int]
    offsets: Tensor

    def __init__(
        self, table: Stored, lower: nn.Module, upper: nn.Module, offsets: Tensor, units: int
    ) -> None:
        super().__init__()
        self.table, self.lower, self.upper, self.units = table, lower, upper, units
        self.register_buffer("offsets", offsets)

    def forward(
        self, opened: Tensor, inputs: Tensor, from_step: int, divisor: Tensor, noise: Tensor
    ) -> Tensor:
        """Return outputs (steps, voices, outputs) / `divisor`, with `noise` added from `from_step` on.

        `opened` (voices, 8 * units) holds the states h, h, c, c of lower and upper layer, before their tanh,
        and what joins every input. `inputs` (steps + 1, voices) are rows of the table: up to `from_step`
        they are heard, after it they are filled in with `offsets` + the index of the largest output.
        """
        gated = 4 * self.units
        h0, h1, c0, c1 = torch.tanh(opened[:, :gated]).chunk(4, 1)
        context = opened[:, gated:].contiguous()
        h0, h1, c0, c1 = h0.contiguous(), h1.contiguous(), c0.contiguous(), c1.contiguous()
        written = torch.empty_like(context)
        i, f, o, g = written.chunk(4, 1)
        gates = [i, f, o, g, written[:, : 3 * self.units]]
        table: Tensor = self.table()
        low: Tensor = self.lower(h0)
        up: Tensor = self.upper(h1)
        outputs = up.new_empty((noise.shape[0], up.shape[0], up.shape[1] - gated))
        for step in range(noise.shape[0]):
            torch.index_select(table, 0, inputs[step], out=written)
            written.add_(context).add_(low[:, gated:])
            cell(gates, c0, h0)
            low = self.lower(h0)
            torch.add(low[:, :gated], up[:, :gated], out=written)
            cell(gates, c1, h1)
            up = self.upper(h1)
            scores = outputs[step]
            torch.div(up[:, gated:], divisor, out=scores)
            if step >= from_step:
                scores.add_(noise[step])
                torch.add(scores.argmax(1), self.offsets, out=inputs[step + 1])
        return outputs
