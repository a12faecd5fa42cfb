"""The feel inside a model file, which plays bars of drums."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch.jit import optimized_execution  # type: ignore[attr-defined]  # it is there, but not in __all__

from engine.bar import STEPS_PER_BAR, TICKS_PER_STEP
from engine.codec import DRUM_CLASSES, DRUM_VOCABULARY
from engine.entry import ManifestError
from engine.feel import FeelManifest, check, read
from engine.hits import REACH
from engine.manifest import Manifest
from engine.module import DecoderError, expect_row, expect_shape, last_line, open_module
from engine.noise import gumbel
from engine.request import Hits

# What the module of a feel offers, with `state` in one row of float32:
#   begin() -> state before the first bar
#   feel(state, tokens (16,), noise (16, 9, width), temperature) -> velocities (16, 9), offsets (16, 9) in
#   steps, state after the bar
METHODS = ("begin", "feel")
SHAPE = (STEPS_PER_BAR, len(DRUM_CLASSES))
STREAM = 2**32  # of the noise: no model's own streams are that many
TEMPERATURE = 1.0  # it plays as it was learnt; how much of that is heard is the performer's


@dataclass(frozen=True, slots=True)
class Drummer:
    """An open feel: `play` says how a human strikes the drums of a bar after those before it."""

    manifest: FeelManifest
    start: NDArray[np.float32]  # the state before the first bar, (state_size,)
    module: Any  # a frozen torch.jit.ScriptModule

    @classmethod
    def load(cls, path: Path | str, model: Manifest) -> "Drummer":
        """Load the feel in the file at `path` for the drums of `model`, and try it.

        DecoderError: no such file, a manifest or a module that is no feel, or a model that it does not fit.
        """
        try:
            manifest = read(Path(path))
            check(manifest, model, path)
        except ManifestError as error:
            raise DecoderError(str(error)) from error
        module = open_module(path, METHODS)
        try:
            with torch.inference_mode(), optimized_execution(False):
                start = module.begin()
            expect_row(start)
            drummer = cls(manifest, start.numpy().copy(), module)
            state = drummer.start
            for token in (0, 1, DRUM_VOCABULARY - 1):  # nothing, one drum and all of them, on every step
                _, state = drummer.play(state, [token] * STEPS_PER_BAR, 0, 0, 0)
        except (RuntimeError, ValueError, torch.jit.Error) as error:  # the last: its own
            raise DecoderError(
                f"{path}: the module does not play a bar of drums: {last_line(error)}"
            ) from error
        return drummer

    def play(
        self, state: NDArray[np.float32], tokens: ArrayLike, seed: int, loop: int, bar: int
    ) -> tuple[Hits, NDArray[np.float32]]:
        """Return the hits of a bar of drum `tokens` (16,) and the state after it; a pure function.

        The noise is that of `bar` of the window in `loop`. ValueError: a state or a token that does not fit,
        or what no hit can be.
        """
        expect_shape("the state of the feel", state, self.start.shape)
        column = np.asarray(tokens, np.int64)
        expect_shape("drums", column, SHAPE[:1])
        if (column < 0).any() or (column >= DRUM_VOCABULARY).any():
            raise ValueError(f"drums hold a token outside their vocabulary {DRUM_VOCABULARY}")
        width = self.manifest.noise
        (noise,) = gumbel(seed, loop, bar, SHAPE[0], (SHAPE[1] * width,), first=STREAM)
        with torch.inference_mode(), optimized_execution(False):
            velocities, offsets, after = self.module.feel(
                torch.from_numpy(np.array(state)),
                torch.from_numpy(column),
                torch.from_numpy(noise).view(*SHAPE, width),
                TEMPERATURE,
            )
        expect_shape("feel: velocities", velocities.numpy(), SHAPE)
        expect_shape("feel: offsets", offsets.numpy(), SHAPE)
        expect_shape("feel: the state after it", after.numpy(), self.start.shape)
        hits = []
        for step, drum in np.argwhere(column[:, None] >> np.arange(SHAPE[1]) & 1).tolist():
            velocity, offset = int(velocities[step, drum]), float(offsets[step, drum])
            if not (1 <= velocity <= 127 and abs(offset) <= 0.5):
                raise ValueError(
                    f"feel: velocity {velocity} and offset {offset:g} at step {step}, "
                    "allowed 1 to 127 and -0.5 to 0.5"
                )
            hits.append((step, drum, velocity, max(-REACH, min(REACH, round(offset * TICKS_PER_STEP)))))
        return tuple(hits), after.numpy()
