"""What a VRAE's model file says of latent space: where its songs lie, its axes, latents to start from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.manifest import Axis
from training.axes import (
    BASES,
    SANE_SHARE,
    Floats,
    along,
    chosen,
    contrasts,
    principal_directions,
    quantile,
)
from training.draws import spread_rows
from training.examine_vrae import posterior_draws, posteriors
from training.excerpts import Excerpts
from training.latents import ANCHORS, FEWEST, WINDOWS, Latents, LatentsError
from training.playing import logistic, of_rolls, temperatures, windows
from training.store import Store
from training.vrae import VRAE

HEARD = ("density", "register", "polyphony", "length", "range")  # what axes are named after and said to do
SANE = ("density", "polyphony", "register", "range", "repeated", "silent", "in key")
MAP = 2  # latent dimensions that are axes themselves
SHARES = (0.01, 0.99)  # of the songs' excerpts: where a map begins and ends
NEAREST = 0.5  # standard deviations that a map reaches at least
BARS = 4  # that a trial plays


@dataclass(frozen=True, slots=True)
class RollTrial:
    """Latents to try an axis on, all played with the same noise; `ranges` are those of sane music."""

    model: VRAE
    z: Tensor  # (bases, z_size)
    noise: Tensor  # (BARS, bases, draws, pitches)
    temperature: float
    ranges: Mapping[str, tuple[float, float]]  # of the songs, 1st to 99th percentile

    def decode(self, offsets: Floats) -> NDArray[np.int64]:
        """Return the rolls (K, bases, frames, pitches) of the latents moved by `offsets` (K, z_size)."""
        moved = self.z + torch.from_numpy(offsets).float().unsqueeze(1)  # (K, bases, z_size)
        noise = self.noise.repeat(1, len(offsets), 1, 1)
        rolls = self.model.play(moved.flatten(0, 1), BARS, self.temperature, noise)
        return np.asarray(rolls.unflatten(0, (len(offsets), len(self.z))).numpy(), np.int64)

    def sanity(self, rolls: NDArray[np.int64]) -> float:
        """Return the share of `rolls` whose statistics all lie within the songs'."""
        values = of_rolls(self.model, rolls)
        inside = [(values[name] >= low) & (values[name] <= high) for name, (low, high) in self.ranges.items()]
        return float(np.logical_and.reduce(inside).mean())

    def heard(self, rolls: NDArray[np.int64]) -> dict[str, Floats]:
        """Return the attributes HEARD of `rolls`."""
        values = of_rolls(self.model, rolls)
        return {name: values[name] for name in HEARD}


@torch.no_grad()
def measure(model: VRAE, store: Store, limit: int = WINDOWS, bases: int = BASES, seed: int = 0) -> Latents:
    """Return the latents of `model` as measured on at most `limit` excerpts of the songs that it knows.

    A map's axes are its two dimensions, as far as its songs lie; a wider latent has those of its attributes
    and its principal directions. LatentsError: fewer than FEWEST excerpts.
    """
    model = model.eval()
    excerpts = Excerpts(store, model.config)
    known = excerpts.known()
    if len(known) < FEWEST:
        found = f"{len(known)} excerpt{'s' * (len(known) != 1)} of the model's songs"
        raise LatentsError(f"the store has {found}; to measure axes takes {FEWEST} at least")
    rows = spread_rows(known, limit)
    mu, sigma = posteriors(model, excerpts, rows)
    deviation = np.sqrt(mu.var(0) + (sigma**2).mean(0))
    data = of_rolls(model, windows(model, store, limit))
    z = posterior_draws(model, excerpts, known, bases, seed)
    heat, _ = temperatures(model, z, data, seed=seed)
    ranges = {name: (quantile(data[name], SHARES[0]), quantile(data[name], SHARES[1])) for name in SANE}
    trial = RollTrial(model, z, logistic(model, BARS, len(z), seed), heat, ranges)
    if model.config.z_size == MAP:
        axes = _map_axes(trial, mu, deviation)
    else:
        values = of_rolls(model, excerpts.read(rows))
        names, named = contrasts({name: values[name] for name in HEARD}, mu)
        free = principal_directions(mu, named)[:8]
        enough = SANE_SHARE * trial.sanity(trial.decode(np.zeros((1, mu.shape[1])))[0])
        axes = chosen(trial, dict(zip(names, named, strict=True)), free, (mu, sigma), enough)
    return Latents(tuple(mu.mean(0).tolist()), tuple(deviation.tolist()), axes, _anchors(mu))


def _map_axes(trial: RollTrial, mu: Floats, deviation: Floats) -> tuple[Axis, ...]:
    """Return the two dimensions of a map, each as far from its middle as the songs lie."""
    axes = []
    for dimension, name in enumerate(("map x", "map y")):
        vector = np.eye(MAP)[dimension] * deviation[dimension]
        middle = float(np.median(mu[:, dimension]))
        far = [abs(quantile(mu[:, dimension], share) - middle) / deviation[dimension] for share in SHARES]
        ends = [max(reach, NEAREST) for reach in far]
        axes.append(along(trial, name, vector, ends)[0])
    return tuple(axes)


def _anchors(mu: Floats) -> tuple[tuple[float, ...], ...]:
    """Return means of excerpts: the one nearest the middle, then always the farthest from those chosen."""
    start = int(np.linalg.norm(mu - np.median(mu, axis=0), axis=1).argmin())
    chosen, gap = [start], np.linalg.norm(mu - mu[start], axis=1)
    while len(chosen) < min(ANCHORS, len(mu)):
        farthest = int(gap.argmax())
        chosen.append(farthest)
        gap = np.minimum(gap, np.linalg.norm(mu - mu[farthest], axis=1))
    return tuple(tuple(np.round(mu[index], 4).tolist()) for index in chosen)
