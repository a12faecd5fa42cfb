"""The module inside a model file, built from a trained MusicVAE.

`begin` and `plan` spell a latent out as codes, `bar` and `logits` decode one, `encode` goes the way back.
"""

from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.musicvae.bottoms import Weights, bottoms, in_order
from training.musicvae.model import ModelConfig, MusicVAE
from training.musicvae.products import Stored, fine_product
from training.musicvae.streaming import Baton

METHODS = ["begin", "plan", "bar", "logits", "encode"]  # what others may call


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
    """A hierarchical MusicVAE in the form that plays: float32, or int8 but for what Bottoms keep finer.

    Its voices are decoded one after the other, or as the rows of one recurrence, `together`: that has fewer
    calls, each of which multiplies every voice's row with all the voices' weights.
    """

    bars: Final[int]
    steps: Final[int]
    code: Final[int]

    def __init__(self, model: MusicVAE, quantise: bool, together: bool = False) -> None:
        super().__init__()
        config, weights = model.config, model.state_dict()
        self.bars, self.steps, self.code = config.bars, config.steps_per_bar, config.code
        form = torch.int8 if quantise else torch.float32
        self.encoder = ExportedEncoder(config, weights, form)
        half = torch.float16 if quantise else torch.float32
        self.initial = Stored(weights["conductor.initial.weight"], half)
        self.initial_bias = Stored(weights["conductor.initial.bias"], form)
        self.conductor = conductor(weights, quantise)
        self.bottoms = bottoms(config, weights, quantise, together)

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
        columns: list[Tensor] = []
        for part in self.bottoms:
            begun = part.opened(plan_row)
            inputs = part(begun, part.starts, prefix, from_step, temperature, noise)
            columns.append(part.tokens(inputs))
        return torch.cat(columns, 1)

    @torch.jit.export
    def logits(self, plan_row: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (steps, vocabulary) a voice along the true `tokens` (steps, voices)."""
        scores: list[Tensor] = []
        for part in self.bottoms:
            scores.extend(part.logits(plan_row, tokens))
        return scores

    @torch.jit.export
    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma (B, z_size) of `tokens` (B, bars, steps, voices), -1 for a missing voice."""
        encoded: tuple[Tensor, Tensor] = self.encoder(tokens)
        return encoded


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


def plan(module: Any, z: Tensor, bars: int) -> Tensor:
    """Return the codes (bars, code) of the first `bars` bars of `z` (z_size,) by an exported `module`."""
    codes: Tensor = module.plan(module.begin(z), bars)[0]
    return codes
