"""What a model file says about latent space: where music lies in it, its axes, and latents to start from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.latent import prior
from engine.manifest import Axis
from training.data.store import Store
from training.data.view import view
from training.musicvae import heard
from training.musicvae.batches import called, transposed_at_random
from training.musicvae.model import MusicVAE
from training.statistics import statistics

Floats = NDArray[np.float64]
ANCHORS = 24
DIGITS = 4  # of an anchor's numbers after the point: more make no other note
CANDIDATES = 256  # windows that an anchor is chosen from
WINDOWS = 8192  # of training data that the statistics are taken from
FEWEST = 2  # of them, to tell a direction
BATCH = 64


class LatentsError(Exception):
    """Data on which nothing can be measured of a model's latents."""


@dataclass(frozen=True, slots=True)
class Latents:
    """Mean and deviation (z_size,) of the aggregated posterior, axes, and anchors (anchors, z_size)."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    axes: tuple[Axis, ...]
    anchors: tuple[tuple[float, ...], ...]


def of_prior(z_size: int) -> Latents:
    """Return the prior's own statistics, no axes and its first draws as anchors."""
    anchors = tuple(tuple(prior(0, index, z_size).tolist()) for index in range(ANCHORS))
    return Latents((0.0,) * z_size, (1.0,) * z_size, (), anchors)


def measure(
    model: MusicVAE, store: Store, span: tuple[int, int], limit: int = WINDOWS, seed: int = 0
) -> Latents:
    """Return the latents of `model` as measured on at most `limit` training windows of `store`.

    They are transposed within `span`, in semitones, as they were in training. LatentsError: fewer than FEWEST
    of them.
    """
    seen = view(store, model.config.voices, model.config.bars)
    rows = seen.of("train")
    if len(rows) < FEWEST:
        many = f"{len(rows)} window{'s' * (len(rows) != 1)} of {called(model.config.voices)}"
        raise LatentsError(f"the store's train split has {many}; to measure axes takes {FEWEST} at least")
    chosen = np.random.default_rng(seed).permutation(rows)[:limit]
    windows = seen.tokens(chosen)
    anchors = _anchors(model, windows, seed)  # in the songs' own keys: morphs between them seldom leave one
    windows = transposed_at_random(windows, model.config.voices, span, np.random.default_rng(seed))
    mu, sigma = _posterior(model, windows)
    deviation = np.sqrt(mu.var(0) + (sigma**2).mean(0))
    axes = heard.axes(model, windows, mu, sigma, seed=seed)
    return Latents(tuple(mu.mean(0).tolist()), tuple(deviation.tolist()), axes, anchors)


@torch.inference_mode()
def _posterior(model: MusicVAE, windows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    parts = [model.encoder(batch) for batch in torch.from_numpy(windows).split(BATCH)]
    mu, sigma = (torch.cat(part).double().numpy() for part in zip(*parts, strict=True))
    return mu, sigma


@torch.inference_mode()
def _anchors(model: MusicVAE, windows: NDArray[np.int64], seed: int) -> tuple[tuple[float, ...], ...]:
    """Return posterior draws that decode to music in the middle of the data, far from one another."""
    mu, sigma = _posterior(model, windows[:CANDIDATES])
    wander, voices = np.random.default_rng(seed).standard_normal(mu.shape), model.config.voices
    z = torch.from_numpy(mu + sigma * wander).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokens = torch.cat([model.generate(part) for part in z.split(BATCH)])
    played = statistics(heard.wide(np.asarray(tokens.numpy()), voices))
    return anchors(z, played, statistics(heard.wide(windows, voices)))


def anchors(
    z: Tensor, played: Mapping[str, Floats], data: Mapping[str, Floats]
) -> tuple[tuple[float, ...], ...]:
    """Return at most ANCHORS of the candidates `z` (N, z_size), whose music has the statistics `played`.

    The quarter stays whose statistics lie nearest the medians of `data`, in quartile distances; of these the
    nearest, and then always the one farthest from those chosen. What the data lacks is not compared.
    """
    distance = np.zeros(len(z))
    for name, values in data.items():
        if not np.isfinite(values).any():
            continue
        low, middle, high = np.nanquantile(values, (0.25, 0.5, 0.75))
        off = np.abs(played[name] - middle) / max(high - low, 1e-9)
        distance += np.where(np.isfinite(off), np.minimum(off, 3.0), 3.0)
    good = z[torch.from_numpy(np.argsort(distance)[: max(ANCHORS, len(z) // 4)])]
    chosen = farthest(good.double().numpy(), 0)
    return tuple(tuple(round(value, DIGITS) for value in latent) for latent in good[chosen].tolist())


def farthest(points: Floats, start: int) -> list[int]:
    """Return at most ANCHORS of `points` (N, z_size): `start`, then always the farthest from those chosen."""
    chosen, gap = [start], np.linalg.norm(points - points[start], axis=1)
    while len(chosen) < min(ANCHORS, len(points)):
        chosen.append(int(gap.argmax()))
        gap = np.minimum(gap, np.linalg.norm(points - points[chosen[-1]], axis=1))
    return chosen
