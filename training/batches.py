"""Batches of bars or windows: drawn by source weight, transposed, the same again from the same state."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.codec import CODECS, NOTE_OFF
from training.config import Config, ConfigError, Stage
from training.store import PITCHED, Store


class Batches:
    """An endless stream of training batches for one stage; its `state` resumes it exactly."""

    def __init__(self, store: Store, config: Config, stage: Stage, seed: int) -> None:
        self.store, self.stage, self.transpose = store, stage, config.data.transpose
        self.generator = np.random.Generator(np.random.PCG64(seed))
        names = [source["name"] for source in store.meta["sources"]]
        vocabularies = tuple(voice.vocabulary for voice in CODECS[store.meta["codec"]].voices)
        for key, has, expected in (
            ("bars", config.model.bars, store.meta["bars"]),
            ("steps_per_bar", config.model.steps_per_bar, store.meta["steps_per_bar"]),
            ("vocabularies", config.model.vocabularies, vocabularies),
        ):
            if has != expected:
                raise ConfigError(f"model.{key} is {has}, the store has {expected}")
        for name in config.data.weights:
            if name not in names:
                raise ConfigError(f"data.weights: {name!r} is not in the store, which has {', '.join(names)}")
        rows, weights = [], []
        for name in names:
            found = self._rows("train", [name])
            weight = config.data.weights.get(name, 0.0) if config.data.weights else float(len(found))
            if len(found) and weight > 0:
                rows.append(found)
                weights.append(weight)
        if not rows:
            raise ConfigError(
                f"stage {stage.objective}: the store's train split has no {self._what()} to draw"
            )
        self.rows, self.weights = rows, np.array(weights) / np.sum(weights)

    def draw(self) -> Tensor:
        """Return a batch: (batch, steps, voices) bars, or (batch, bars, steps, voices) windows, int64."""
        sources = self.generator.choice(len(self.rows), size=self.stage.batch, p=self.weights)
        places = self.generator.random(self.stage.batch)
        pairs = zip(sources, places, strict=True)
        rows = np.array([self.rows[s][int(p * len(self.rows[s]))] for s, p in pairs])
        shifts = self.generator.integers(self.transpose[0], self.transpose[1] + 1, size=len(rows))
        return torch.from_numpy(transpose(self._tokens(rows), shifts))

    def fixed(self, split: str, count: int) -> Tensor:
        """Return `count` items of `split` spread evenly over it, untransposed, always the same."""
        rows = self._rows(split, None)
        if not len(rows):
            raise ConfigError(
                f"stage {self.stage.objective}: the store's {split} split has no {self._what()}"
            )
        spread = np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)
        return torch.from_numpy(self._tokens(rows[spread]))

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""
        return dict(self.generator.bit_generator.state)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.generator.bit_generator.state = state

    def _what(self) -> str:
        return "bars" if self.stage.objective == "bars" else "windows of all three voices"

    def _rows(self, split: str, sources: list[str] | None) -> NDArray[np.int64]:
        if self.stage.objective == "bars":
            return self.store.bars_of(split, sources)
        return self.store.windows_of(split, sources)

    def _tokens(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.store.bar(rows) if self.stage.objective == "bars" else self.store.window(rows)


def transpose(tokens: NDArray[np.int64], shifts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `tokens` (B, ..., voices) with the pitches of melody and bass moved by `shifts` (B,) semitones.

    Where a pitch would leave 0-127 its item stays as it is; drums never move.
    """
    moved = tokens.copy()
    pitched = moved[..., PITCHED]
    is_pitch = (pitched >= 0) & (pitched < NOTE_OFF)
    shifted = np.where(is_pitch, pitched + shifts.reshape(-1, *[1] * (pitched.ndim - 1)), pitched)
    inside = np.where(is_pitch, (shifted >= 0) & (shifted < NOTE_OFF), True)
    keep = inside.reshape(len(tokens), -1).all(axis=1).reshape(-1, *[1] * (pitched.ndim - 1))
    moved[..., PITCHED] = np.where(keep, shifted, pitched)
    return moved
