"""A trained model under examination: a run of `fit` or an exported file, asked the same questions."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from engine import manifest
from engine.codec import CODECS
from engine.modelfile import frozen, opened
from engine.noise import gumbel
from training import run
from training.musicvae.agreement import spelt
from training.musicvae.exported import METHODS, plan
from training.musicvae.exported_flat import METHODS as FLAT_METHODS
from training.musicvae.model import MusicVAE


class SubjectError(Exception):
    """A path that holds no model to examine."""


class Subject(Protocol):
    """What an examination asks; tokens are (B, bars, steps, voices), latents (B, z_size)."""

    @property
    def voices(self) -> tuple[str, ...]:
        """What its columns are."""

    @property
    def bars(self) -> int:
        """How many bars a latent spells."""

    @property
    def facts(self) -> dict[str, object]:
        """Return family, bars, form of the weights, and the identity of the run's."""

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma, (B, z_size) each."""

    def forced(self, z: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the teacher-forced logits (B, bars * steps, vocabulary) of each voice."""

    def generate(self, z: Tensor, temperature: float, seed: int) -> Tensor:
        """Return tokens sampled from `z`."""


@dataclass(frozen=True, slots=True)
class RunSubject:
    """The best model of a run."""

    model: MusicVAE

    @property
    def voices(self) -> tuple[str, ...]:
        """What its columns are."""
        return self.model.config.voices

    @property
    def bars(self) -> int:
        """How many bars a latent spells."""
        return self.model.config.bars

    @property
    def facts(self) -> dict[str, object]:
        """Return family, bars and number of parameters."""
        facts = {"family": f"musicvae-{self.model.config.family}", "parameters": run.count(self.model)}
        return facts | {"bars": self.bars, "weights": "float32", "identity": run.identity(self.model)}

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma, (B, z_size) each."""
        mu, sigma = self.model.encoder(tokens.to(self._device))
        return mu.cpu(), sigma.cpu()

    def forced(self, z: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the teacher-forced logits (B, bars * steps, vocabulary) of each voice."""
        spans = self.model.spans(tokens.to(self._device)).flatten(0, 1)
        logits = self.model.teacher_forced(self.model.contexts(z.to(self._device)).flatten(0, 1), spans)
        return [voice.reshape(len(z), -1, voice.shape[-1]).cpu() for voice in logits]

    def generate(self, z: Tensor, temperature: float, seed: int) -> Tensor:
        """Return tokens sampled from `z`."""
        torch.manual_seed(seed)
        return self.model.generate(z.to(self._device), temperature).cpu()

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device


class ExportSubject:
    """A MusicVAE's exported file, decoded bar by bar as the engine decodes it."""

    def __init__(self, path: Path) -> None:
        self.manifest = manifest.read(path)
        self.alone = self.manifest.memory == "bar"
        try:
            self.module = frozen(opened(path), METHODS if self.alone else FLAT_METHODS)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise SubjectError(f"{path}: not a model of this version: {reason}") from error
        self.vocabularies = CODECS[self.manifest.codec].vocabularies

    @property
    def voices(self) -> tuple[str, ...]:
        """What its columns are."""
        return self.manifest.voices

    @property
    def bars(self) -> int:
        """How many bars a latent spells."""
        return self.manifest.bars

    @property
    def facts(self) -> dict[str, object]:
        """Return family, bars and the form of the weights."""
        identity = self.manifest.exported_with.get("weights", "")
        facts = {"family": self.manifest.family, "bars": self.bars}
        return facts | {"weights": self.manifest.weights, "identity": identity}

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma, (B, z_size) each."""
        mu, sigma = self.module.encode(tokens)
        return mu, sigma

    def forced(self, z: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the teacher-forced logits (B, bars * steps, vocabulary) of each voice."""
        windows = [self._forced(latent, window) for latent, window in zip(z, tokens, strict=True)]
        return [torch.stack([window[v] for window in windows]) for v in range(len(self.vocabularies))]

    def generate(self, z: Tensor, temperature: float, seed: int) -> Tensor:
        """Return tokens sampled from `z` with the engine's own noise, loop after loop."""
        return torch.stack([self._written(latent, temperature, seed, loop) for loop, latent in enumerate(z)])

    def _forced(self, z: Tensor, window: Tensor) -> list[Tensor]:
        if not self.alone:
            logits: list[Tensor] = self.module.logits(z, window.flatten(0, 1))
            return logits
        codes = plan(self.module, z, self.manifest.bars)
        bars = [self.module.logits(codes[b], bar) for b, bar in enumerate(window)]
        return [torch.cat([bar[v] for bar in bars]) for v in range(len(self.vocabularies))]

    def _written(self, z: Tensor, temperature: float, seed: int, loop: int) -> Tensor:
        facts = self.manifest
        noise = [
            [torch.from_numpy(block) for block in gumbel(seed, loop, bar, facts.steps_per_bar, facts.streams)]
            for bar in range(facts.bars)
        ]
        if not self.alone:
            whole = [torch.cat(voice) for voice in zip(*noise, strict=True)]
            tokens = spelt(self.module, z, facts.steps_per_bar, whole, temperature)
            return tokens.reshape(facts.bars, facts.steps_per_bar, -1)
        prefix = torch.zeros(facts.steps_per_bar, len(self.vocabularies), dtype=torch.int64)
        heat = torch.full((len(self.vocabularies),), temperature)
        codes = plan(self.module, z, facts.bars)
        return torch.stack(
            [self.module.bar(code, prefix, 0, heat, own) for code, own in zip(codes, noise, strict=True)]
        )


def open_subject(path: Path, device: str = "cpu") -> Subject:
    """Return the run folder, on `device`, or the exported file at `path`, which plays on the CPU only."""
    if path.is_dir():
        return RunSubject(run.load(path, device, "musicvae").model)
    if path.suffix == ".ts":
        return ExportSubject(path)
    raise SubjectError(f"{path}: neither a run's folder nor an exported .ts file")


def prior_latents(count: int, z_size: int, seed: int) -> Tensor:
    """Return `count` draws of the prior (count, z_size), always the same for `seed`."""
    generator = np.random.Generator(np.random.PCG64(seed))
    return torch.from_numpy(generator.standard_normal((count, z_size)).astype(np.float32))
