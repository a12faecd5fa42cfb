"""The examination of a VRASH: its bound, what its latents carry, and what it invents beside its data."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import run
from training.collapse import active_units, collapsed
from training.data.draws import spread_rows
from training.data.notes import ELEMENTS
from training.data.store import Store
from training.evaluate import EvaluateError, interpolation
from training.loss import NATS_PER_BIT, SAMPLES
from training.statistics import overlap, summary
from training.subject import prior_latents
from training.temperatures import few, temperatures
from training.vrash.bound import bound, log_likelihood, nats_of_notes
from training.vrash.model import VRASH
from training.vrash.phrases import Phrases, phrases
from training.vrash.statistics import errors, pooled_entropy, statistics

LIMIT = 1000  # phrases of a source
DRAWS = 1000  # phrases drawn from the prior
BATCH = 128  # phrases at a time

Results = dict[str, Any]


@torch.no_grad()
def examine(
    model: VRASH,
    store: Store,
    split: str | None = "test",
    *,
    limit: int = LIMIT,
    samples: int = SAMPLES,
    draws: int = DRAWS,
    seed: int = 0,
) -> Results:
    """Return every figure of `model` on `split` of `store`, source by source and on "all" of them together.

    At most `limit` phrases a source, spread evenly; nats are a note's, micro-averaged; `samples` draws make
    the importance-sampled estimate; `draws` phrases from the prior stand beside the data, with its labels and
    its lengths, and fewer of them at every temperature tried. ConfigError: a store of another form;
    EvaluateError: no phrases.
    """
    model = model.eval()
    found = phrases(store, model.config)
    parts = {name: spread_rows(rows, limit) for name in store.sources if len(rows := found.of(split, [name]))}
    if not parts:
        raise EvaluateError(f"there is no phrase in split {split or 'all'}")
    torch.manual_seed(seed)
    facts = {"family": f"{model.config.family}-{model.config.cell}", "parameters": run.count(model)}
    results: Results = {"model": facts | {"weights": "float32", "identity": run.identity(model)}}
    results |= {"store": store.digest(), "split": split, "sources": {}, "temperature": 1.0}
    sums = []
    for name, rows in parts.items():
        sums.append(_sums(model, found, rows, samples))
        results["sources"][name] = {"of": len(found.of(split, [name])), **_figures(model, sums[-1])}
    together = {key: np.concatenate([part[key] for part in sums]) for key in sums[0]}
    results["all"] = _figures(model, together)
    if draws:
        results["prior"] = _invented(model, found, np.concatenate(list(parts.values())), draws, seed)
    return results


def _sums(model: VRASH, found: Phrases, rows: NDArray[np.int64], samples: int) -> dict[str, NDArray[Any]]:
    """Return of each phrase its notes, the nats of its elements, KL, likelihood, mu, and right elements.

    Those are "right" teacher-forced from the mean of q, and "again" as sampled from a draw of it.
    """
    sums: dict[str, list[Tensor]] = {}
    for some in np.array_split(rows, -(-len(rows) // BATCH)):
        notes = found.read(some)
        known = notes[..., 0] >= 0
        nats, divergence = bound(model, notes)
        mu = model.posterior(notes).mu
        logits = model.teacher_forced(mu, notes)
        right = [(logits[k].argmax(-1) == notes[..., k]) & known for k in range(len(ELEMENTS))]
        label = notes[:, 0, len(ELEMENTS) :]
        drawn = model.generate(model.posterior(notes).sample(), label, notes.shape[1])
        again = (drawn == notes)[..., : len(ELEMENTS)] & known.unsqueeze(-1)
        other = model.teacher_forced(mu.roll(len(mu) // 2, 0), notes)  # by z of another phrase, no neighbour
        at_mean = nats_of_notes(logits, notes).double().sum((1, 2))
        measured = {
            "notes": known.sum(1),
            "nats": nats.double().sum(1),
            "at_mean": at_mean,
            "worth": nats_of_notes(other, notes).double().sum((1, 2)) - at_mean,
            "kl": divergence.double() if model.encoder else torch.zeros(len(notes)),
            "likely": log_likelihood(model, notes, samples),
            "right": torch.stack(right, -1).sum(1),
            "again": again.sum(1),
            "mu": mu,
        }
        for key, value in measured.items():
            sums.setdefault(key, []).append(value)
    return {key: torch.cat(values).numpy() for key, values in sums.items()}


def _figures(model: VRASH, sums: dict[str, NDArray[Any]]) -> Results:
    count, mu = sums["notes"].sum(), sums["mu"]
    elements = sums["nats"].sum(0) / count
    cross_entropy, divergence = float(elements.sum()), float(sums["kl"].sum() / count)
    units, latent = active_units(mu), model.encoder is not None
    told, worth = float(sums["kl"].mean()), float(sums["worth"].mean())  # of a phrase
    return {
        "phrases": len(mu),
        "notes": int(count),
        "cross_entropy": cross_entropy,
        "at_mean": float(sums["at_mean"].sum() / count),  # the same given the mean of q: no noise
        "kl": divergence,
        "bound": cross_entropy + divergence,
        "importance_sampled": -float(sums["likely"].sum() / count),
        "kl_bits": told / NATS_PER_BIT,
        "worth_bits": worth / NATS_PER_BIT,  # of its own z against another phrase's
        "active_units": units if latent else 0,
        "z_size": mu.shape[1] if latent else 0,
        "collapsed": latent and collapsed(units, mu.shape[1], told, worth if len(mu) > 1 else None),
        "nats": {name: float(elements[k]) for k, name in enumerate(ELEMENTS)},
        "accuracy": {name: float(sums["right"][:, k].sum() / count) for k, name in enumerate(ELEMENTS)},
    } | (_latent(model, sums) if latent else {})


def _latent(model: VRASH, sums: dict[str, NDArray[Any]]) -> Results:
    """Return how well phrases are given back from their latents, and how even the way between two is."""
    untold = torch.full((1, 2), -1)

    def likeliest(z: Tensor) -> Tensor:
        return model.generate(z, untold.expand(len(z), 2), model.config.notes, 0.0)

    again = sums["again"].sum(0) / sums["notes"].sum()
    return {
        "sampled_accuracy": {name: float(again[k]) for k, name in enumerate(ELEMENTS)},
        "interpolation": interpolation(likeliest, torch.from_numpy(sums["mu"])),
    }


def _invented(model: VRASH, found: Phrases, rows: NDArray[np.int64], draws: int, seed: int) -> Results:
    def write(like: Tensor, temperature: float) -> NDArray[np.int64]:
        return invent(model, like, seed, temperature)

    told = "the split's phrases, with their labels and lengths"
    return {"samples": draws, "beside": told, **beside(write, found, rows, draws, seed)}


def beside(
    write: Callable[[Tensor, float], NDArray[np.int64]],
    found: Phrases,
    rows: NDArray[np.int64],
    draws: int,
    seed: int,
) -> Results:
    """Return statistics of `draws` phrases beside those of the phrases `rows`, also at every temperature.

    `write` gives phrases drawn from the prior that are as long as those it is given (N, T, 5), at a
    temperature: 1, and each one tried for fewer of them.
    """
    data = found.read(rows)
    like = found.read(np.resize(np.random.default_rng(seed).permutation(rows), draws))
    written = write(like, 1.0)
    own, true = statistics(written), statistics(data.numpy())
    some = like[: few(draws)]

    def play(temperature: float) -> dict[str, NDArray[np.float64]]:
        return statistics(write(some, temperature))

    return {
        "statistics": summary(own),
        "data": summary(true),
        "errors": {"model": errors(own), "data": errors(true)},
        "overlap": overlap(own, true),
        "pooled_entropy": {"model": pooled_entropy(written), "data": pooled_entropy(data.numpy())},
        "temperatures": temperatures(play, {"data": true}, len(some)),
    }


@torch.no_grad()
def invent(model: VRASH, like: Tensor, seed: int, temperature: float = 1.0) -> NDArray[np.int64]:
    """Return phrases drawn from the prior that have the labels and the lengths of `like` (N, T, 5)."""
    torch.manual_seed(seed)
    z = prior_latents(len(like), model.config.z_size, seed)
    drawn = [
        model.generate(latent, some[:, 0, len(ELEMENTS) :], some.shape[1], temperature)
        for latent, some in zip(z.split(BATCH), like.split(BATCH), strict=True)
    ]
    return np.asarray(torch.where(like[..., :1] < 0, like, torch.cat(drawn)).numpy())
