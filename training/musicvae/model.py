"""MusicVAE (Roberts et al. 2018): melody, bass and drums, alone or together, hierarchical and flat.

Tokens are (B, bars, steps, voices); -1 marks a voice that a song lacks, which the encoder hears as
missing and the loss leaves out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.codec import CODECS
from training.loss import Posterior

VOICES = {voice.name: voice for voice in CODECS["trio"].voices}


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes of a MusicVAE; the paper's own are 2048, 512, 1024, 512, 1024 (section 3)."""

    family: str = "hierarchical"  # or "flat": no conductor, the decoders run through all the bars
    voices: tuple[str, ...] = ("melody", "bass", "drums")  # or some of them, in this order
    bars: int = 16
    steps_per_bar: int = 16
    embedding: int = 64  # of a token; reads a table where the paper multiplies a one-hot
    bar_encoder: int = 256  # units a direction over the steps of one bar
    sequence_encoder: int = 384  # units a direction over the bars
    z_size: int = 512
    conductor: int = 512
    code: int = 128  # the conductor's output for a bar, all that a bottom decoder knows of z
    decoder: int = 256  # units of each of the two layers, for each voice
    code_noise: float = 0.1  # on the normalised code in training: neighbours must decode alike

    @property
    def vocabularies(self) -> tuple[int, ...]:
        """How many tokens each voice has."""
        return tuple(VOICES[voice].vocabulary for voice in self.voices)


def both_ends(lstm: nn.LSTM, sequence: Tensor) -> Tensor:
    """Return the final states (N, 2 * units) of a bidirectional `lstm` over `sequence` (N, T, inputs)."""
    _, (final, _) = lstm(sequence)  # (2, N, units)
    return torch.cat([final[0], final[1]], dim=-1)


class Encoder(nn.Module):
    """A bidirectional LSTM reads each bar, a second one the sequence of bars (section 3.1, in two levels)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.missing = tuple(config.vocabularies)  # one past the last token: this voice is not there
        self.embeddings = nn.ModuleList(nn.Embedding(v + 1, config.embedding) for v in config.vocabularies)
        width = config.embedding * len(config.vocabularies)
        self.bar = nn.LSTM(width, config.bar_encoder, batch_first=True, bidirectional=True)
        self.code = nn.Linear(2 * config.bar_encoder, config.code)
        self.normalise = nn.LayerNorm(config.code, elementwise_affine=False)
        self.sequence = nn.LSTM(
            2 * config.bar_encoder, config.sequence_encoder, batch_first=True, bidirectional=True
        )
        self.mu = nn.Linear(2 * config.sequence_encoder, config.z_size)
        self.sigma = nn.Linear(2 * config.sequence_encoder, config.z_size)

    def features(self, bars: Tensor) -> Tensor:
        """Return the final states (N, 2 * bar_encoder) of the bar level for `bars` (N, steps, voices)."""
        embedded = [
            embed(torch.where(bars[..., voice] < 0, self.missing[voice], bars[..., voice]))
            for voice, embed in enumerate(self.embeddings)
        ]
        return both_ends(self.bar, torch.cat(embedded, dim=-1))

    def codes(self, features: Tensor) -> Tensor:
        """Return the normalised code (N, code) that a conductor ought to give for a bar of these features."""
        code: Tensor = self.normalise(self.code(features).float())
        return code

    def posterior(self, features: Tensor) -> Posterior:
        """Return q(z|x) for the features (B, bars, 2 * bar_encoder) of each bar; sigma by softplus."""
        state = both_ends(self.sequence, features)
        return Posterior(self.mu(state).float(), F.softplus(self.sigma(state).float()) + 1e-4)

    def forward(self, tokens: Tensor) -> Posterior:
        """Return q(z|x) for `tokens` (B, bars, steps, voices)."""
        features = self.features(tokens.flatten(0, 1))
        return self.posterior(features.unflatten(0, tokens.shape[:2]))


class Conductor(nn.Module):
    """z sets the first state of a two-layer LSTM with a dummy input, one code a bar (section 3.2)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.bars, self.units = config.bars, config.conductor
        self.initial = nn.Linear(config.z_size, 4 * config.conductor)
        self.lstm = nn.LSTM(1, config.conductor, num_layers=2, batch_first=True)
        self.code = nn.Linear(config.conductor, config.code)
        self.normalise = nn.LayerNorm(config.code, elementwise_affine=False)

    def outputs(self, z: Tensor) -> Tensor:
        """Return the upper layer's outputs (B, bars, units) for `z` (B, z_size)."""
        h, c = torch.tanh(self.initial(z)).unflatten(-1, (2, 2, self.units)).permute(1, 2, 0, 3).contiguous()
        outputs: Tensor = self.lstm(z.new_zeros(z.shape[0], self.bars, 1), (h, c))[0]
        return outputs

    def forward(self, z: Tensor) -> Tensor:
        """Return the codes (B, bars, code) for `z` (B, z_size)."""
        code: Tensor = self.normalise(self.code(self.outputs(z)).float())
        return code


