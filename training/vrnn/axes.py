"""Macro axes of a VRNN that plays rolls: directions away from what its prior expects, measured by ear.

At every step the latent is the prior's mean plus so many of its sigmas; `live` adds an axis to that. The
vector of an attribute is how far, in those sigmas, the posterior of frames that have much of it lies from
that of frames that have little (the quartile means of MusicVAE, section 5.5).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.manifest import Axis
from engine.pianoroll import LOWEST
from training.axes import (
    DIRECTIONS,
    POSITIONS,
    REACHES,
    SANE_SHARE,
    TOLD,
    Floats,
    Posteriors,
    attribute_vectors,
    correlation,
    principal_directions,
    told,
)
from training.latents import Latents, farthest
from training.vrnn.examine import BATCH, batches, latents
from training.vrnn.model import VRNN
from training.vrnn.playing import Noise, drawn_noise, turned
from training.vrnn.sequences import Rows
from training.vrnn.statistics import HARSH, statistics

# What an axis is named after, and the statistic of rolls that tells it.
HEARD = {"density": "pitches", "register": "register", "consonance": "consonant", "motion": "strikes"}
SPREAD = "surprise"  # the last component: how widely latents are drawn
SANE = ("pitches", "register", "range", "silent", "in key", "consonant")
BASES = 48  # sequences that every axis is tried on
STEPS = 48  # frames of each
SPREADS = (2.0, 1.5, 1.0, 0.5, 0.25)  # doublings, tried from the widest
FEWEST = 8  # frames of training data, to tell a quarter of them
DIGITS = 6  # of a vector's numbers


class AxesError(Exception):
    """Data on which nothing can be measured."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Sequences to try an axis on, drawn with the same noise, and the `ranges` of sane music."""

    model: VRNN
    noise: Noise
    ranges: Mapping[str, tuple[float, float]]  # of the data, 1st to 99th percentile

    def play(self, knobs: Floats) -> dict[str, Floats]:
        """Return the statistics (BASES,) of what is played with `knobs` (z_size + 1,) turned."""
        played = turned(self.model, self.noise, torch.from_numpy(knobs).float())
        return statistics(list(played.cpu().numpy().astype(np.uint8)))

    def sanity(self, values: Mapping[str, Floats]) -> float:
        """Return the share of sequences whose statistics all lie within the data's."""
        inside = [(values[name] >= low) & (values[name] <= high) for name, (low, high) in self.ranges.items()]
        return float(np.logical_and.reduce(inside).mean())


def measure(model: VRNN, sequences: Sequence[Rows], bases: int = BASES, seed: int = 0) -> Latents:
    """Return where the latents of training `sequences` lie in their priors, and axes, last that of spread.

    All in the prior's sigmas; every vector is one of them long. AxesError: fewer than FEWEST frames.
    """
    if sum(map(len, sequences)) < FEWEST:
        raise AxesError(f"there are fewer than {FEWEST} frames of training data to measure axes on")
    away, frames, pieces = departures(model, sequences, seed)
    stretches = [rows[first : first + STEPS] for rows in sequences for first in range(0, len(rows), STEPS)]
    data = statistics(stretches)
    ranges = {name: tuple(np.nanquantile(data[name], (0.01, 0.99)).tolist()) for name in SANE}
    trial = Trial(model, drawn_noise(model, bases, STEPS, seed), ranges)
    enough = SANE_SHARE * trial.sanity(trial.play(np.zeros(away.shape[1] + 1)))
    values = attributes(frames)
    names, named = attribute_vectors(Posteriors(away, np.zeros_like(away), values), list(values))
    found = [
        _axis(trial, name, np.append(u, 0.0), enough, REACHES) for name, u in zip(names, named, strict=True)
    ]
    axes = sorted((a for a in found if a and a.effect[a.name] >= TOLD), key=lambda a: -a.effect[a.name])
    free = principal_directions(away, named)[:DIRECTIONS] if len(away) > 1 else away[:0]
    others = [a for u in free if (a := _axis(trial, "direction", np.append(u, 0.0), enough, REACHES))]
    axes += [replace(axis, name=f"direction {number}") for number, axis in enumerate(others, 1)]
    last = _axis(trial, SPREAD, np.eye(away.shape[1] + 1)[-1], enough, SPREADS)
    std = (*away.std(0).tolist(), 1.0)
    all_axes = (*axes, *([last] if last else []))
    return Latents((*away.mean(0).tolist(), 0.0), std, all_axes, _anchors(pieces))


@torch.no_grad()
def departures(model: VRNN, sequences: Sequence[Rows], seed: int = 0) -> tuple[Floats, Rows, Floats]:
    """Return how far each frame's posterior mean lies from its prior's, in its sigmas, and the frames.

    And the mean of that over each sequence, (sequences, z_size).
    """
    away, frames, pieces = [], [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for rows in batches(sequences, BATCH):
            packed = model.pack(rows.to(model.mean.device))
            seen = latents(model, rows.to(model.mean.device))
            apart = ((seen.mu - seen.prior_mu) / seen.prior_sigma).double()
            lengths = packed.there.sum(1, keepdim=True)
            away.append(apart.cpu().numpy())
            pieces.append((packed.back(apart).sum(1) / lengths).cpu().numpy())
            frames.append(packed.x.cpu().numpy() > 0)
    return np.concatenate(away), np.concatenate(frames), np.concatenate(pieces)


def _anchors(pieces: Floats) -> tuple[tuple[float, ...], ...]:
    """Return what the prior expects, then pieces' own leanings, each the farthest from those before it."""
    points = np.concatenate([np.zeros((1, pieces.shape[1])), pieces])
    return tuple((*np.round(points[index], DIGITS).tolist(), 0.0) for index in farthest(points, 0))


def attributes(frames: Rows) -> dict[str, Floats]:
    """Return density, register and consonance of single `frames` (N, 88), NaN where nothing tells it."""
    keys = np.arange(frames.shape[1])
    harsh = np.isin((keys[:, None] - keys) % 12, HARSH)
    count = frames.sum(1).astype(np.float64)
    sounding = frames.astype(np.float32)
    pairs = count * (count - 1) / 2
    clashes = ((sounding @ harsh.astype(np.float32)) * sounding).sum(1) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "density": count,
            "register": np.where(count > 0, frames @ (keys + LOWEST) / count, np.nan),
            "consonance": np.where(pairs > 0, 1 - clashes / pairs, np.nan),
        }


def _axis(trial: Trial, name: str, vector: Floats, enough: float, reaches: Sequence[float]) -> Axis | None:
    """Return the axis along `vector`, as far as the share of sane music is `enough`; None if nowhere."""
    ends = []
    for sign in (-1.0, 1.0):
        sane = ((reach, trial.sanity(trial.play(sign * reach * vector))) for reach in reaches)
        ends.append(next((reach for reach, share in sane if share >= enough and share > 0), 0.0))
    if not all(ends):
        return None
    played = [trial.play(knob * ends[int(knob > 0)] * vector) for knob in POSITIONS]
    effect = {key: correlation(np.stack([at[of] for at in played])) for key, of in HEARD.items()}
    if effect.get(name, 0.0) < 0:  # a knob named after an attribute gives more of it to the right
        vector, ends, effect = -vector, ends[::-1], {key: -value for key, value in effect.items()}
    effect, description = told(name, effect)
    return Axis(name, tuple(np.round(vector, DIGITS).tolist()), -ends[0], ends[1], description, effect)
