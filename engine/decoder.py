"""The trained decoder inside a model file, which spells latents out as bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.jit import optimized_execution  # type: ignore[attr-defined]  # it is there, but not in __all__

from engine.codec import CODECS
from engine.entry import ManifestError
from engine.latent import Latent
from engine.manifest import Manifest, read
from engine.module import DecoderError, expect_row, expect_shape, last_line, open_module

# What the module of a model file offers. Where each bar stands alone, with `state` of any form:
#   begin(z) -> state, plan(state, bars) -> codes (bars, code), state after them
#   bar(code, prefix, from_step, temperature, noise) -> tokens
ALONE = ("begin", "plan", "bar")
# Where each goes on from the one before, with `state` in one row of float32:
#   begin(z) -> state before the first bar
#   bar(z, state, prefix, from_step, temperature, noise) -> tokens, state after the bar, traces
IN_TURN = ("begin", "bar")
WEIGHTS = ("float32", "int8")
NOTHING: NDArray[np.float32] = np.zeros(0, np.float32)


class Decoded(NamedTuple):
    """A bar: tokens (steps, columns), and of one that goes on from another the state after it and traces.

    `state` is (state_size,), `traces` (steps, traces); both are empty where bars stand alone.
    """

    tokens: NDArray[np.int64]
    state: NDArray[np.float32]
    traces: NDArray[np.float32]


@dataclass(slots=True)
class Plan:
    """What a latent gives to its bars: a code for each, and the state before the first.

    Where bars stand alone, codes are spelt out only as far as they have been asked for, and there is no
    state; where each goes on from the one before, the latent itself is the code of all.
    """

    state: NDArray[np.float32]  # (state_size,)
    codes: list[NDArray[np.float32]]
    module: Any = None  # what spells codes
    ahead: torch.Tensor | None = None  # its state after the last code

    def code(self, bar: int) -> NDArray[np.float32]:
        """Return the code (code,) of `bar`, which costs all those before it that have not been spelt out."""
        if self.ahead is None:
            return self.codes[0]
        lacking = bar + 1 - len(self.codes)
        if lacking > 0:
            with torch.inference_mode(), optimized_execution(False):
                codes, self.ahead = self.module.plan(self.ahead, lacking)
            self.codes.extend(codes.numpy())
        return self.codes[bar]


@dataclass(frozen=True, slots=True)
class Decoder:
    """An open model: `plan` spells a latent out as one code a bar, `bar` turns a code into tokens."""

    manifest: Manifest
    vocabularies: tuple[int, ...]  # of the columns
    streams: tuple[int, ...]  # widths of the noise
    code_size: int
    state_size: int
    module: Any  # a frozen torch.jit.ScriptModule

    @classmethod
    def load(cls, path: Path | str, threads: int = 1) -> "Decoder":
        """Load the model file at `path` to decode on `threads` threads, and run every method once.

        DecoderError: no such file, a manifest or a module that this engine cannot play.
        """
        try:
            manifest = read(Path(path))
        except ManifestError as error:
            raise DecoderError(str(error)) from error
        if manifest.weights not in WEIGHTS:
            raise DecoderError(f"{path}: weights is {manifest.weights!r}, expected {' or '.join(WEIGHTS)}")
        torch.set_num_threads(threads)
        module = open_module(path, ALONE if manifest.memory == "bar" else IN_TURN)
        try:
            code_size, state_size = _sizes(module, manifest)
        except RuntimeError as error:
            raise DecoderError(
                f"{path}: z_size is {manifest.z_size}, but the module fails: {last_line(error)}"
            ) from error
        except ValueError as error:
            raise DecoderError(f"{path}: module: {error}") from error
        vocabularies = CODECS[manifest.codec].vocabularies
        decoder = cls(manifest, vocabularies, manifest.streams, code_size, state_size, module)
        decoder._warm_up(str(path))
        return decoder

    def plan(self, z: Latent) -> Plan:
        """Return the plan of `z` (z_size,), whose codes are those of `manifest.bars` bars."""
        expect_shape("z", z, (self.manifest.z_size,))
        own = np.array(z, dtype=np.float32)
        with torch.inference_mode(), optimized_execution(False):
            begun = self.module.begin(torch.from_numpy(own))
        if self.manifest.memory == "bar":
            return Plan(NOTHING, [], self.module, begun)
        return Plan(begun.numpy(), [own])

    def bar(
        self,
        code: NDArray[np.float32],
        prefix: NDArray[np.int64],
        from_step: int,
        temperature: Sequence[float],
        noise: Sequence[NDArray[np.float32]],
        *,
        state: NDArray[np.float32] = NOTHING,
    ) -> Decoded:
        """Return the bar of `code` (code,), before which the state is `state` (state_size,).

        Rows of `prefix` (steps, columns) before `from_step` are heard and given back, all of them where it
        is the number of steps; later ones are drawn at `temperature`, one a voice, of which 0 takes what is
        likeliest, by the streams of `noise` (steps, width) each. A pure function. ValueError: a shape or a
        token of the prefix that does not fit.
        """
        steps, columns = self.manifest.steps_per_bar, len(self.vocabularies)
        expect_shape("code", code, (self.code_size,))
        expect_shape("state", state, (self.state_size,))
        expect_shape("prefix", prefix, (steps, columns))
        expect_shape("temperature", np.asarray(temperature), (len(self.manifest.voices),))
        if len(noise) != len(self.streams):
            raise ValueError(f"noise has {len(noise)} streams, expected {len(self.streams)}")
        for stream, (block, width) in enumerate(zip(noise, self.streams, strict=True)):
            expect_shape(f"noise[{stream}]", block, (steps, width))
        if not 0 <= from_step <= steps:
            raise ValueError(f"from_step is {from_step}, allowed 0 to {steps}")
        given = np.array(prefix, dtype=np.int64)
        given[from_step:] = 0
        if (given < 0).any() or (given >= np.array(self.vocabularies)).any():
            raise ValueError(f"prefix holds a token outside its vocabulary {self.vocabularies}")
        heard = (
            torch.from_numpy(given),
            from_step,
            torch.tensor(temperature, dtype=torch.float32),
            [torch.from_numpy(np.array(block, dtype=np.float32)) for block in noise],
        )
        latent = torch.from_numpy(np.array(code, dtype=np.float32))
        with torch.inference_mode(), optimized_execution(False):
            if self.manifest.memory == "bar":
                tokens = self.module.bar(latent, *heard)
                return Decoded(np.asarray(tokens.numpy(), dtype=np.int64), NOTHING, NOTHING)
            before = torch.from_numpy(np.array(state, dtype=np.float32))
            tokens, after, traces = self.module.bar(latent, before, *heard)
        return Decoded(np.asarray(tokens.numpy(), dtype=np.int64), after.numpy(), traces.numpy())

    def _warm_up(self, path: str) -> None:
        """Decode a few bars, and hear one; DecoderError: what comes is no bar of the codec's."""
        steps, traces = self.manifest.steps_per_bar, len(self.manifest.traces)
        noise = [np.zeros((steps, width), np.float32) for width in self.streams]
        code, state = np.zeros(self.code_size, np.float32), np.zeros(self.state_size, np.float32)
        prefix, warm = np.zeros((steps, len(self.vocabularies)), np.int64), [1.0] * len(self.manifest.voices)
        try:
            for _ in range(3):
                found = self.bar(code, prefix, 0, warm, noise, state=state)
            expect_shape("bar: tokens", found.tokens, prefix.shape)
            if self.manifest.memory != "bar":
                found = self.bar(code, found.tokens, steps, warm, noise, state=state)
                expect_shape("bar: the state after it", found.state, state.shape)
                expect_shape("bar: traces", found.traces, (steps, traces))
        except (RuntimeError, ValueError) as error:
            raise DecoderError(
                f"{path}: the module does not decode the codec's bar: {last_line(error)}"
            ) from error


def _sizes(module: Any, manifest: Manifest) -> tuple[int, int]:
    """Return the sizes of code and state. RuntimeError: the module fails; ValueError: a state in no form."""
    with torch.inference_mode(), optimized_execution(False):
        begun = module.begin(torch.zeros(manifest.z_size))
        if manifest.memory == "bar":
            codes, _ = module.plan(begun, 1)
            return codes.shape[1], 0
    expect_row(begun)
    return manifest.z_size, len(begun)
