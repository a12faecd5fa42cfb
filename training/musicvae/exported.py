"""The module inside a model file, built from a trained MusicVAE.

`begin` and `plan` spell a latent out as codes, `bar` and `logits` decode one, `encode` goes the way back.
"""

from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.musicvae.model import ModelConfig, MusicVAE
from training.musicvae.streaming import Baton, Product, Recurrence, Stored, fine_product, product

METHODS = ["begin", "plan", "bar", "logits", "encode"]  # what others may call
MASKED = -1e30  # the logit of a token past its voice's vocabulary: no noise lifts it
Weights = dict[str, Tensor]  # a state_dict


class ExportedEncoder(nn.Module):
    """musicvae.Encoder over stored weights."""

    missing: Final[tuple[int, ...]]
    units: Final[tuple[int, int]]

    def __init__(self, config: ModelConfig, weights: Weights, form: torch.dtype) -> None:
        super().__init__()
        self.missing, self.units = config.vocabularies, (config.bar_encoder, config.sequence_encoder)
        names = [f"{part}_l0{way}" for way in ("", "_reverse") for part in LSTM_PARTS]
        self.embeddings = nn.ModuleList(
            Stored(weights[f"encoder.embeddings.{voice}.weight"], form) for voice in range(len(self.missing))
        )
        self.bar = nn.ModuleList(Stored(weights[f"encoder.bar.{name}"], form) for name in names)
        self.sequence = nn.ModuleList(Stored(weights[f"encoder.sequence.{name}"], form) for name in names)
        self.mu = Stored(weights["encoder.mu.weight"], form)
        self.mu_bias = Stored(weights["encoder.mu.bias"], form)
        self.sigma = Stored(weights["encoder.sigma.weight"], form)
        self.sigma_bias = Stored(weights["encoder.sigma.bias"], form)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma (B, z_size) of `tokens` (B, bars, steps, voices), -1 for a missing voice."""
        bars = tokens.flatten(0, 1)
        known = torch.where(bars < 0, torch.tensor(self.missing), bars)
        embedded = [F.embedding(known[:, :, voice], table()) for voice, table in enumerate(self.embeddings)]
        features = final_states(torch.cat(embedded, dim=-1), [weight() for weight in self.bar], self.units[0])
        sequence = features.unflatten(0, tokens.shape[:2])
        state = final_states(sequence, [weight() for weight in self.sequence], self.units[1])
        sigma = F.linear(state, self.sigma(), self.sigma_bias())
        return F.linear(state, self.mu(), self.mu_bias()), F.softplus(sigma) + 1e-4


LSTM_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
CONDUCTOR_PARTS = [*(f"{part}_l{layer}" for part in LSTM_PARTS[1:] for layer in "01"), "weight_ih_l1"]


def final_states(x: Tensor, weights: list[Tensor], units: int) -> Tensor:
    """Return the last states (N, 2 * units) of a bidirectional LSTM over `x` (N, T, inputs)."""
    zeros = x.new_zeros((2, x.shape[0], units))
    _, h, _ = torch.lstm(x, [zeros, zeros], weights, True, 1, 0.0, False, True, True)
    return torch.cat([h[0], h[1]], dim=-1)


class ExportedMusicVAE(nn.Module):
    """A hierarchical MusicVAE in the form that plays: float32, or int8 but for the table and both openings.

    Those are read little and rest as float16: as int8 they would cost as many tokens as all the rest.
    """

    bars: Final[int]
    steps: Final[int]
    code: Final[int]
    vocabularies: Final[tuple[int, ...]]
    starts: Tensor

    def __init__(self, model: MusicVAE, quantise: bool) -> None:
        super().__init__()
        config, weights = model.config, model.state_dict()
        self.bars, self.steps, self.code = config.bars, config.steps_per_bar, config.code
        self.vocabularies = config.vocabularies
        form = torch.int8 if quantise else torch.float32
        self.encoder = ExportedEncoder(config, weights, form)
        half = torch.float16 if quantise else torch.float32
        self.initial = Stored(weights["conductor.initial.weight"], half)
        self.initial_bias = Stored(weights["conductor.initial.bias"], form)
        self.conductor = conductor(weights, quantise)
        self.opening = opening(config, weights, quantise)
        self.decoders = decoders(config, weights, quantise)
        # (voices,) the row of the table before a voice's first token
        self.register_buffer("starts", torch.tensor([v + 1 for v in config.vocabularies]).cumsum(0) - 1)

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the conductor's state (4, units) before the first bar of `z` (z_size,)."""
        state: Tensor = torch.tanh(F.linear(z, self.initial(), self.initial_bias()))
        return state.view(4, -1)

    @torch.jit.export
    def plan(self, state: Tensor, bars: int) -> tuple[Tensor, Tensor]:
        """Return the codes of the next `bars` bars (bars, code) after `state`, and the state after them."""
        planned: tuple[Tensor, Tensor] = self.conductor(state, bars)
        return planned

    @torch.jit.export
    def bar(
        self, plan_row: Tensor, prefix: Tensor, from_step: int, temperature: Tensor, noise: list[Tensor]
    ) -> Tensor:
        """Return the tokens (steps, voices) of the bar of code `plan_row` (code,).

        Rows of `prefix` (steps, voices) before `from_step` are given back and heard; every later token is
        argmax(logits / temperature + noise) with `noise` (steps, vocabulary) a voice and `temperature`
        (voices,); 0 takes the argmax of the logits.
        """
        divisor, padded = warmed(temperature, noise)
        inputs = self.inputs(prefix)
        self.decoders(self.opened(plan_row), inputs, from_step, divisor, padded)
        return inputs[1:] - self.decoders.offsets

    @torch.jit.export
    def logits(self, plan_row: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (steps, vocabulary) a voice along the true `tokens` (steps, voices)."""
        silent = torch.zeros((self.steps, len(self.vocabularies), max(self.vocabularies)))
        opened, inputs = self.opened(plan_row), self.inputs(tokens)
        scores = self.decoders(opened, inputs, self.steps, torch.ones((1, 1)), silent)
        return [scores[:, voice, :vocabulary] for voice, vocabulary in enumerate(self.vocabularies)]

    @torch.jit.export
    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma (B, z_size) of `tokens` (B, bars, steps, voices), -1 for a missing voice."""
        encoded: tuple[Tensor, Tensor] = self.encoder(tokens)
        return encoded

    def opened(self, plan_row: Tensor) -> Tensor:
        """Return where the voices' recurrences begin under a code, (8, voices, units)."""
        begun: Tensor = self.decoders.begin(
            self.opening(plan_row.expand(len(self.vocabularies), -1).contiguous())
        )
        return begun

    def inputs(self, tokens: Tensor) -> Tensor:
        """Return rows of the table (steps + 1, voices) for `tokens` (steps, voices), the start first."""
        return torch.cat([self.starts.unsqueeze(0), tokens.clamp(min=0) + self.decoders.offsets])


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


def conductor(weights: Weights, quantise: bool) -> Baton:
    """Return the conductor; its dummy input is 0, so that only the biases of that remain."""
    parts = {name: in_order(weights[f"conductor.lstm.{name}"]) for name in CONDUCTOR_PARTS}
    none = torch.zeros_like(parts["bias_hh_l1"])
    return Baton(
        fine_product(parts["weight_hh_l0"], parts["bias_ih_l0"] + parts["bias_hh_l0"], quantise),
        fine_product(parts["weight_ih_l1"], parts["bias_ih_l1"] + parts["bias_hh_l1"], quantise),
        fine_product(parts["weight_hh_l1"], none, quantise),
        Stored(weights["conductor.code.weight"], torch.float16 if quantise else torch.float32),
        weights["conductor.code.bias"],
    )


def decoders(config: ModelConfig, weights: Weights, quantise: bool) -> Recurrence:
    """Return the bottom decoders of all voices as one recurrence; outputs are padded to the widest voice."""
    tables, lower, upper = [], [], []
    for voice in range(len(config.vocabularies)):
        name = f"decoders.{voice}"
        from_token = in_order(weights[f"{name}.lstm.weight_ih_l0"])[:, : config.embedding]
        bias = in_order(weights[f"{name}.lstm.bias_ih_l0"] + weights[f"{name}.lstm.bias_hh_l0"])
        tables.append(weights[f"{name}.embedding.weight"] @ from_token.T + bias)
        below, above = layers(weights, f"{name}.lstm", f"{name}.output", max(config.vocabularies))
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


def opening(config: ModelConfig, weights: Weights, quantise: bool) -> nn.Module:
    """Return the product that turns a code into each voice's first state and its share of every input."""
    blocks = []
    for voice in range(len(config.vocabularies)):
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


def plan(module: Any, z: Tensor, bars: int) -> Tensor:
    """Return the codes (bars, code) of the first `bars` bars of `z` (z_size,) by an exported `module`."""
    codes: Tensor = module.plan(module.begin(z), bars)[0]
    return codes
