"""What a VRAE's model file says of latent space: where its songs lie, its axes, latents to start from."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.manifest import Axis
from training.axes import BASES, Floats, Music, Posteriors, Trial, along, measure_axes
from training.data.draws import spread_rows
from training.data.store import Store
from training.latents import DIGITS, FEWEST, WINDOWS, Latents, LatentsError, farthest
from training.vrae.examine import posteriors
from training.vrae.excerpts import Excerpts, Rows
from training.vrae.model import VRAE
from training.vrae.playing import best_temperature, logistic, of_rolls, windows

HEARD = ("density", "register", "polyphony", "length", "range")  # what axes are named after and said to do
SANE = ("density", "polyphony", "register", "range", "repeated", "silent", "in key")
MAP = 2  # latent dimensions that are axes themselves
SHARES = (0.01, 0.99)  # of the songs' excerpts: where a map begins and ends
NEAREST = 0.5  # standard deviations that a map reaches at least
BARS = 4  # that a trial plays


def trial(model: VRAE, z: Tensor, data: Mapping[str, Floats], temperature: float, seed: int = 0) -> Trial:
    """Return what an axis of `model` is tried on: latents `z`, played with the same noise.

    Sane is what lies between the first and the last percentile of the statistics `data` of the songs.
    """
    noise = logistic(model, BARS, len(z), seed)
    ranges = {name: (quantile(data[name], SHARES[0]), quantile(data[name], SHARES[1])) for name in SANE}

    def play(moved: Tensor) -> Music:
        return np.asarray(model.play(moved, BARS, temperature, noise).numpy(), np.int64)

    def values(rolls: Music) -> dict[str, Floats]:
        found = of_rolls(model, rolls)
        return {name: found[name] for name in HEARD}

    def sane(rolls: Music) -> NDArray[np.bool_]:
        found = of_rolls(model, rolls)
        inside = [(found[name] >= low) & (found[name] <= high) for name, (low, high) in ranges.items()]
        return np.asarray(np.logical_and.reduce(inside), bool)

    return Trial(z, play, values, sane)


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
    z = _posterior_draws(model, excerpts, known, bases, seed)
    heat, _ = best_temperature(model, z, data, seed=seed)
    tried = trial(model, z, data, heat, seed)
    if model.config.z_size == MAP:
        axes = _map_axes(tried, mu, deviation)
    else:
        values = of_rolls(model, excerpts.read(rows))
        heard = {name: values[name] for name in HEARD}
        axes = measure_axes(tried, Posteriors(mu, sigma, heard), HEARD)
    return Latents(tuple(mu.mean(0).tolist()), tuple(deviation.tolist()), axes, _anchors(mu))


def _posterior_draws(model: VRAE, excerpts: Excerpts, rows: Rows, count: int, seed: int) -> Tensor:
    """Return `count` draws at most (N, z_size) of the posteriors of excerpts spread over `rows`."""
    posterior = model.posterior(excerpts.read(spread_rows(rows, count)))
    generator = torch.Generator().manual_seed(seed)
    return posterior.mu + posterior.sigma * torch.randn(posterior.mu.shape, generator=generator)


def _map_axes(tried: Trial, mu: Floats, deviation: Floats) -> tuple[Axis, ...]:
    """Return the two dimensions of a map, each as far from its middle as the songs lie."""
    axes = []
    for dimension, name in enumerate(("map x", "map y")):
        vector = np.eye(MAP)[dimension] * deviation[dimension]
        middle = float(np.median(mu[:, dimension]))
        far = [abs(quantile(mu[:, dimension], share) - middle) / deviation[dimension] for share in SHARES]
        ends = [max(reach, NEAREST) for reach in far]
        axes.append(along(tried, name, vector, ends)[0])
    return tuple(axes)


def _anchors(mu: Floats) -> tuple[tuple[float, ...], ...]:
    """Return means of excerpts: the one nearest the middle, then always the farthest from those chosen."""
    start = int(np.linalg.norm(mu - np.median(mu, axis=0), axis=1).argmin())
    return tuple(tuple(np.round(mu[index], DIGITS).tolist()) for index in farthest(mu, start))


def quantile(values: Floats, share: float) -> float:
    """Return the `share` quantile of the finite `values`, 0 if there are none."""
    finite = values[np.isfinite(values)]
    return float(np.quantile(finite, share)) if len(finite) else 0.0