class BottomDecoder(nn.Module):
    """The two-layer LSTM of one voice; `context` sets its first state and joins every input (section 3.2)."""

    def __init__(self, context: int, vocabulary: int, embedding: int, units: int) -> None:
        super().__init__()
        self.start, self.units = vocabulary, units
        self.embedding = nn.Embedding(vocabulary + 1, embedding)  # the last row stands before the first token
        self.initial = nn.Linear(context, 4 * units)
        self.lstm = nn.LSTM(embedding + context, units, num_layers=2, batch_first=True)
        self.output = nn.Linear(units, vocabulary)

    def initial_state(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Return (h, c), each (2, N, units), for `context` (N, context)."""
        state = torch.tanh(self.initial(context)).unflatten(-1, (2, 2, self.units))  # (N, h or c, layer, H)
        h, c = state.permute(1, 2, 0, 3).contiguous()
        return h, c

    def shift(self, tokens: Tensor) -> Tensor:
        """Return inputs (N, T) for targets `tokens` (N, T): the start row, then all but the last token."""
        start = tokens.new_full((tokens.shape[0], 1), self.start)
        return torch.cat([start, tokens[:, :-1].clamp(min=0)], dim=1)

    def forward(
        self, context: Tensor, inputs: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return logits (N, T, vocabulary) and the last state for previous tokens `inputs` (N, T)."""
        repeated = context.unsqueeze(1).expand(-1, inputs.shape[1], -1)
        outputs, state = self.lstm(torch.cat([self.embedding(inputs), repeated], dim=-1), state)
        return self.output(outputs), state


class MusicVAE(nn.Module):
    """The whole model; `config.family` decides what the bottom decoders hear as context.

    Flat models of several voices have a decoder for each here, too, so that any voice can be muted or left
    out; the paper's flat trio is one RNN with an output for each (section 3.3), whose voices hear each other.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.conductor = Conductor(config) if config.family == "hierarchical" else None
        context = config.code if config.family == "hierarchical" else config.z_size
        self.decoders = nn.ModuleList(
            BottomDecoder(context, v, config.embedding, config.decoder) for v in config.vocabularies
        )

    @property
    def bottoms(self) -> list[BottomDecoder]:
        """Return the bottom decoders, one a voice."""
        return cast(list[BottomDecoder], list(self.decoders))

    def contexts(self, z: Tensor) -> Tensor:
        """Return what the decoders hear of `z` (B, z_size): codes (B, bars, code), or flat (B, 1, z_size)."""
        if self.conductor is None:
            return z.unsqueeze(1)
        codes: Tensor = self.conductor(z)
        return codes

    def spans(self, tokens: Tensor) -> Tensor:
        """Return `tokens` (B, bars, steps, voices) as the runs of one context each, (B, runs, T, voices)."""
        return tokens if self.conductor is not None else tokens.flatten(1, 2).unsqueeze(1)

    def teacher_forced(self, context: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return logits (N, T, vocabulary) a voice, each step hearing `tokens` (N, T, voices) before it."""
        return [
            decoder(context, decoder.shift(tokens[..., v]), decoder.initial_state(context))[0]
            for v, decoder in enumerate(self.bottoms)
        ]

    @torch.no_grad()
    def sample(
        self, context: Tensor, steps: int, temperature: float = 1.0, noise: Sequence[Tensor] | None = None
    ) -> Tensor:
        """Return tokens (N, steps, voices) drawn step by step from `context` (N, context).

        `noise` holds Gumbel noise (N, steps, vocabulary) a voice, drawn here if None; each token is
        argmax(logits / temperature + noise), an exact draw from the softmax. Temperature 0 takes the argmax.
        """
        columns = []
        for v, decoder in enumerate(self.bottoms):
            state = decoder.initial_state(context)
            token = torch.full((context.shape[0], 1), decoder.start, device=context.device)
            column = []
            for step in range(steps):
                logits, state = decoder(context, token, state)
                logits = logits[:, 0].float()
                if temperature > 0:
                    gumbel = noise[v][:, step] if noise else -torch.empty_like(logits).exponential_().log()
                    logits = logits / temperature + gumbel
                token = logits.argmax(-1, keepdim=True)
                column.append(token)
            columns.append(torch.cat(column, dim=1))
        return torch.stack(columns, dim=-1)

    @torch.no_grad()
    def generate(self, z: Tensor, temperature: float = 1.0) -> Tensor:
        """Return tokens (B, bars, steps, voices) sampled from `z` (B, z_size)."""
        contexts = self.contexts(z)  # (B, runs, context)
        steps = self.config.bars * self.config.steps_per_bar // contexts.shape[1]
        tokens = self.sample(contexts.flatten(0, 1), steps, temperature)
        return tokens.reshape(z.shape[0], self.config.bars, self.config.steps_per_bar, -1)
