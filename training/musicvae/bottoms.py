"""The bottom decoders as they play: voices side by side, each with its own, over stored weights."""

from collections.abc import Sequence
from typing import Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.musicvae.model import ModelConfig
from training.musicvae.products import Product, Stored, product
from training.musicvae.streaming import Recurrence

MASKED = -1e30  # the logit of a token past its voice's vocabulary: no noise lifts it
Weights = dict[str, Tensor]  # a state_dict


class Bottoms(nn.Module):
    """The bottom decoders of neighbouring `voices`, as the rows of one recurrence.

    Tokens, temperatures and noise are those of all the model's voices, of which it takes its own. Their
    tables and openings are read little and rest as float16 where the rest is int8: as int8 they would cost
    as many tokens as all of that.
    """

    first: Final[int]
    after: Final[int]
    vocabularies: Final[tuple[int, ...]]
    remembered: Final[int]
    starts: Tensor

    def __init__(self, config: ModelConfig, weights: Weights, voices: range, quantise: bool) -> None:
        super().__init__()
        self.first, self.after = voices.start, voices.stop
        self.vocabularies = config.vocabularies[voices.start : voices.stop]
        self.remembered = len(voices) * (4 * config.decoder + 1)  # length of a state
        self.opening = opening(config, weights, voices, quantise)
        self.decoders = decoders(config, weights, voices, quantise)
        # (voices,) the row of the table before a voice's first token
        starts = torch.tensor([vocabulary + 1 for vocabulary in self.vocabularies]).cumsum(0) - 1
        self.register_buffer("starts", starts)

    def opened(self, code: Tensor) -> Tensor:
        """Return where the recurrences begin under `code` (code,), (8, voices, units)."""
        begun: Tensor = self.decoders.begin(
            self.opening(code.expand(len(self.vocabularies), -1).contiguous())
        )
        return begun

    def forward(  # noqa: PLR0917  # TorchScript has no keywords
        self,
        begun: Tensor,
        heard: Tensor,
        prefix: Tensor,
        from_step: int,
        temperature: Tensor,
        noise: list[Tensor],
    ) -> Tensor:
        """Return rows of the table (steps + 1, voices): `heard` (voices,), then those that are played.

        Those of `prefix` (steps, all voices) before `from_step` are played as they are; every later one is
        argmax(logits / temperature + noise) with `noise` (steps, vocabulary) a voice and `temperature` (all
        voices,); 0 takes the argmax of the logits. The states in `begun` are moved on in place.
        """
        divisor, padded = warmed(temperature[self.first : self.after], noise[self.first : self.after])
        inputs = self.inputs(heard, prefix)
        self.decoders(begun, inputs, from_step, divisor, padded)
        return inputs

    def logits(self, code: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (T, vocabulary) a voice along the true `tokens` (T, all voices) of `code`."""
        silent = torch.zeros((tokens.shape[0], len(self.vocabularies), max(self.vocabularies)))
        inputs = self.inputs(self.starts, tokens)
        scores = self.decoders(self.opened(code), inputs, tokens.shape[0], torch.ones((1, 1)), silent)
        return [scores[:, voice, :vocabulary] for voice, vocabulary in enumerate(self.vocabularies)]

    def inputs(self, heard: Tensor, tokens: Tensor) -> Tensor:
        """Return rows of the table (steps + 1, voices): `heard`, then `tokens` (steps, all voices)."""
        own = tokens[:, self.first : self.after].clamp(min=0) + self.decoders.offsets
        return torch.cat([heard.unsqueeze(0), own])

    def tokens(self, inputs: Tensor) -> Tensor:
        """Return the tokens (steps, voices) of the rows of the table after the first of `inputs`."""
        return inputs[1:] - self.decoders.offsets


def bottoms(
    config: ModelConfig, weights: Weights, quantise: bool, together: bool = False
) -> Sequence[Bottoms]:
    """Return the bottom decoders of all voices, each by itself or all `together`."""
    voices = len(config.vocabularies)
    groups = [range(voices)] if together else [range(voice, voice + 1) for voice in range(voices)]
    return cast(
        Sequence[Bottoms], nn.ModuleList(Bottoms(config, weights, group, quantise) for group in groups)
    )


def warmed(temperature: Tensor, noise: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return what scores are divided by (voices, 1), and what is added then (steps, voices, vocabulary).

    `noise` is (steps, vocabulary) a voice; of a voice whose temperature is 0 the largest score wins.
    """
    cold = (temperature <= 0).unsqueeze(1)
    divisor = torch.where(cold, torch.ones_like(temperature).unsqueeze(1), temperature.unsqueeze(1))
    widest = max([block.shape[1] for block in noise])
    padded = torch.zeros((noise[0].shape[0], len(noise), widest))
    for voice, block in enumerate(noise):
        padded[:, voice, : block.shape[1]] = block
    return divisor, padded.masked_fill_(cold, 0.0)


def decoders(config: ModelConfig, weights: Weights, voices: Sequence[int], quantise: bool) -> Recurrence:
    """Return the bottom decoders of `voices` as one recurrence; outputs are padded to the widest of them."""
    tables, lower, upper = [], [], []
    widest = max(config.vocabularies[voice] for voice in voices)
    for voice in voices:
        name = f"decoders.{voice}"
        from_token = in_order(weights[f"{name}.lstm.weight_ih_l0"])[:, : config.embedding]
        bias = in_order(weights[f"{name}.lstm.bias_ih_l0"] + weights[f"{name}.lstm.bias_hh_l0"])
        tables.append(weights[f"{name}.embedding.weight"] @ from_token.T + bias)
        below, above = layers(weights, f"{name}.lstm", f"{name}.output", widest)
        lower.append(below)
        upper.append(above)
    rows = torch.tensor([len(table) for table in tables])
    return Recurrence(
        Stored(torch.cat(tables), torch.float16 if quantise else torch.float32),
        product(*batch(lower), quantise),
        product(*batch(upper), quantise),
        rows.cumsum(0) - rows,
        config.decoder,
    )


def opening(config: ModelConfig, weights: Weights, voices: Sequence[int], quantise: bool) -> Product:
    """Return the product that turns a code into each voice's first state and its share of every input."""
    blocks = []
    for voice in voices:
        name = f"decoders.{voice}"
        from_code = in_order(weights[f"{name}.lstm.weight_ih_l0"])[:, config.embedding :]
        initial = weights[f"{name}.initial.weight"], weights[f"{name}.initial.bias"]
        blocks.append((torch.cat([initial[0], from_code]), F.pad(initial[1], (0, len(from_code)))))
    return Product(*batch(blocks), torch.float16 if quantise else torch.float32)


def layers(weights: Weights, lstm: str, head: str, outputs: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return weight and bias of the lower and of the upper product of a Recurrence, for one voice."""
    bias = in_order(weights[f"{lstm}.bias_ih_l1"] + weights[f"{lstm}.bias_hh_l1"])
    lower = torch.cat([in_order(weights[f"{lstm}.weight_{part}"]) for part in ("ih_l1", "hh_l0")])
    output, output_bias = weights[f"{head}.weight"], weights[f"{head}.bias"]
    missing = outputs - len(output)
    upper = torch.cat([in_order(weights[f"{lstm}.weight_hh_l1"]), F.pad(output, (0, 0, 0, missing))])
    output_bias = F.pad(output_bias, (0, missing), value=MASKED)
    return (lower, F.pad(bias, (0, len(bias)))), (upper, F.pad(output_bias, (len(bias), 0)))


def in_order(gates: Tensor) -> Tensor:
    """Return rows (4 * units, ...) as input, forget, output, cell; torch has the cell before the output."""
    i, f, g, o = gates.chunk(4)
    return torch.cat([i, f, o, g])


def batch(blocks: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return weights (voices, rows, columns) and biases (voices, rows) of one block a voice."""
    return torch.stack([weight for weight, _ in blocks]), torch.stack([bias for _, bias in blocks])
