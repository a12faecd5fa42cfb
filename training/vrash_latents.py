"""What a VRASH's model file says of latent space: its axes and its pace, and latents to start from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.axes import BASES, Floats, Music, Posteriors, Trial, along, measure_axes
from training.draws import spread_rows
from training.exported_vrash import PACE_UNIT, PACES, STEPS
from training.latents import ANCHORS, CANDIDATES, FEWEST, WINDOWS, Latents, LatentsError, anchors
from training.notes import ELEMENTS, SIZES
from training.phrase_statistics import statistics
from training.phrases import phrases
from training.store import Store
from training.vrash import VRASH

NOTES = 32  # that a trial plays
BATCH = 256  # phrases that are encoded at a time
# What axes are named after and said to do, and the statistic that it is.
HEARD = {
    "density": "density",
    "register": "register",
    "intervals": "intervals",
    "rhythm": "rhythm entropy",
    "repetition": "repeated notes",
    "motifs": "repeated motifs",
}
SANE = ("density", "register", "range", "in key", "pitch entropy", "repeated notes")
PACE_ENDS = [2.0, 2.0]  # paces from the middle to either end of the knob
UNTOLD = (-1, -1)


@dataclass(frozen=True, slots=True)
class Tune:
    """Plays latents with their pace, always with the same noise and under one label."""

    model: VRASH
    label: tuple[int, int]
    noise: tuple[Tensor, ...]  # (bases, NOTES, size) an element
    ranges: Mapping[str, tuple[float, float]]  # of the data, 1st to 99th percentile

    def play(self, moved: Tensor) -> Music:
        """Return the music (bases, NOTES, 4) of latents with their pace (bases, z_size + 1).

        Its columns are the three elements of a note, and the steps of its track's median pause.
        """
        labels = torch.tensor(self.label).expand(len(moved), 2)
        notes = self.model.generate(moved[:, :-1], labels, NOTES, 1.0, list(self.noise))[..., : len(ELEMENTS)]
        index = (moved[:, -1] / PACE_UNIT).round().long() + len(PACES) // 2
        pace = torch.tensor(PACES)[index.clamp(0, len(PACES) - 1)]
        return np.asarray(torch.cat([notes, pace[:, None, None].expand(-1, NOTES, 1)], -1).numpy())

    def sane(self, music: Music) -> NDArray[np.bool_]:
        """Return which of `music` has statistics within the data's, whatever its pace."""
        values = statistics(music)
        inside = [(values[name] >= low) & (values[name] <= high) for name, (low, high) in self.ranges.items()]
        return np.asarray(np.logical_and.reduce(inside), bool)

    def values(self, music: Music) -> dict[str, Floats]:
        """Return the attributes HEARD of `music`; its density is notes a bar."""
        values = statistics(music)
        values["density"] = values["density"] * STEPS / music[:, 0, -1]
        return {name: values[key] for name, key in HEARD.items()}


@torch.no_grad()
def measure(
    model: VRASH,
    store: Store,
    *,
    label: tuple[int, int] = UNTOLD,
    limit: int = WINDOWS,
    bases: int = BASES,
    seed: int = 0,
) -> Latents:
    """Return the latents of `model` with their pace as measured on the training phrases of `store`.

    At most `limit` are heard, and all music is played, under `label`. The first axis is the pace; then come
    those of attributes, then principal directions. LatentsError: fewer than FEWEST phrases, or no latent.
    """
    if model.encoder is None:
        raise LatentsError("a language model has no latents to measure")
    found = phrases(store, model.config)
    rows = found.of("train")
    if len(rows) < FEWEST:
        many = f"{len(rows)} phrase{'s' * (len(rows) != 1)}"
        raise LatentsError(f"the store's train split has {many}; to measure axes takes {FEWEST} at least")
    notes = found.read(spread_rows(rows, limit))
    notes[..., len(ELEMENTS) :] = torch.tensor(label)
    posterior = [model.posterior(some) for some in notes.split(BATCH)]
    mu, sigma = (torch.cat(part).double().numpy() for part in zip(*posterior, strict=True))
    tried = _trial(model, notes, _draws(mu, sigma, bases, seed), label, seed)
    pace = np.append(np.zeros(mu.shape[1]), PACE_UNIT)
    axes = [along(tried, "pace", pace, PACE_ENDS)[0]]
    own = statistics(notes.numpy())
    data = Posteriors(_with_pace(mu), _with_pace(sigma), {name: own[key] for name, key in HEARD.items()})
    axes += measure_axes(tried, data, tuple(HEARD))
    deviation = np.append(np.sqrt(mu.var(0) + (sigma**2).mean(0)), PACE_UNIT)
    starts = _anchors(model, label, mu, sigma, own, seed)
    return Latents(tuple(_with_pace(mu).mean(0).tolist()), tuple(deviation.tolist()), tuple(axes), starts)


def of_prior(z_size: int) -> Latents:
    """Return the prior's own statistics with the middle pace, no axes and its first draws as anchors."""
    draws = np.random.default_rng(0).standard_normal((ANCHORS, z_size))
    starts = tuple(tuple(row) for row in _with_pace(draws).tolist())
    return Latents((0.0,) * (z_size + 1), (1.0,) * z_size + (PACE_UNIT,), (), starts)


def _with_pace(rows: Floats) -> Floats:
    """Return `rows` (N, z_size) with the middle pace, (N, z_size + 1)."""
    return np.pad(rows, ((0, 0), (0, 1)))


def _trial(model: VRASH, notes: Tensor, z: Tensor, label: tuple[int, int], seed: int) -> Trial:
    generator = torch.Generator().manual_seed(seed)
    noise = tuple(-torch.empty(len(z), NOTES, size).exponential_(generator=generator).log() for size in SIZES)
    data = statistics(notes[:, :NOTES].numpy())
    ranges = {name: tuple(np.nanquantile(data[name], (0.01, 0.99)).tolist()) for name in SANE}
    tune = Tune(model, label, noise, ranges)
    return Trial(z, tune.play, tune.values, tune.sane)


def _draws(mu: Floats, sigma: Floats, count: int, seed: int) -> Tensor:
    """Return draws (N, z_size + 1) of `count` posteriors at most, spread evenly, at the middle pace."""
    rows = spread_rows(np.arange(len(mu)), count)
    wander = np.random.default_rng(seed).standard_normal((len(rows), mu.shape[1]))
    return torch.from_numpy(_with_pace(mu[rows] + sigma[rows] * wander)).float()


def _anchors(  # noqa: PLR0917  # what they are chosen by
    model: VRASH,
    label: tuple[int, int],
    mu: Floats,
    sigma: Floats,
    data: Mapping[str, Floats],
    seed: int,
) -> tuple[tuple[float, ...], ...]:
    z = _draws(mu, sigma, CANDIDATES, seed)
    labels = torch.tensor(label).expand(len(z), 2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        played = statistics(model.generate(z[:, :-1], labels, model.config.notes).numpy())
    return anchors(z, played, data)
