"""Products with stored weights, scriptable: float32, or int8 that each processor packs for itself."""

import warnings
from typing import Final

import torch
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
