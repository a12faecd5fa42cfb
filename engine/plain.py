"""The plain PyTorch loop over a model file's weights, to compare with, and how those weights are read.

It is what one writes first: the two layers of LSTM of each voice, one step at a time, eager, in float32, fed
the previous token as a one-hot vector beside the bar's code, as the code published with the paper does. The
layers are cells: nn.LSTM takes about three times as long a step at a time, and would flatter the comparison.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.manifest import Manifest
from engine.modelfile import block, rows
from engine.module import DecoderError

FAMILY = "musicvae-hierarchical"  # whose weights it knows


class PlainVoice(nn.Module):
    """The bottom decoder of one voice: an affine opening, two layers of LSTM, an affine output."""

    def __init__(self, vocabulary: int, code: int, units: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.initial = nn.Linear(code, 4 * units)
        self.lower = nn.LSTMCell(vocabulary + 1 + code, units)
        self.upper = nn.LSTMCell(units, units)
        self.output = nn.Linear(units, vocabulary)

    def bar(self, code: Tensor, temperature: float, noise: Tensor) -> list[int]:
        """Return a token a row of `noise` (steps, vocabulary) for the bar of `code` (code,)."""
        h0, h1, c0, c1 = torch.tanh(self.initial(code)).view(4, 1, -1).unbind(0)
        token, tokens = self.vocabulary, []
        for step in range(len(noise)):
            heard = F.one_hot(torch.tensor(token), self.vocabulary + 1).float()
            h0, c0 = self.lower(torch.cat([heard, code]).unsqueeze(0), (h0, c0))
            h1, c1 = self.upper(h0, (h1, c1))
            logits = self.output(h1[0])
            token = int((logits / temperature + noise[step]).argmax())
            tokens.append(token)
        return tokens


class PlainLoop:
    """Turns latents into bars like engine.decoder.Decoder, in the plain way."""

    def __init__(self, stored: Any, manifest: Manifest, vocabularies: Sequence[int]) -> None:
        """Take the weights of `stored`, a model file's module as it was loaded, dequantised.

        DecoderError: a family other than FAMILY, or a form of weights that is unknown here.
        """
        if manifest.family != FAMILY:
            raise DecoderError(f"no plain loop of family {manifest.family!r}, only of {FAMILY!r}")
        self._bars = manifest.bars
        try:
            with torch.inference_mode():
                self._conductor(stored)
                self._bottoms(stored, vocabularies)
        except (AttributeError, RuntimeError) as error:
            raise DecoderError(f"no plain loop of these weights: {str(error).splitlines()[0]}") from error

    @torch.inference_mode()
    def plan(self, z: NDArray[np.float32]) -> Tensor:
        """Return the code of each bar, (bars, code), for `z` (z_size,)."""
        h0, h1, c0, c1 = torch.tanh(self.initial(torch.from_numpy(np.array(z)))).view(4, 1, -1).unbind(0)
        out, _ = self.conductor(torch.zeros(self._bars, 1), (torch.cat([h0, h1]), torch.cat([c0, c1])))
        codes = self.code(out)
        return F.layer_norm(codes, codes.shape[-1:])

    @torch.inference_mode()
    def bar(
        self, code: Tensor, temperature: Sequence[float], noise: Sequence[NDArray[np.float32]]
    ) -> NDArray[np.int64]:
        """Return the tokens (steps, voices) of the bar of `code` (code,); temperatures above 0."""
        columns = [
            voice.bar(code, temperature[index], torch.from_numpy(noise[index]))
            for index, voice in enumerate(self.voices)
        ]
        return np.array(columns, np.int64).T

    def _conductor(self, stored: Any) -> None:
        weight, bias = stored.initial(), stored.initial_bias()
        self.initial = _linear(weight, bias)
        self.conductor = nn.LSTM(1, stored.conductor.units, num_layers=2)
        recurrent, below = rows(stored.conductor.lower)
        between, above = rows(stored.conductor.between)
        dummy = torch.zeros(len(below), 1)  # its input
        first = _layer("_l0", dummy, recurrent, below)
        second = _layer("_l1", between, rows(stored.conductor.upper)[0], above)
        self.conductor.load_state_dict(first | second)
        self.code = _linear(stored.conductor.readout(), stored.conductor.readout_bias)

    def _bottoms(self, stored: Any, vocabularies: Sequence[int]) -> None:
        self.voices = []
        for vocabulary, bottom in zip(vocabularies, stored.bottoms.children(), strict=True):
            opening, opening_bias = block(bottom.opening)
            (lower, below), (upper, above) = block(bottom.decoders.lower), block(bottom.decoders.upper)
            units = lower.shape[1]
            plain = PlainVoice(vocabulary, opening.shape[1], units)
            plain.initial = _linear(opening[: 4 * units], opening_bias[: 4 * units])
            # Every input has exactly one token, so the bias may stay in the tokens' columns.
            first = torch.cat([bottom.decoders.table().T, opening[4 * units :]], 1)
            gates, recurrent = slice(4 * units), slice(4 * units, 8 * units)
            plain.lower.load_state_dict(_layer("", first, lower[recurrent], torch.zeros(4 * units)))
            plain.upper.load_state_dict(_layer("", lower[gates], upper[gates], below[gates]))
            outputs = slice(4 * units, 4 * units + vocabulary)
            plain.output = _linear(upper[outputs], above[outputs])
            self.voices.append(plain.eval())


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0])
    linear.load_state_dict({"weight": weight, "bias": bias})
    return linear


def _layer(suffix: str, heard: Tensor, recurrent: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Return the parts of an LSTM's layer as torch names them, gates as a model file has them."""
    parts = {"weight_ih": heard, "weight_hh": recurrent, "bias_ih": bias, "bias_hh": torch.zeros_like(bias)}
    return {name + suffix: _torch_order(part) for name, part in parts.items()}


def _torch_order(gates: Tensor) -> Tensor:
    """Return rows (4 * units, ...) with the cell before the output gate; the file has it last."""
    i, f, o, g = gates.chunk(4)
    return torch.cat([i, f, g, o])
