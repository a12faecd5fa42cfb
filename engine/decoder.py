"""The trained decoder inside a model file; the only file of the engine that loads TorchScript."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.jit._fuser import optimized_execution

from engine.codec import CODECS
from engine.latent import Latent
from engine.manifest import Manifest, ManifestError, read
from engine.modelfile import frozen, opened

FAMILY = "musicvae-hierarchical"
METHODS = ("begin", "plan", "bar", "encode")
WEIGHTS = ("float32", "int8")


class DecoderError(Exception):
    """A model file that cannot play; the message names file, field, what was found and what was expected."""


@dataclass(slots=True)
class Plan:
    """The codes of a latent's bars, spelt out only as far as they have been asked for."""

    module: Any
    state: torch.Tensor  # after the last code
    codes: list[NDArray[np.float32]] = field(default_factory=list)

    def code(self, bar: int) -> NDArray[np.float32]:
        """Return the code (code,) of `bar`, which costs all those before it that have not been spelt out."""
        lacking = bar + 1 - len(self.codes)
        if lacking > 0:
            with torch.inference_mode(), optimized_execution(False):
                codes, self.state = self.module.plan(self.state, lacking)
            self.codes.extend(codes.numpy())
        return self.codes[bar]


@dataclass(frozen=True, slots=True)
class Decoder:
    """An open model: `plan` spells a latent out as one code a bar, `bar` turns a code into tokens."""

    manifest: Manifest
    vocabularies: tuple[int, ...]
    code_size: int
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
        for key, found, allowed in (
            ("family", manifest.family, (FAMILY,)),
            ("weights", manifest.weights, WEIGHTS),
        ):
            if found not in allowed:
                raise DecoderError(f"{path}: {key} is {found!r}, expected {' or '.join(allowed)}")
        torch.set_num_threads(threads)
        module = _load(path)
        lacking = [name for name in METHODS if not hasattr(module, name)]
        if lacking:
            raise DecoderError(
                f"{path}: module: found no method {', '.join(lacking)}, expected {', '.join(METHODS)}"
            )
        vocabularies = tuple(voice.vocabulary for voice in CODECS[manifest.codec].voices)
        try:
            with torch.inference_mode(), optimized_execution(False):
                codes, _ = module.plan(module.begin(torch.zeros(manifest.z_size)), 1)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise DecoderError(
                f"{path}: z_size is {manifest.z_size}, but the module fails: {reason}"
            ) from error
        decoder = cls(manifest, vocabularies, codes.shape[1], module)
        decoder._warm_up(str(path))
        return decoder

    def plan(self, z: Latent) -> Plan:
        """Return the plan of `z` (z_size,), whose codes are those of `manifest.bars` bars."""
        _expect_shape("z", z, (self.manifest.z_size,))
        with torch.inference_mode(), optimized_execution(False):
            return Plan(self.module, self.module.begin(torch.from_numpy(np.array(z, dtype=np.float32))))

    def bar(
        self,
        code: NDArray[np.float32],
        prefix: NDArray[np.int64],
        from_step: int,
        temperature: Sequence[float],
        noise: Sequence[NDArray[np.float32]],
    ) -> NDArray[np.int64]:
        """Return the tokens (steps, voices) of the bar of `code` (code,).

        Rows of `prefix` (steps, voices) before `from_step` are heard and given back; each later token is
        argmax(logits / temperature + noise), `noise` (steps, vocabulary) for each voice; temperature 0
        takes the argmax. A pure function. ValueError: a shape or a token of the prefix that does not fit.
        """
        steps, voices = self.manifest.steps_per_bar, len(self.vocabularies)
        _expect_shape("code", code, (self.code_size,))
        _expect_shape("prefix", prefix, (steps, voices))
        _expect_shape("temperature", np.asarray(temperature), (voices,))
        if len(noise) != voices:
            raise ValueError(f"noise has {len(noise)} voices, expected {voices}")
        for voice, (block, vocabulary) in enumerate(zip(noise, self.vocabularies, strict=True)):
            _expect_shape(f"noise[{voice}]", block, (steps, vocabulary))
        if not 0 <= from_step <= steps:
            raise ValueError(f"from_step is {from_step}, allowed 0 to {steps}")
        given = np.array(prefix, dtype=np.int64)
        given[from_step:] = 0
        if (given < 0).any() or (given >= np.array(self.vocabularies)).any():
            raise ValueError(f"prefix holds a token outside its vocabulary {self.vocabularies}")
        with torch.inference_mode(), optimized_execution(False):
            tokens = self.module.bar(
                torch.from_numpy(np.array(code, dtype=np.float32)),
                torch.from_numpy(given),
                from_step,
                torch.tensor(temperature, dtype=torch.float32),
                [torch.from_numpy(np.array(block, dtype=np.float32)) for block in noise],
            )
        return np.asarray(tokens.numpy(), dtype=np.int64)

    def encode(self, tokens: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return mu and sigma, (B, z_size) each, of `tokens` (B, bars, steps, voices), -1 for none."""
        manifest = self.manifest
        _expect_shape(
            "tokens", tokens, (len(tokens), manifest.bars, manifest.steps_per_bar, len(self.vocabularies))
        )
        with torch.inference_mode(), optimized_execution(False):
            mu, sigma = self.module.encode(torch.from_numpy(np.array(tokens, dtype=np.int64)))
        return np.asarray(mu.numpy()), np.asarray(sigma.numpy())

    def _warm_up(self, path: str) -> None:
        steps = self.manifest.steps_per_bar
        noise = [np.zeros((steps, vocabulary), np.float32) for vocabulary in self.vocabularies]
        prefix = np.zeros((steps, len(noise)), np.int64)
        try:
            for _ in range(3):
                self.bar(np.zeros(self.code_size, np.float32), prefix, 0, [1.0] * len(noise), noise)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise DecoderError(f"{path}: the module does not decode the codec's bar: {reason}") from error


def _load(path: Path | str) -> Any:
    """Load and freeze the module at `path`.

    Execution without the profiling optimiser, set at each call, costs no speed here, and spares the second
    call a recompilation many bars long.
    """
    try:
        module = opened(path)
        methods = [name for name in (*METHODS, "logits") if hasattr(module, name)]
        return frozen(module, methods) if methods else module
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise DecoderError(f"{path}: torch {torch.__version__} cannot load the module: {reason}") from error


def _expect_shape(name: str, value: NDArray[Any], shape: tuple[int, ...]) -> None:
    if value.shape != shape:
        raise ValueError(f"{name} has shape {value.shape}, expected {shape}")
