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
from training.exported import METHODS, plan
from training.musicvae import MusicVAE


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
        """Return family, form of the weights, and the identity of the run's."""

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
        """Return family and number of parameters."""
        facts = {"family": f"musicvae-{self.model.config.family}", "parameters": run.count(self.model)}
        return facts | {"weights": "float32", "identity": run.identity(self.model)}

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
    """An exported file, decoded bar by bar as the engine decodes it."""

    def __init__(self, path: Path) -> None:
        self.manifest = manifest.read(path)
        try:
            self.module = frozen(opened(path), METHODS)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise SubjectError(f"{path}: not a model of this version: {reason}") from error
        self.vocabularies = [voice.vocabulary for voice in CODECS[self.manifest.codec].voices]

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
        """Return family and the form of the weights."""
        identity = self.manifest.exported_with.get("weights", "")
        return {"family": self.manifest.family, "weights": self.manifest.weights, "identity": identity}

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma, (B, z_size) each."""
        mu, sigma = self.module.encode(tokens)
        return mu, sigma

    def forced(self, z: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the teacher-forced logits (B, bars * steps, vocabulary) of each voice."""
        windows = []
        for latent, window in zip(z, tokens, strict=True):
            codes = plan(self.module, latent, self.manifest.bars)
            bars = [self.module.logits(codes[b], bar) for b, bar in enumerate(window)]
            windows.append([torch.cat([bar[v] for bar in bars]) for v in range(len(self.vocabularies))])
        return [torch.stack([window[v] for window in windows]) for v in range(len(self.vocabularies))]

    def generate(self, z: Tensor, temperature: float, seed: int) -> Tensor:
        """Return tokens sampled from `z` with the engine's own noise, loop after loop."""
        facts = self.manifest
        prefix = torch.zeros(facts.steps_per_bar, len(self.vocabularies), dtype=torch.int64)
        heat = torch.full((len(self.vocabularies),), temperature)
        windows = []
        for loop, latent in enumerate(z):
            codes = plan(self.module, latent, self.manifest.bars)
            bars = []
            for bar in range(facts.bars):
                noise = gumbel(seed, loop, bar, facts.steps_per_bar, self.vocabularies)
                arrays = [torch.from_numpy(block) for block in noise]
                bars.append(self.module.bar(codes[bar], prefix, 0, heat, arrays))
            windows.append(torch.stack(bars))
        return torch.stack(windows)


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
