"""What rests in a model file: its module, opened in silence, and the weights of its products."""

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Block = tuple[Tensor, Tensor]  # weights (rows, columns) and biases (rows,)


def opened(path: Path | str) -> Any:
    """Return the module at `path` with its weights as they rest, on the CPU. RuntimeError: torch cannot.

    It is opened without the warnings that TorchScript and quantised tensors end with torch 2.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Loading int8 weights warns once in the process, from C++ straight to stderr; here it can be caught.
        ones = torch.ones(1)
        torch._make_per_channel_quantized_tensor(torch.ones(1, 1, dtype=torch.int8), ones, ones.long(), 0)
        module: Any = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]  # torch's
        return module.eval()


def frozen(module: Any, methods: list[str]) -> Any:
    """Return `module` with its weights expanded once, not at every call; only `methods` are left to call.

    RuntimeError: it lacks one of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.freeze(module, preserved_attrs=methods)


def block(product: Any) -> Block:
    """Return what a product of one voice multiplies with and adds."""
    if not hasattr(product, "packed"):
        return product.weight().squeeze(0).T, product.bias.flatten()
    packed, bias = torch.ops.quantized.linear_unpack(product.packed)
    return packed.dequantize(), bias


def rows(product: Any) -> Block:
    """Return the same of one of the conductor's products."""
    if not hasattr(product, "both"):
        return product.weight, product.bias
    packed, bias = torch.ops.quantized.linear_unpack(product.both.packed)
    weight = packed.dequantize()
    weight.scatter_(1, product.columns.unsqueeze(1), product.largest.T)
    return weight, bias * 127 / 126
