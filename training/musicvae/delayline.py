"""A start for the levels above the bar: their LSTMs as delay lines for the principal components of bar codes.

From random weights a conductor takes very long to tell sixteen bars apart. Here its gates stand open and its
recurrent weights move blocks of units along, one block a bar, so that it begins as the linear map that
serves best (probabilistic principal components, Tipping and Bishop 1999). All these weights go on learning.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.musicvae.model import Conductor, MusicVAE, both_ends

OPEN = 4.0  # bias of a gate that stands open, minus that of one that is shut
QUIET = 0.03  # of a code's coordinates on their way through the units, where tanh is nearly straight
RIDGE = 1e-3  # of a regression, relative to the mean variance of its inputs
BATCH = 64


class Components(NamedTuple):
    """The linear Gaussian model of a window's codes x (bars * code): x ~ mean + z @ decode."""

    mean: Tensor  # (bars * code,)
    decode: Tensor  # (z_size, bars * code)
    mu: Tensor  # (windows, z_size), the posterior's mean for each window
    sigma: Tensor  # (z_size,), and its deviation, for all


@torch.no_grad()
def start(model: MusicVAE, windows: Tensor, distortion: float) -> None:
    """Set sequence encoder and conductor of `model` to give back the bar codes of `windows`.

    `windows` (N, bars, steps, voices) are training data; `distortion` is the variance left in a principal
    component of the codes, which fixes its posterior's width. A model with fewer units than bars stays as
    it is.
    """
    conductor, encoder = model.conductor, model.encoder
    if conductor is None:
        return
    bars = windows.shape[1]
    ends, halves = (bars + 1) // 2, (bars + 1) // 2 + 1  # blocks of either direction, of either layer
    if min(encoder.sequence.hidden_size // ends, conductor.units // halves) < 1:
        return
    features = torch.cat([encoder.features(part.flatten(0, 1)) for part in windows.split(BATCH)])
    codes = encoder.codes(features)  # (N * bars, code)
    parts = components(codes.unflatten(0, (-1, bars)).flatten(1), encoder.mu.out_features, distortion)

    # The encoder: each direction ends on the half of the window that it read last.
    width = encoder.sequence.hidden_size // ends
    basis = _basis(codes, width)
    weight, bias = _regress(features, codes @ basis)
    for direction in ("l0", "l0_reverse"):
        entrance = _delay(encoder.sequence, direction, width, ends)
        entrance.weight[:, :] = QUIET * weight
        entrance.bias[:] = QUIET * bias
    split = features.unflatten(0, (-1, bars)).split(BATCH)
    finals = torch.cat([both_ends(encoder.sequence, part) for part in split])
    weight, bias = _regress(finals, parts.mu)
    encoder.mu.weight.copy_(weight)
    encoder.mu.bias.copy_(bias)
    encoder.sigma.weight.zero_()
    encoder.sigma.bias.copy_(torch.log(torch.expm1(parts.sigma)))

    _conduct(conductor, codes, parts, bars)


def components(codes: Tensor, size: int, distortion: float) -> Components:
    """Return the `size` principal components of `codes` (N, D), each known to within `distortion`.

    A component of variance v costs log(v / distortion) / 2 nats; one of less than `distortion` says nothing.
    """
    mean = codes.mean(0)
    directions = _basis(codes, size)  # (D, size), the widest first
    scores = (codes - mean) @ directions
    variance = scores.var(0).clamp(min=1e-12)
    told = (1.0 - distortion / variance).clamp(min=0.0).sqrt()
    mu = told * scores / variance.sqrt()
    decode = (told * variance.sqrt())[:, None] * directions.T
    return Components(mean, decode, mu, (1.0 - told.square()).sqrt())


def _conduct(conductor: Conductor, codes: Tensor, parts: Components, bars: int) -> None:
    """Make the upper layer's blocks the first bars; the lower layer's follow them through its last block."""
    lstm, halves = conductor.lstm, (bars + 1) // 2 + 1
    width = conductor.units // halves
    _delay(lstm, "l0", width, halves)
    entrance = _delay(lstm, "l1", width, halves)
    entrance.weight[:, :width] = _gain() * torch.eye(width, device=codes.device)
    basis = _basis(codes, width)
    weight = conductor.initial.weight.view(2, 2, conductor.units, -1).zero_()  # (h or c, layer, unit, z)
    bias = conductor.initial.bias.view(2, 2, conductor.units).zero_()
    centre = codes.mean(0)
    means, decode = parts.mean.unflatten(0, (bars, -1)), parts.decode.unflatten(1, (bars, -1))
    for bar in range(bars):  # block 1 is heard first, for a step moves it to block 0
        layer, block = divmod(bar, halves - 1)
        place = slice((1 + block) * width, (2 + block) * width)
        weight[0, 1 - layer, place] = QUIET * (decode[:, bar] @ basis).T
        bias[0, 1 - layer, place] = QUIET * ((means[bar] - centre) @ basis)
    generator = torch.Generator(codes.device).manual_seed(0)  # its own: a run that resumes here goes on alike
    noise = torch.randn(parts.mu.shape, generator=generator, device=codes.device)
    z = parts.mu + parts.sigma * noise
    outputs = torch.cat([conductor.outputs(part) for part in z.split(BATCH)]).flatten(0, 1)
    readout, offset = _regress(outputs, codes)
    conductor.code.weight.copy_(readout)
    conductor.code.bias.copy_(offset)


class _Entrance(NamedTuple):
    """Views of what feeds the last block of a delay line: its input weights (width, input) and bias."""

    weight: Tensor
    bias: Tensor


def _delay(lstm: nn.LSTM, name: str, width: int, blocks: int) -> _Entrance:
    """Make layer `name` of `lstm` move each of `blocks` blocks of `width` units down by one block a step."""
    units = lstm.hidden_size
    into, recurrent = getattr(lstm, f"weight_ih_{name}"), getattr(lstm, f"weight_hh_{name}")
    bias = getattr(lstm, f"bias_ih_{name}")
    for parameter in (into, recurrent, bias, getattr(lstm, f"bias_hh_{name}")):
        parameter.zero_()
    gates = bias.view(4, units)  # input, forget, cell, output
    gates[0], gates[1], gates[3] = OPEN, -OPEN, OPEN
    cell = slice(2 * units, 2 * units + (blocks - 1) * width)
    recurrent[cell, width : blocks * width] = _gain() * torch.eye(
        (blocks - 1) * width, device=recurrent.device
    )
    last = slice(2 * units + (blocks - 1) * width, 2 * units + blocks * width)
    return _Entrance(into[last], bias[last])


def _gain() -> float:
    """Return the weight that makes up for what two open gates let through."""
    return float(torch.tensor(OPEN).sigmoid() ** -2)


def _basis(codes: Tensor, width: int) -> Tensor:
    """Return the `width` principal directions (code, width) of `codes` (N, code), padded with zeros."""
    centred = codes - codes.mean(0)
    _, vectors = torch.linalg.eigh((centred.T @ centred).double() / len(codes))
    directions = vectors.flip(1)[:, :width].to(codes)
    return nn.functional.pad(directions, (0, width - directions.shape[1]))


def _regress(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return weight (out, in) and bias (out,) of the ridge regression of `outputs` on `inputs`, rows each."""
    x, y = inputs.double(), outputs.double()
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    gram = x.T @ x
    gram.diagonal().add_(RIDGE * gram.diagonal().mean() + 1e-12)
    weight = torch.linalg.solve(gram, x.T @ y).T
    return weight.to(outputs), (y_mean - weight @ x_mean).to(outputs)
