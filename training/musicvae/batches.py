"""Batches of bars or windows: drawn by source weight, transposed, the same again from the same state."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.bar import STEPS_PER_BAR
from engine.codec import NOTE_OFF
from training.config import Config, ConfigError, Stage
from training.data.draws import Draws, spread_rows
from training.data.store import Store
from training.data.view import view
from training.musicvae.model import VOICES


class Batches:
    """An endless stream of training batches for one stage; its `state` resumes it exactly."""

    def __init__(self, store: Store, config: Config, stage: Stage, seed: int) -> None:
        self.stage, self.transpose, model = stage, config.data.transpose, config.model
        if store.form != "trio":
            raise ConfigError(f"system musicvae: the store's codec is {store.form}, expected trio")
        if model.steps_per_bar != STEPS_PER_BAR:
            raise ConfigError(f"model.steps_per_bar is {model.steps_per_bar}, the store has {STEPS_PER_BAR}")
        self.view = view(store, model.voices, 1 if stage.objective == "bars" else model.bars)
        self.voices = model.voices
        self.what = "bars" if stage.objective == "bars" else f"windows of {called(model.voices)}"
        try:
            self.draws = Draws(
                store, config.data.weights, lambda name: self.view.of("train", [name]), self.what, seed
            )
        except ConfigError as error:
            raise ConfigError(f"stage {stage.objective}: {error}") from error

    def draw(self) -> Tensor:
        """Return a batch: (batch, steps, voices) bars, or (batch, bars, steps, voices) windows, int64."""
        rows = self.draws.draw(self.stage.batch)
        tokens, voices = self._tokens(rows), self.voices
        return torch.from_numpy(transposed_at_random(tokens, voices, self.transpose, self.draws.generator))

    def fixed(self, split: str, count: int) -> Tensor:
        """Return `count` items of `split` spread evenly over it, untransposed, always the same."""
        rows = self.view.of(split)
        if not len(rows):
            raise ConfigError(f"stage {self.stage.objective}: the store's {split} split has no {self.what}")
        return torch.from_numpy(self._tokens(spread_rows(rows, count)))

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""
        return self.draws.state()

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.draws.restore(state)

    def _tokens(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        tokens = self.view.tokens(rows)
        return tokens[:, 0] if self.stage.objective == "bars" else tokens


def called(voices: Sequence[str]) -> str:
    """Return `voices` in words."""
    return "all three voices" if len(voices) == len(VOICES) else " and ".join(voices)


def transpose(
    tokens: NDArray[np.int64], shifts: NDArray[np.int64], columns: Sequence[int]
) -> NDArray[np.int64]:
    """Return `tokens` (B, ..., voices) with the pitches of `columns` moved by `shifts` (B,) semitones.

    Where a pitch would leave 0-127 its item stays as it is; drums never move.
    """
    moved = tokens.copy()
    before = moved[..., columns]
    is_pitch = (before >= 0) & (before < NOTE_OFF)
    shifted = np.where(is_pitch, before + shifts.reshape(-1, *[1] * (before.ndim - 1)), before)
    inside = np.where(is_pitch, (shifted >= 0) & (shifted < NOTE_OFF), True)
    keep = inside.reshape(len(tokens), -1).all(axis=1).reshape(-1, *[1] * (before.ndim - 1))
    moved[..., columns] = np.where(keep, shifted, before)
    return moved


def transposed_at_random(
    tokens: NDArray[np.int64], voices: Sequence[str], span: tuple[int, int], chance: np.random.Generator
) -> NDArray[np.int64]:
    """Return `tokens` (B, ..., voices), each transposed by a random number of semitones within `span`.

    So a model learns them. As written most are in few keys, and what is measured of an attribute that is
    common in one of these would be measured of the key.
    """
    shifts = chance.integers(span[0], span[1] + 1, size=len(tokens))
    return transpose(tokens, shifts, [v for v, voice in enumerate(voices) if VOICES[voice].kind == "melody"])
