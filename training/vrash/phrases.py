"""Phrases for VRASH: runs of notes of a store's tracks with the track's label, and a stream of batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.config import Config, ConfigError, Stage
from training.data.draws import Draws, spread_rows
from training.data.notes import ELEMENTS, OCTAVE, PITCHES, PROGRAM, pitches_of
from training.data.store import Store
from training.vrash.model import ModelConfig

FEWEST = 8  # notes of a phrase
OVERLAPS = 4  # phrases of a track that share a note in training
FAMILY = 8  # programs of a family
PADDING = -1

Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of at most `length` notes of a store.

    `spans` (N, 3) are song index, first row and notes; `sources` are the names that a label tells.
    """

    store: Store
    spans: Index
    length: int
    sources: tuple[str, ...]

    def of(self, split: str | None, sources: Sequence[str] | None = None) -> Index:
        """Return the numbers of the phrases in `split` and `sources` (None: all)."""
        return np.flatnonzero(self.store.chosen(split, sources)[self.spans[:, 0]])

    def read(self, rows: Index) -> Tensor:
        """Return the phrases (N, length, 5) of numbers `rows`, PADDING after their ends."""
        notes = np.full((len(rows), self.length, len(ELEMENTS) + 2), PADDING, np.int64)
        for place, (song, first, count) in enumerate(self.spans[rows].tolist()):
            found = self.store.rows[first : first + count]
            notes[place, :count, : len(ELEMENTS)] = found[:, : len(ELEMENTS)]
            source = self.store.songs[song].source
            label = self.sources.index(source) if source in self.sources else PADDING
            notes[place, :count, len(ELEMENTS) :] = (label, int(found[0, PROGRAM]) // FAMILY)
        return torch.from_numpy(notes)

    def names(self, rows: Index) -> list[str]:
        """Return the source of each phrase."""
        return [self.store.songs[song].source for song in self.spans[rows, 0].tolist()]


def phrases(store: Store, sizes: ModelConfig, overlapping: bool = False) -> Phrases:
    """Return the phrases of `sizes.notes` notes one after the other, or OVERLAPS of them over each note.

    What is left of a track is a phrase of its own if it has FEWEST notes. ConfigError: another form of store.
    """
    if store.form != "note":
        raise ConfigError(f"system vrash: the store's codec is {store.form}, expected note")
    hop = max(1, sizes.notes // (OVERLAPS if overlapping else 1))
    spans = [
        (index, song.first_row + first, min(sizes.notes, song.rows - first))
        for index, song in enumerate(store.songs)
        for first in range(0, song.rows, hop)
        if song.rows - first >= (sizes.notes if overlapping and first else FEWEST)
    ]
    return Phrases(store, np.array(spans, np.int64).reshape(-1, 3), sizes.notes, sizes.sources)


class PhraseStream:
    """An endless stream of training batches for one stage; its `state` resumes it exactly."""

    def __init__(self, store: Store, config: Config, stage: Stage, seed: int) -> None:
        self.stage, self.transpose, sizes = stage, config.data.transpose, config.model
        self.unlabelled: float = sizes.unlabelled
        self.learnt, self.apart = phrases(store, sizes, overlapping=True), phrases(store, sizes)
        self.draws = Draws(
            store, config.data.weights, lambda name: self.learnt.of("train", [name]), "phrases", seed
        )

    def draw(self) -> Tensor:
        """Return a batch (batch, notes, 5), transposed; some tracks hide their label."""
        notes, generator = self.learnt.read(self.draws.draw(self.stage.batch)), self.draws.generator
        low, high = self.transpose
        shifts = generator.integers(low, high + 1, size=len(notes))
        hidden = torch.from_numpy(generator.random(len(notes)) < self.unlabelled)
        notes[hidden, :, len(ELEMENTS) :] = PADDING
        return transpose(notes, torch.from_numpy(shifts))

    def fixed(self, split: str, count: int) -> Tensor:
        """Return `count` phrases of `split` spread evenly over it, as they are, always the same."""
        rows = self.apart.of(split)
        if not len(rows):
            raise ConfigError(f"stage {self.stage.objective}: the store's {split} split has no phrases")
        return self.apart.read(spread_rows(rows, count))

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""
        return self.draws.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.draws.restore(state)


def transpose(notes: Tensor, shifts: Tensor) -> Tensor:
    """Return `notes` (B, T, 5) with their pitches moved by `shifts` (B,) semitones.

    Where a pitch would leave MIDI's range its phrase stays as it is.
    """
    known = notes[..., 0] >= 0
    pitches = torch.from_numpy(pitches_of(notes.numpy())) + shifts.unsqueeze(1)
    inside = ((pitches >= 0) & (pitches < PITCHES) | ~known).all(1)
    moves = known & inside.unsqueeze(1)
    moved = notes.clone()
    moved[..., 1] = torch.where(moves, pitches % OCTAVE, notes[..., 1])
    moved[..., 2] = torch.where(moves, pitches // OCTAVE, notes[..., 2])
    return moved
