"""An exported file that plays without end, opened to be examined: bar after bar with the engine's noise."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.jit import optimized_execution  # type: ignore[attr-defined]  # it is there, but not in __all__

from engine.codec import CODECS
from engine.entry import text_in, unpacked
from engine.manifest import FEEL, Manifest, read
from engine.modelfile import frozen, opened
from engine.noise import gumbel


class EndlessFileError(Exception):
    """A model file that cannot be examined; the message names the field, what was found and what to do."""


@dataclass(frozen=True, slots=True)
class EndlessFile:
    """A file as the engine plays it: `module` is frozen, `whole` still tells its sizes."""

    manifest: Manifest
    whole: Any
    module: Any
    seed: int

    @classmethod
    def open(cls, path: Path, seed: int = 0) -> "EndlessFile":
        """Open the file at `path`. ManifestError, EndlessFileError: this version cannot play it."""
        manifest = read(path)
        try:
            whole = opened(path)
            return cls(manifest, whole, frozen(whole, ["begin", "bar"]), seed)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise EndlessFileError(f"{path}: not a model of this version: {reason}") from error

    def bars(self, z: Tensor, draw: int, temperature: float) -> Iterator[NDArray[np.int64]]:
        """Yield the tokens (steps, columns) of bar after bar of `z` (z_size,), with the noise of `draw`."""
        facts, state, bar = self.manifest, None, 0
        while True:
            blocks = noise_of(self.seed, draw, bar, facts.steps_per_bar, facts.streams)
            tokens, state = self._bar(z, state, temperature, blocks)
            yield np.asarray(tokens.numpy())
            bar += 1

    @torch.inference_mode()
    def _bar(
        self, z: Tensor, state: Tensor | None, temperature: float, blocks: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        empty = blank(self.manifest.codec, self.manifest.steps_per_bar)
        with optimized_execution(False):  # as the engine has it: quicker for one bar at a time
            before = self.module.begin(z) if state is None else state
            tokens, after, _ = self.module.bar(z, before, empty, 0, torch.tensor([temperature]), blocks)
        return tokens, after


def blank(codec: str, steps: int) -> Tensor:
    """Return a bar of `codec` (steps, columns) in which nothing is written."""
    return torch.zeros((steps, len(CODECS[codec].vocabularies)), dtype=torch.int64)


def noise_of(seed: int, draw: int, bar: int, steps: int, streams: Sequence[int]) -> list[Tensor]:
    """Return the engine's noise (steps, width) of each stream of a bar."""
    return [torch.from_numpy(block) for block in gumbel(seed, draw, bar, steps, streams)]


def endless(path: Path) -> bool:
    """Return whether the model file at `path` plays without end. EndlessFileError: it plays others' drums."""
    if unpacked(text_in(path), str(path)).get("family") == FEEL:
        raise EndlessFileError(
            f"{path}: family is {FEEL!r}, which plays drums that are given and draws none by itself; "
            "evaluate its run's folder on a store of `prepare --codec feel`, as for the card FEEL.md"
        )
    return read(path).memory == "endless"
