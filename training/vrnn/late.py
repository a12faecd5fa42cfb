"""A linear map inside a loop over time, whose weight's gradient is one product after the loop.

Left to autograd, every step would add a gradient of the weight's whole size to the sum of those before; for
small batches that costs as much as all the rest.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class _Late(torch.autograd.Function):
    """The identity on `share`, whose backward also gives the gradient of the weight."""

    @staticmethod
    def forward(ctx: Any, share: Tensor, weight: Tensor, inputs: list[Tensor]) -> Tensor:
        ctx.inputs, ctx.dtype = inputs, weight.dtype  # the list is filled by the loop that follows
        return share.view_as(share)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        rows = torch.cat(ctx.inputs).flatten(0, -2)
        ctx.inputs.clear()
        product = gradient.flatten(0, -2).to(rows.dtype).T @ rows
        return gradient, product.to(ctx.dtype), None


class Late:
    """`weight` (out, in), and what every step adds to its product: `share` (frames, ..., out), step by step.

    `sizes` are the frames of each step. Call it once a step, in their order.
    """

    def __init__(self, weight: Tensor, share: Tensor, sizes: Sequence[int]) -> None:
        self._inputs: list[Tensor] | None = None
        if torch.is_grad_enabled():
            self._inputs = []
            share = _Late.apply(share, weight, self._inputs)
        self._weight, self._shares = weight.detach().T, share.split(list(sizes))

    def __call__(self, step: int, x: Tensor) -> Tensor:
        """Return x @ weight.T + share for `x` (frames of that step, ..., in)."""
        if self._inputs is not None:
            self._inputs.append(x.detach())
        product: Tensor = self._shares[step] + x @ self._weight
        return product


class LateNetwork:
    """A network of linear maps and rectifiers in such a loop."""

    def __init__(self, network: nn.Sequential, shape: tuple[int, ...], sizes: Sequence[int]) -> None:
        """`shape` is (frames, ...), what the outputs have before their last axis."""
        linears = [layer for layer in network if isinstance(layer, nn.Linear)]
        self._layers = [Late(part.weight, part.bias.expand(*shape, -1), sizes) for part in linears]

    def __call__(self, step: int, x: Tensor) -> Tensor:
        """Return the features of `x` (frames of that step, ..., in)."""
        for layer in self._layers:
            x = layer(step, x).relu()
        return x
