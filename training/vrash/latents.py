"""What a VRASH's model file says of latent space: its axes and its pace, and latents to start from."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.manifest import Axis
from training.axes import BASES, Floats, Music, Posteriors, Trial, along, bases, measure_axes
from training.data.draws import spread_rows
from training.data.notes import ELEMENTS, SIZES
from training.data.store import Store
from training.latents import ANCHORS, CANDIDATES, FEWEST, WINDOWS, Latents, LatentsError, anchors
from training.vrash.exported import PACE_UNIT, PACES, STEPS
from training.vrash.model import VRASH
from training.vrash.phrases import phrases
from training.vrash.playing import UNTOLD
from training.vrash.statistics import statistics

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
PACE = PACES[len(PACES) // 2]  # where no knob has moved it
PACE_ENDS = (2.0, 2.0)  # paces from there to either end of the knob


@torch.no_grad()
def measure(
    model: VRASH,
    store: Store,
    *,
    label: tuple[int, int] = UNTOLD,
    limit: int = WINDOWS,
    count: int = BASES,
    seed: int = 0,
) -> Latents:
    """Return the latents of `model` with their pace as measured on the training phrases of `store`.

    At most `limit` are heard, and all music is played, under `label`; axes are tried on `count` of them. The
    first axis is the pace; then come those of attributes, then principal directions. LatentsError: fewer than
    FEWEST phrases, or no latent.
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
    tried = trial(model, notes, bases(mu, sigma, count, seed), label, seed)
    axes = measure_axes(tried, Posteriors(mu, sigma, heard(notes.numpy(), PACE)), tuple(HEARD))
    wide = [replace(axis, vector=(*axis.vector, 0.0)) for axis in axes]
    deviation = np.append(np.sqrt(mu.var(0) + (sigma**2).mean(0)), PACE_UNIT)
    candidates = bases(mu, sigma, min(CANDIDATES, len(mu)), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        told = torch.tensor(label).expand(len(candidates), 2)
        played = statistics(model.generate(candidates, told, model.config.notes).numpy())
    starts = anchors(candidates, played, statistics(notes.numpy()))
    return Latents(
        (*mu.mean(0).tolist(), 0.0),
        tuple(deviation.tolist()),
        (pace_axis(tried), *wide),
        tuple((*start, 0.0) for start in starts),
    )


def of_prior(z_size: int) -> Latents:
    """Return the prior's own statistics with the middle pace, no axes and its first draws as anchors."""
    draws = np.random.default_rng(0).standard_normal((ANCHORS, z_size))
    starts = tuple((*row, 0.0) for row in draws.tolist())
    return Latents((0.0,) * (z_size + 1), (1.0,) * z_size + (PACE_UNIT,), (), starts)


def trial(model: VRASH, notes: Tensor, z: Tensor, label: tuple[int, int] = UNTOLD, seed: int = 0) -> Trial:
    """Return what an axis of `model` is tried on: latents `z` (bases, z_size), played with the same noise.

    Sane is what lies between the first and the last percentile of the statistics of `notes` (N, T, 5).
    """
    generator = torch.Generator().manual_seed(seed)
    noise = [-torch.empty(len(z), NOTES, size).exponential_(generator=generator).log() for size in SIZES]
    data = statistics(notes[:, :NOTES].numpy())
    ranges = {name: np.nanquantile(data[name], (0.01, 0.99)) for name in SANE}

    def play(moved: Tensor) -> Music:
        labels = torch.tensor(label).expand(len(moved), 2)
        return np.asarray(model.generate(moved, labels, NOTES, 1.0, noise).numpy())

    def sane(played: Music) -> NDArray[np.bool_]:
        values = statistics(played)
        inside = [(values[name] >= low) & (values[name] <= high) for name, (low, high) in ranges.items()]
        return np.asarray(np.logical_and.reduce(inside), bool)

    return Trial(z, play, lambda played: heard(played, PACE), sane)


def heard(notes: Music, pace: int | NDArray[np.int64]) -> dict[str, Floats]:
    """Return the attributes HEARD of `notes` (B, T, 3 or more), its density in notes a bar.

    `pace` is how many steps a median pause lasts, of all or of each (B,).
    """
    values: Mapping[str, Floats] = statistics(notes)
    found = {name: values[key] for name, key in HEARD.items()}
    return found | {"density": found["density"] * STEPS / pace}


def pace_axis(tried: Trial) -> Axis:
    """Return the axis of the last component, which changes how fast the music of `tried` goes by."""

    def play(moved: Tensor) -> Music:
        index = (moved[:, -1] / PACE_UNIT).round().long() + len(PACES) // 2
        pace = torch.tensor(PACES)[index.clamp(0, len(PACES) - 1)].numpy()
        notes = tried.play(moved[:, :-1])
        return np.concatenate([notes, np.broadcast_to(pace[:, None, None], (*notes.shape[:2], 1))], -1)

    z = torch.cat([tried.z, torch.zeros(len(tried.z), 1)], 1)
    paced = Trial(z, play, lambda played: heard(played, played[:, 0, -1]), tried.sane)
    vector = np.append(np.zeros(tried.z.shape[1]), PACE_UNIT)
    return along(paced, "pace", vector, PACE_ENDS)[0]
