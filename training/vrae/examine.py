"""The examination of a VRAE: its bound, what its latents carry, and what it plays beside its songs."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import run
from training.collapse import active_units, collapsed
from training.data.draws import spread_rows
from training.data.store import Store
from training.evaluate import EvaluateError, interpolation
from training.loss import NATS_PER_BIT, SAMPLES
from training.statistics import overlap, summary
from training.subject import prior_latents
from training.temperatures import few
from training.vrae.bound import CHUNK, bound, log_likelihood, nats_of_steps
from training.vrae.excerpts import Excerpts, Rows
from training.vrae.model import VRAE
from training.vrae.playing import WINDOW, best_temperature, endurance, logistic, obedience, of_rolls, windows

LIMIT = 1000  # excerpts of a source, and windows of the songs
DRAWS = 1000  # latents of the prior that are played for as long as a window of the songs
PLAYED = 64  # of them that are played for long

Results = dict[str, Any]


@torch.no_grad()
def examine(
    model: VRAE,
    store: Store,
    split: str | None = "test",
    *,
    limit: int = LIMIT,
    samples: int = SAMPLES,
    draws: int = DRAWS,
    seed: int = 0,
) -> Results:
    """Return every figure of `model` on the songs that it knows, and on those of `split` source by source.

    At most `limit` excerpts a source, spread evenly; nats are a frame's, micro-averaged; `samples` draws make
    the importance-sampled estimate. What it plays is measured on `draws` of the prior beside the songs that
    it knows, at the temperature at which it plays most like them; PLAYED are played for long.
    ConfigError: a store without its songs; EvaluateError: no excerpt at all.
    """
    model = model.eval()
    excerpts = Excerpts(store, model.config)
    parts = {"known": excerpts.known(), **{name: excerpts.of(split, [name]) for name in store.sources}}
    if not any(map(len, parts.values())):
        raise EvaluateError(f"there is no excerpt in split {split or 'all'}")
    torch.manual_seed(seed)
    facts: Results = {"family": "vrae", "parameters": run.count(model), "identity": run.identity(model)}
    facts |= {"frames": model.config.steps, "by_heart": bool(model.config.songs)}  # frames of an excerpt
    results: Results = {"model": facts, "store": store.digest(), "split": split, "sources": {}}
    for name, rows in parts.items():
        if len(rows):
            some = spread_rows(rows, limit)
            found = figures(model, excerpts.read(some), samples)
            results["sources"][name] = {"excerpts": len(some), "of": len(rows), **found}
    if draws and len(parts["known"]):
        results["prior"] = _played(model, store, draws=draws, limit=limit, seed=seed)
    return results


def figures(model: VRAE, batch: Tensor, samples: int) -> Results:
    """Return the figures of `model` on excerpts `batch` (B, T, pitches); bits are an excerpt's."""
    nats, divergence, likely, mus, forced, free, worth = [], [], [], [], [], [], []
    bars = -(-batch.shape[1] // model.config.bar)
    for some in batch.split(CHUNK):
        reconstruction, kl_nats, posterior = bound(model, some)
        nats.append(reconstruction)
        divergence.append(kl_nats)
        mus.append(posterior.mu)
        likely.append(log_likelihood(model, some, samples))
        told = model.logits(posterior.mu, some)
        other = model.logits(posterior.mu.roll(len(some) // 2, 0), some)  # z of another excerpt, no neighbour
        worth.append((nats_of_steps(other, some) - nats_of_steps(told, some)).sum(1))
        forced.append(_agreement(told > 0, some))
        free.append(_agreement(model.play(posterior.mu, bars, 0.0)[:, : some.shape[1]], some))
    frames = int((batch[..., 0] >= 0).sum())
    kl_mean, mu = float(torch.cat(divergence).mean()), torch.cat(mus)
    units, worth_mean = active_units(mu), float(torch.cat(worth).mean())
    total = float(torch.cat(nats).double().sum())
    return {
        "bound": -(total + float(torch.cat(divergence).double().sum())) / frames,
        "importance_sampled": float(torch.cat(likely).sum()) / frames,
        "nats_per_frame": total / frames,
        "kl_bits": kl_mean / NATS_PER_BIT,
        "active_units": units,
        "z_size": mu.shape[1],
        "worth_bits": worth_mean / NATS_PER_BIT,  # of its own z against another excerpt's
        "collapsed": collapsed(units, mu.shape[1], kl_mean, worth_mean if len(mu) > 1 else None),
        "accuracy_forced": _share(forced),
        "accuracy_free": _share(free),
        "interpolation": interpolation(lambda z: model.play(z, bars, 0.0)[:, : batch.shape[1]], mu),
    }


def _agreement(written: Tensor, truth: Tensor) -> tuple[int, int]:
    """Return how many pitches sound in both, and how many in either; padding does not count."""
    a, b = (written > 0) & (truth >= 0), truth > 0
    return int((a & b).sum()), int((a | b).sum())


def _share(counts: list[tuple[int, int]]) -> float:
    return sum(both for both, _ in counts) / max(1, sum(either for _, either in counts))


def _played(model: VRAE, store: Store, *, draws: int, limit: int, seed: int) -> Results:
    data = of_rolls(model, windows(model, store, limit))
    every = prior_latents(draws, model.config.z_size, seed)
    heat, tried = best_temperature(model, every[: few(draws)], data, seed=seed)
    drawn = of_rolls(model, model.play(every, WINDOW, heat, logistic(model, WINDOW, draws, seed)))
    z = every[:PLAYED]
    return {
        "samples": draws,
        "beside": "windows of its own, the training songs",
        "temperature": heat,
        "data": summary(data),
        "statistics": summary(drawn),
        "overlap": overlap(drawn, data),
        "temperatures": tried,
        "endurance": endurance(model, z, data, heat, seed=seed),
        "obedience": obedience(model, torch.cat([z, z.roll(1, 0)]), heat, seed=seed),
    }


@torch.no_grad()
def posteriors(
    model: VRAE, excerpts: Excerpts, rows: Rows
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mu and sigma (N, z_size), float64, of the excerpts `rows`."""
    found = [model.posterior(excerpts.read(some)) for some in np.array_split(rows, -(-len(rows) // CHUNK))]
    mu, sigma = (torch.cat(part).double().numpy() for part in zip(*found, strict=True))
    return mu, sigma
