"""VRASH (Tikhonov & Yamshchikov 2017): a variational autoencoder whose decoder hears what it has written.

Notes are (B, T, 5) int64: delay, pitch class, octave, and the label of their track, its source and its family
of programs, -1 where they are not told; a delay below 0 is padding, which follows the last note. A note is
drawn element after element, each hearing those before it: p(delay) p(pitch class | delay) p(octave | both).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.data.notes import OCTAVE, OCTAVES, PITCHES, SIZES
from training.loss import Posterior
from training.vrash.highway import cell

ELEMENTS = len(SIZES)
PROGRAMS = 16  # families of General MIDI, eight programs each
OCTAVE_ELEMENT = 2  # whose last octave is not whole
MASKED = -1e30  # the logit of what cannot be: no noise lifts it
ARCHIVES = ("openewld", "nottingham", "folk-fiddle", "pop909-grid", "free-games")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes of a VRASH; of its own the paper tells only that z has 16 dimensions (Figure 6)."""

    family: str = "vrash"  # or its baselines: "lm" has no latent, the decoder of "vae" hears no history
    cell: str = "highway"  # or "lstm"
    sources: tuple[str, ...] = ARCHIVES  # whose names are labels; others have the label of none
    notes: int = 64  # of a track at a time: what one latent tells
    embedding: int = 32  # of each element of a note
    label: int = 8  # numbers that source and family of programs are embedded in, each
    encoder: int = 192  # units
    units: int = 256  # of the decoder
    depth: int = 2  # highway layers a step
    head: int = 128  # units between the decoder and each element
    z_size: int = 16
    unlabelled: float = 0.25  # of the tracks hide their label in training, so that z tells it, too
    dropout: float = 0.0  # of the notes heard are left out in training: a decoder that knows less asks z


class Embedding(nn.Module):
    """Tables of several columns side by side; each has one row more, for what is not told."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.sizes, self.width = tuple(sizes), len(sizes) * width
        self.tables = nn.ModuleList(nn.Embedding(size + 1, width) for size in sizes)

    def forward(self, columns: Tensor) -> Tensor:
        """Return (..., columns * width) for `columns` (..., columns); below 0 is not told."""
        told = torch.where(columns < 0, columns.new_tensor(self.sizes), columns)
        return torch.cat([table(told[..., k]) for k, table in enumerate(self.tables)], -1)


class Encoder(nn.Module):
    """Compresses a track into a Gaussian: from the last state, and the mean of all, to mu and sigma."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embedding = Embedding(SIZES, config.embedding)
        self.labels = Embedding((len(config.sources), PROGRAMS), config.label)
        inputs = self.embedding.width + self.labels.width
        self.cell = cell(config.cell, inputs, config.encoder, config.depth)
        self.mu = nn.Linear(2 * config.encoder, config.z_size)
        self.sigma = nn.Linear(2 * config.encoder, config.z_size)

    def forward(self, notes: Tensor) -> Posterior:
        """Return q(z|x) for `notes` (B, T, 5); sigma by softplus."""
        known = (notes[..., 0] >= 0).unsqueeze(-1)
        x = torch.cat([self.embedding(notes[..., :ELEMENTS]), self.labels(notes[..., ELEMENTS:])], -1)
        outputs, _ = self.cell(x, x.new_zeros(len(x), self.cell.state_size))
        count = known.sum(1)  # (B, 1)
        last = outputs[torch.arange(len(x), device=x.device), (count[:, 0] - 1).clamp(min=0)]
        mean = (outputs * known).sum(1) / count.clamp(min=1)
        state = torch.cat([last, mean], -1)
        return Posterior(self.mu(state).float(), F.softplus(self.sigma(state).float()) + 1e-4)


