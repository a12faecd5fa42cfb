"""Excerpts of piano rolls for VRAE: where they begin, which pitches they keep, and a stream of batches."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.pianoroll import KEYS, LOWEST
from training.config import Config, ConfigError, Stage
from training.data.draws import Draws, spread_rows
from training.data.rollnotes import Frames
from training.data.store import Store
from training.vrae.model import ModelConfig

PADDING = -1
Rows = NDArray[np.int64]


class Excerpts:
    """The excerpts of a store as a VRAE of these sizes hears them.

    `places` (N, 3) are song index, first row and frames: each song every `hop` frames, its end included.
    """

    def __init__(self, store: Store, sizes: ModelConfig) -> None:
        if store.form != "roll":
            raise ConfigError(f"system vrae: the store's codec is {store.form}, expected roll")
        self.store, self.sizes = store, sizes
        places = [
            (index, song.first_row + first, min(sizes.steps, song.rows - first))
            for index, song in enumerate(store.songs)
            for first in _begins(song.rows, sizes.steps, sizes.hop)
        ]
        self.places = np.array(places, np.int64).reshape(-1, 3)

    def of(self, split: str | None, sources: Sequence[str] | None = None) -> Rows:
        """Return the numbers of the excerpts in `split` and `sources` (None: all)."""
        rows: Rows = np.flatnonzero(self.store.chosen(split, sources)[self.places[:, 0]])
        return rows

    def known(self, sources: Sequence[str] | None = None) -> Rows:
        """Return the numbers of the excerpts that the model learns. ConfigError: a song that is not there."""
        rows = self.of("train", sources)
        if not self.sizes.songs:
            return rows
        paths = np.array([song.path for song in self.store.songs])
        train = self.store.chosen("train")
        wanted = np.zeros(len(paths), bool)
        for name in self.sizes.songs:
            found = train & np.array([path == name or _within(path, name) for path in paths.tolist()])
            if not found.any():
                raise ConfigError(f"model.songs: {name!r} is no song or folder of the store's train split")
            wanted |= found
        named: Rows = rows[wanted[self.places[rows, 0]]]
        return named

    def songs(self, rows: Rows) -> list[str]:
        """Return the path of each excerpt's song."""
        return [self.store.songs[index].path for index in self.places[rows, 0].tolist()]

    def read(self, rows: Rows, shifts: NDArray[np.int64] | None = None) -> Tensor:
        """Return the excerpts (N, steps, pitches) int8, PADDING after their ends, moved by semitones (N,)."""
        sizes = self.sizes
        frames = np.zeros((len(rows), sizes.steps, KEYS), np.uint8)
        for row, (_, first, length) in enumerate(self.places[rows].tolist()):
            frames[row, :length] = self.store.rows[first : first + length]
        shifts = np.zeros(len(rows), np.int64) if shifts is None else shifts
        heard = np.zeros((len(rows), sizes.steps, sizes.pitches), np.int8)
        for shift in np.unique(shifts).tolist():
            heard[shifts == shift] = folded(frames[shifts == shift], sizes, shift)
        beyond = np.arange(sizes.steps) >= self.places[rows, 2, None]
        heard[beyond] = PADDING
        return torch.from_numpy(heard)


class ExcerptStream:
    """An endless stream of excerpts for one stage; its `state` resumes it exactly."""

    def __init__(self, store: Store, config: Config, stage: Stage, seed: int) -> None:
        self.excerpts = Excerpts(store, config.model)
        self.stage, self.transpose = stage, config.data.transpose
        self.draws = Draws(
            store, config.data.weights, lambda name: self.excerpts.known([name]), "excerpts", seed
        )

    def draw(self) -> Tensor:
        """Return a batch (batch, steps, pitches), int8."""
        rows = self.draws.draw(self.stage.batch)
        low, high = self.transpose
        return self.excerpts.read(rows, self.draws.generator.integers(low, high + 1, size=len(rows)))

    def fixed(self, split: str, count: int) -> Tensor:
        """Return `count` excerpts of `split` spread evenly over it, untransposed, always the same.

        Named songs are to be known by heart: they are what validation hears, too, as in the paper.
        """
        by_heart = split == "valid" and self.excerpts.sizes.songs
        rows = self.excerpts.known() if by_heart else self.excerpts.of(split)
        if not len(rows):
            raise ConfigError(f"stage {self.stage.objective}: the store's {split} split has no excerpts")
        return self.excerpts.read(spread_rows(rows, count))

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""
        return self.draws.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.draws.restore(state)


def folded(frames: Frames, sizes: ModelConfig, shift: int = 0) -> NDArray[np.int8]:
    """Return `frames` (..., 88) as a model of these sizes hears them, (..., pitches), moved by semitones.

    A pitch beyond its outputs is heard one or more octaves nearer.
    """
    heard = np.zeros((*frames.shape[:-1], sizes.pitches), np.int8)
    for column in np.flatnonzero(frames.reshape(-1, KEYS).any(0)).tolist():
        place = LOWEST + column + shift - sizes.lowest
        if place < 0:
            place %= 12
        elif place >= sizes.pitches:
            place -= 12 * -(-(place - sizes.pitches + 1) // 12)
        heard[..., place] |= frames[..., column].astype(np.int8)
    return heard


def _within(path: str, folder: str) -> bool:
    return folder.endswith("/") and (path.startswith(folder) or f"/{folder}" in path)


def _begins(frames: int, steps: int, hop: int) -> list[int]:
    """Return where the excerpts of a song begin: each `hop` frames until one reaches the end."""
    return [hop * number for number in range(1 + -(-max(frames - steps, 0) // hop))]
