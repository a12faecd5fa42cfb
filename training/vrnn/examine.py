"""How well a VRNN knows sequences, and what its latents do: every figure in nats or bits a frame.

All frames count alike (micro-average), however the sequences are put together into batches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.collapse import collapsed, unheard
from training.evaluate import EvaluateError
from training.loss import NATS_PER_BIT, SAMPLES
from training.vrnn.model import VRNN, Inferred, divergences
from training.vrnn.packed import Packed
from training.vrnn.particles import estimate
from training.vrnn.sequences import Rows, padded

BATCH = 8192  # frames at a time, longer sequences alone
PARTICLES = 1 << 17  # the same times samples
ACTIVE = 0.01  # nats a frame: a unit whose posterior departs less from its prior tells nothing
LEAST = 0.01  # bits a frame: a KL below it is none


@dataclass(frozen=True, slots=True)
class Pieces:
    """log p(x) of each sequence in nats, float64 (pieces,), and its frames."""

    frames: NDArray[np.int64]
    bound: NDArray[np.float64]
    importance: NDArray[np.float64]
    filtered: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured on `frames` frames; likelihoods are log p(x) in nats a frame, higher is better."""

    frames: int
    bound: float  # equation 11; an RNN's likelihood is exact
    importance: float  # its estimate by importance sampling
    filtered: float  # and by a particle filter, the tighter the longer a sequence is
    kl_bits: float
    worth_bits: float  # by which the posterior's z makes a frame likelier than one drawn from the prior there
    active: int  # latent units
    units: int
    pieces: Pieces

    @property
    def collapsed(self) -> bool:
        """Whether the latents tell nothing of what comes, so that the model is an RNN."""
        return self.units > 0 and collapsed(self.active, self.units, self.kl_bits, self.worth_bits, least=0.0)

    @property
    def unheard(self) -> bool:
        """Whether they are worth next to nothing, however many units are active."""
        return self.units > 0 and unheard(max(self.kl_bits, LEAST), self.worth_bits)

    def figures(self) -> dict[str, Any]:
        """Return all but the single pieces."""
        figures = asdict(self)
        del figures["pieces"]
        return figures | {"collapsed": self.collapsed}


@torch.no_grad()
def measure(model: VRNN, sequences: Sequence[Rows], samples: int = SAMPLES, seed: int = 0) -> Findings:
    """Return the figures of `model` on whole `sequences`. EvaluateError: there is no frame."""
    lengths = np.array([len(sequence) for sequence in sequences], np.int64)
    frames = int(lengths.sum())
    if not frames:
        raise EvaluateError("there is no sequence to measure on")
    device = model.mean.device
    units = 0 if model.config.latent == "none" else model.config.z_size
    divergence = torch.zeros(units, device=device, dtype=torch.float64)
    worth, bounds, estimates = 0.0, [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for rows in batches(sequences, BATCH):
            packed = model.pack(rows.to(device))
            likelihood, blind, told = _terms(model, packed)
            bounds.append(packed.back(likelihood.double() - told.double().sum(1)).sum(1))
            worth += float((likelihood - blind).double().sum())
            divergence += told.double().sum(0)
        for rows in batches(sequences, PARTICLES // samples) if units else ():
            pair = [estimate(model, rows.to(device), samples, resample) for resample in (False, True)]
            estimates.append(torch.stack([found.log_likelihood.double().sum(1) for found in pair]))
    bound = _unsorted(torch.cat(bounds), sequences)
    importance, filtered = _unsorted(torch.cat(estimates, 1), sequences) if units else (bound, bound)
    usual = divergence / frames
    return Findings(
        frames,
        float(bound.sum()) / frames,
        float(importance.sum()) / frames,
        float(filtered.sum()) / frames,
        float(usual.sum()) / NATS_PER_BIT,
        worth / frames / NATS_PER_BIT,
        int((usual > ACTIVE).sum()),
        units,
        Pieces(lengths, bound, importance, filtered),
    )


def _terms(model: VRNN, packed: Packed) -> tuple[Tensor, Tensor, Tensor]:
    """Return log p(x) of every frame with the posterior's z, and with one of the prior there, (N,) each.

    And each unit's KL, (N, z_size or none).
    """
    if model.config.latent == "none":
        likelihood, none = model.terms(packed)
        return likelihood, likelihood, none
    seen = model.infer(model.features(packed.x, packed.condition), packed.condition, packed.sizes)
    blind = model.phi_z(seen.prior_mu + seen.prior_sigma * torch.randn_like(seen.prior_sigma))
    own, other = (
        model.likelihood(seen.past, packed.condition, drawn, packed.x) for drawn in (seen.drawn, blind)
    )
    return own, other, divergences(seen)


def _order(sequences: Sequence[Rows]) -> list[int]:
    return sorted(range(len(sequences)), key=lambda number: len(sequences[number]), reverse=True)


def _unsorted(values: Tensor, sequences: Sequence[Rows]) -> NDArray[np.float64]:
    """Return `values` (..., pieces), in the order of `batches`, in that of `sequences`."""
    found = np.empty(values.shape)
    found[..., _order(sequences)] = values.cpu().numpy()
    return found


def batches(sequences: Sequence[Rows], frames: int) -> Iterator[Tensor]:
    """Yield all of `sequences`, those of like length together, with at most `frames` frames or one alone."""
    batch: list[Rows] = []
    for sequence in (sequences[number] for number in _order(sequences)):
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
