"""Batches of sequences: pieces in whole or, in training, stretches of them, padded with -1.

A stretch begins with an empty state wherever in its piece it lies. Carrying the state over from the stretch
before would tie the order of the batches to the pieces, and cost what shuffling gives; a beginning without
memory is what every piece has anyway, and the model learns to find its way from there.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.config import Config, ConfigError, Stage
from training.data.draws import Draws, spread_rows
from training.data.store import Store

Rows = NDArray[Any]
PADDING = -1


class Sequences:
    """An endless stream of training batches (batch, steps, ...); its `state` resumes it exactly."""

    def __init__(self, store: Store, config: Config, stage: Stage, seed: int) -> None:
        self.store, self.stage, self.every = store, stage, config.model.every
        self.weights, self.transpose = config.data.weights, config.data.transpose
        if store.form != config.model.form:
            found = f"the store's codec is {store.form}, expected {config.model.form}"
            raise ConfigError(f"system {config.system}: {found}")
        self.draws = Draws(store, config.data.weights, self._stretches, "pieces", seed)

    def draw(self) -> Tensor:
        """Return a batch of stretches, transposed where the form can be."""
        songs = self.draws.draw(self.stage.batch)
        shifts = self.draws.generator.integers(self.transpose[0], self.transpose[1] + 1, size=len(songs))
        places = self.draws.generator.random(len(songs))
        chosen = zip(songs, places, strict=True)
        drawn = [
            stretch(piece(self.store, int(song), self.every), self.stage.length, place)
            for song, place in chosen
        ]
        if self.store.form == "roll":
            drawn = [transposed(rows, int(shift)) for rows, shift in zip(drawn, shifts, strict=True)]
        return padded(drawn)

    def fixed(self, split: str, count: int) -> Tensor:
        """Return `count` whole pieces of `split` spread evenly over it, always the same."""
        songs = self._songs(split)
        if not len(songs):
            raise ConfigError(f"stage {self.stage.objective}: the store's {split} split has no pieces")
        return padded([piece(self.store, int(song), self.every) for song in spread_rows(songs, count)])

    def all_rows(self) -> Rows:
        """Return every training row that can be drawn."""
        return np.concatenate(
            [piece(self.store, int(song), self.every) for song in np.unique(np.concatenate(self.draws.rows))]
        )

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""
        return self.draws.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.draws.restore(state)

    def _songs(self, split: str, sources: Sequence[str] | None = None) -> NDArray[np.int64]:
        """Return the songs of `split`, of the sources that this run hears."""
        heard = [name for name, weight in self.weights.items() if weight > 0] or None
        return np.flatnonzero(self.store.chosen(split, sources or heard))

    def _stretches(self, source: str) -> NDArray[np.int64]:
        """Return the songs of `source`, each as often as it has stretches: every frame counts alike."""
        songs, length = self._songs("train", [source]), self.stage.length
        rows = [len(piece(self.store, int(song), self.every)) for song in songs]
        counts = [-(-count // length) if length else 1 for count in rows]
        return np.repeat(songs, counts)


def piece(store: Store, song: int, every: int = 1) -> Rows:
    """Return the rows of the store's song number `song`, one of `every`."""
    placed = store.songs[song]
    return store.rows[placed.first_row : placed.first_row + placed.rows : every]


def stretch(rows: Rows, length: int, place: float) -> Rows:
    """Return `length` of the `rows` (0: all), at `place` from 0 to 1.

    Places reach half a stretch past either end and count as the end there: else the first and the last rows
    would hardly be drawn.
    """
    spare = len(rows) - length
    if length == 0 or spare <= 0:
        return rows
    first = min(max(round(place * (spare + length) - length / 2), 0), spare)
    return rows[first : first + length]


def pieces(store: Store, split: str, sources: Sequence[str] | None = None, every: int = 1) -> list[Rows]:
    """Return the rows of every song of `split` in `sources` (None: all), one of `every`."""
    return [piece(store, int(song), every) for song in np.flatnonzero(store.chosen(split, sources))]


def groups(store: Store, split: str, sources: Sequence[str] | None = None) -> list[str]:
    """Return the group of each of these songs, in the order of `pieces`."""
    return [store.songs[int(song)].group for song in np.flatnonzero(store.chosen(split, sources))]


def padded(sequences: Sequence[Rows]) -> Tensor:
    """Return `sequences` as one tensor (B, T, ...), padded; rolls are int8, all else float32."""
    kind = np.int8 if sequences[0].dtype == np.uint8 else np.float32
    longest = max(map(len, sequences))
    rows = np.full((len(sequences), longest, *sequences[0].shape[1:]), PADDING, kind)
    for row, sequence in zip(rows, sequences, strict=True):
        row[: len(sequence)] = sequence
    return torch.from_numpy(rows)


def transposed(rows: Rows, shift: int) -> Rows:
    """Return a roll (T, 88) moved by `shift` semitones, or as it is where a pitch would leave the keys."""
    lost = rows[:, len(rows[0]) - shift :] if shift > 0 else rows[:, :-shift]
    if shift == 0 or lost.any():
        return rows
    return np.roll(rows, shift, axis=1)