class Decoder(nn.Module):
    """Writes notes; the first state comes from z, and every input has z, the label and the note before."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.history, self.latent = config.family != "vae", config.family != "lm"
        z_size = config.z_size if self.latent else 0
        self.embedding = Embedding(SIZES, config.embedding)
        self.labels = Embedding((len(config.sources), PROGRAMS), config.label)
        inputs = self.labels.width + z_size + (self.embedding.width if self.history else 0)
        self.cell = cell(config.cell, inputs, config.units, config.depth)
        self.initial = nn.Linear(z_size, self.cell.state_size) if self.latent else None
        self.hidden = nn.ModuleList(
            nn.Linear(config.units + k * config.embedding, config.head) for k in range(ELEMENTS)
        )
        self.output = nn.ModuleList(nn.Linear(config.head, size) for size in SIZES)

    def begin(self, z: Tensor) -> Tensor:
        """Return the first state (B, state_size) for `z` (B, z_size)."""
        if self.initial is None:
            return z.new_zeros(len(z), self.cell.state_size)
        return torch.tanh(self.initial(z))

    def hear(self, z: Tensor, before: Tensor, labels: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs (B, T, units) and the state after hearing the notes `before` (B, T, 3), -1 for none.

        `labels` are (B, T, 2).
        """
        parts = [self.labels(labels)]
        if self.latent:
            parts.append(z.unsqueeze(1).expand(-1, before.shape[1], -1))
        if self.history:
            parts.append(self.embedding(before))
        heard: tuple[Tensor, Tensor] = self.cell(torch.cat(parts, -1), state)
        return heard

    def logits(self, outputs: Tensor, chosen: Sequence[Tensor]) -> Tensor:
        """Return the logits (..., size) of the element that follows on those `chosen`, each (...)."""
        k = len(chosen)
        tables = zip(self.embedding.tables, chosen, strict=False)
        x = torch.cat([outputs, *(table(element.clamp(min=0)) for table, element in tables)], -1)
        logits: Tensor = self.output[k](torch.tanh(self.hidden[k](x)))
        if k == OCTAVE_ELEMENT:
            logits = logits.masked_fill(beyond(chosen[1]), MASKED)
        return logits


def beyond(pitch_class: Tensor) -> Tensor:
    """Return which octaves (..., OCTAVES) would lift `pitch_class` (...) beyond MIDI's pitches."""
    octaves = torch.arange(OCTAVES, device=pitch_class.device)
    return octaves * OCTAVE + pitch_class.unsqueeze(-1) >= PITCHES


class VRASH(nn.Module):
    """The whole model, or one of its baselines."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config) if config.family != "lm" else None
        self.decoder = Decoder(config)

    def posterior(self, notes: Tensor) -> Posterior:
        """Return q(z|x) for `notes` (B, T, 5); a language model has the prior."""
        if self.encoder is None:
            zeros = torch.zeros(len(notes), self.config.z_size, device=notes.device)
            return Posterior(zeros, torch.ones_like(zeros))
        return cast(Posterior, self.encoder(notes))

    def teacher_forced(self, z: Tensor, notes: Tensor) -> list[Tensor]:
        """Return logits (B, T, size) of each element; a note hears those of `notes` (B, T, 5) before it."""
        elements, labels = notes[..., :ELEMENTS], notes[..., ELEMENTS:]
        before = F.pad(elements[:, :-1], (0, 0, 1, 0), value=-1)
        if self.training and self.config.dropout > 0:
            left_out = torch.rand(before.shape[:2], device=before.device) < self.config.dropout
            before = before.masked_fill(left_out.unsqueeze(-1), -1)
        outputs, _ = self.decoder.hear(z, before, labels, self.decoder.begin(z))
        return [self.decoder.logits(outputs, elements[..., :k].unbind(-1)) for k in range(ELEMENTS)]

    @torch.no_grad()
    def generate(
        self,
        z: Tensor,
        labels: Tensor,
        notes: int,
        temperature: float = 1.0,
        noise: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Return notes (B, notes, 5) drawn one after the other from `z` (B, z_size) under `labels` (B, 2).

        `noise` holds Gumbel noise (B, notes, size) an element, drawn here if None. Temperature 0 takes the
        likeliest.
        """
        state, before = self.decoder.begin(z), torch.full((len(z), 1, ELEMENTS), -1, device=z.device)
        told, written = labels.unsqueeze(1), []
        for number in range(notes):
            outputs, state = self.decoder.hear(z, before, told, state)
            chosen: list[Tensor] = []
            for k in range(ELEMENTS):
                logits = self.decoder.logits(outputs[:, 0], chosen).float()
                if temperature > 0:
                    own = noise[k][:, number] if noise else -torch.empty_like(logits).exponential_().log()
                    logits = logits / temperature + own
                chosen.append(logits.argmax(-1))
            before = torch.stack(chosen, -1).unsqueeze(1)
            written.append(before)
        drawn = torch.cat(written, 1)
        return torch.cat([drawn, told.expand(-1, notes, -1)], -1)
