"""How well a VRNN knows sequences, and what its latents do: every figure in nats or bits a frame.

All frames count alike (micro-average), however the sequences are put together into batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.loss import NATS_PER_BIT
from training.vrnn.model import VRNN, Inferred, divergences
from training.vrnn.particles import estimate
from training.vrnn.sequences import Rows, padded

SAMPLES = 40  # the paper's (section 5)
BATCH = 8192  # frames at a time, longer sequences alone
PARTICLES = 1 << 17  # the same times samples
ACTIVE = 0.01  # nats a frame: a unit whose posterior departs less from its prior tells nothing
COLLAPSED = 0.1  # share of active units below which the posterior has collapsed


class ExamineError(Exception):
    """Nothing to measure on."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured on `frames` frames; likelihoods are log p(x) in nats a frame, higher is better."""

    frames: int
    bound: float  # equation 11; an RNN's likelihood is exact
    importance: float  # its estimate by importance sampling
    filtered: float  # and by a particle filter, the tighter the longer a sequence is
    kl_bits: float
    active: int  # latent units
    units: int

    @property
    def collapsed(self) -> bool:
        """Whether the latents tell nothing of what comes, so that the model is an RNN."""
        return self.units > 0 and self.active < max(1.0, COLLAPSED * self.units)


@torch.no_grad()
def measure(model: VRNN, sequences: Sequence[Rows], samples: int = SAMPLES, seed: int = 0) -> Findings:
    """Return the figures of `model` on whole `sequences`. ExamineError: there is no frame."""
    frames = sum(map(len, sequences))
    if not frames:
        raise ExamineError("there is no sequence to measure on")
    device = model.mean.device
    bound = importance = filtered = 0.0
    units = 0 if model.config.latent == "none" else model.config.z_size
    divergence = torch.zeros(units, device=device, dtype=torch.float64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for rows in batches(sequences, BATCH):
            packed = model.pack(rows.to(device))
            likelihood, told = model.terms(packed)
            bound += float(likelihood.double().sum() - told.double().sum())
            divergence += told.double().sum(0)
        if not units:
            exact = bound / frames
            return Findings(frames, exact, exact, exact, 0.0, 0, 0)
        for rows in batches(sequences, PARTICLES // samples):
            for_each = [estimate(model, rows.to(device), samples, resample) for resample in (False, True)]
            importance += float(for_each[0].log_likelihood.double().sum())
            filtered += float(for_each[1].log_likelihood.double().sum())
    usual = divergence / frames
    return Findings(
        frames,
        bound / frames,
        importance / frames,
        filtered / frames,
        float(usual.sum()) / NATS_PER_BIT,
        int((usual > ACTIVE).sum()),
        units,
    )


def batches(sequences: Sequence[Rows], frames: int) -> Iterator[Tensor]:
    """Yield all of `sequences`, those of like length together, with at most `frames` frames or one alone."""
    batch: list[Rows] = []
    for sequence in sorted(sequences, key=len, reverse=True):
        if batch and sum(map(len, batch)) + len(sequence) > frames:
            yield padded(batch)
            batch = []
        batch.append(sequence)
    if batch:
        yield padded(batch)


def latents(model: VRNN, rows: Tensor) -> Inferred:
    """Return posteriors and priors along sequences (B, T, ...), packed."""
    packed = model.pack(rows)
    return model.infer(model.features(packed.x, packed.condition), packed.condition, packed.sizes)


@dataclass(frozen=True, slots=True)
class Trace:
    """Figure 2 of the paper along one sequence, float64 (T,) each."""

    change: NDArray[np.float64]  # sum over the units of (mu_t - mu_t-1) squared, 0 at the first frame
    kl: NDArray[np.float64]  # nats


@torch.no_grad()
def trace(model: VRNN, sequence: Rows, seed: int = 0) -> Trace:
    """Return how the latents move along `sequence`, and what each frame tells beyond what was expected."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        seen = latents(model, padded([sequence]).to(model.mean.device))
    moved = torch.diff(seen.mu, dim=0, prepend=seen.mu[:1]).square().sum(1)
    return Trace(*(values.double().cpu().numpy() for values in (moved, divergences(seen).sum(1))))
