"""Macro axes: directions in latent space that are heard, each with its range and its measured effect.

Whatever the system: it says how its latents are played, which attributes its music has, and what is sane.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.manifest import Axis

Floats = NDArray[np.float64]
Music = NDArray[Any]  # (B, ...)
Attributes = dict[str, Floats]  # (B,) each, NaN where an item has nothing to measure

DIRECTIONS = 4  # principal directions kept, of twice as many tried
BASES = 64  # latents that every axis is tried on
POSITIONS = np.linspace(-1.0, 1.0, 7)  # of the knob
REACHES = (8.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)  # standard deviations, tried from the widest
SANE_SHARE = 0.9  # of the items that are sane without the axis must stay so at the end of its range
TOLD = 0.15  # the weakest correlation that a description names, and that an axis may have with its own name
TOLD_MOST = 3  # attributes that a description names


@dataclass(frozen=True, slots=True)
class Trial:
    """Latents to try an axis on, and what is heard of them.

    `play` turns latents (bases, z_size) into music with the same noise every time; `values` measures the
    attributes of music, and `sane` tells which of it lies within what the data has, (B,).
    """

    z: Tensor  # (bases, z_size)
    play: Callable[[Tensor], Music]
    values: Callable[[Music], Attributes]
    sane: Callable[[Music], NDArray[np.bool_]]

    @torch.inference_mode()
    def moved(self, offset: Floats) -> Music:
        """Return the music of the latents moved by `offset` (z_size,)."""
        return self.play(self.z + torch.from_numpy(offset).float())

    def sanity(self, offset: Floats) -> float:
        """Return the share of the moved latents whose music is sane."""
        return float(self.sane(self.moved(offset)).mean())


@dataclass(frozen=True, slots=True)
class Posteriors:
    """The posteriors of some training data, and their attributes."""

    mu: Floats  # (N, z_size)
    sigma: Floats
    values: Attributes  # (N,) each


def bases(mu: Floats, sigma: Floats, count: int = BASES, seed: int = 0) -> Tensor:
    """Return draws (count, z_size) from `count` of the posteriors `mu`, `sigma` (N, z_size)."""
    generator = torch.Generator().manual_seed(seed)
    rows = np.linspace(0, len(mu) - 1, count).astype(int)
    centre, spread = torch.from_numpy(mu[rows]).float(), torch.from_numpy(sigma[rows]).float()
    return centre + spread * torch.randn(centre.shape, generator=generator)


def measure_axes(trial: Trial, data: Posteriors, names: Sequence[str]) -> tuple[Axis, ...]:
    """Return the axes of a model: attribute vectors (MusicVAE section 5.5), then principal directions.

    `names` are the attributes that may give an axis. All axes are orthogonal; each vector is one standard
    deviation of the aggregated posterior long. Named axes come in the order of how well they do what they
    say, directions in that of how much they change; left out are those that do not do what they say, and
    those that leave sane music at once.
    """
    enough = SANE_SHARE * trial.sanity(np.zeros(data.mu.shape[1]))
    found, named = attribute_vectors(data, names)
    free = principal_directions(data.mu, named)[: 2 * DIRECTIONS]
    tried = [_axis(trial, name, _scaled(u, data), enough) for name, u in zip(found, named, strict=True)]
    axes = [kept[0] for kept in tried if kept and kept[0].effect[kept[0].name] >= TOLD]
    others = [kept for u in free if (kept := _axis(trial, "direction", _scaled(u, data), enough))]
    others.sort(key=lambda pair: -pair[1])
    directions = [
        replace(axis, name=f"direction {number}") for number, (axis, _) in enumerate(others[:DIRECTIONS], 1)
    ]
    return (*sorted(axes, key=lambda axis: -axis.effect[axis.name]), *directions)


def quartile_vector(mu: Floats, values: Floats) -> Floats | None:
    """Return the mean of `mu` (N, z_size) over the top quarter by `values` (N,) minus the bottom quarter's.

    What has no value, NaN, is left out; None if nothing varies. Roberts et al. 2018, section 5.5.
    """
    known = np.flatnonzero(np.isfinite(values))
    ranked = known[np.argsort(values[known], kind="stable")]
    quarter = len(ranked) // 4
    if quarter == 0 or values[ranked[0]] == values[ranked[-1]]:
        return None
    difference: Floats = mu[ranked[-quarter:]].mean(0) - mu[ranked[:quarter]].mean(0)
    return difference


def attribute_vectors(data: Posteriors, names: Sequence[str]) -> tuple[tuple[str, ...], Floats]:
    """Return those of `names` that vary in `data`, and their orthonormal vectors (axes, z_size).

    Together they are made orthogonal in the way that moves each of them least (Loewdin).
    """
    found, vectors = [], []
    for name in names:
        if (values := data.values.get(name)) is None:
            continue
        if (vector := quartile_vector(data.mu, values)) is not None:
            found.append(name)
            vectors.append(vector / np.linalg.norm(vector))
    if not found:
        return (), np.zeros((0, data.mu.shape[1]))
    left, _, right = np.linalg.svd(np.stack(vectors), full_matrices=False)
    return tuple(found), left @ right


def principal_directions(mu: Floats, apart: Floats) -> Floats:
    """Return unit vectors, widest first, along which `mu` varies once the rows of `apart` are taken out."""
    centred = mu - mu.mean(0)
    centred = centred - (centred @ apart.T) @ apart
    _, vectors = np.linalg.eigh(np.cov(centred.T))
    return np.asarray(vectors.T[::-1][: mu.shape[1] - len(apart)])


def _axis(trial: Trial, name: str, vector: Floats, enough: float) -> tuple[Axis, float] | None:
    """Return the axis along `vector`, and the share of its music that differs between its ends.

    It reaches as far as the share of sane music is `enough`; None if it has no such reach to the left or to
    the right, or nothing is sane at all.
    """
    ends = []
    for sign in (-1.0, 1.0):
        sane = ((r, trial.sanity(sign * r * vector)) for r in REACHES)
        reach = next((r for r, share in sane if share >= enough and share > 0), None)
        if reach is None:
            return None
        ends.append(reach)
    return along(trial, name, vector, ends)


def along(trial: Trial, name: str, vector: Floats, ends: Sequence[float]) -> tuple[Axis, float]:
    """Return the axis `name` from `ends[0]` times minus `vector` to `ends[1]` times it, as it is heard.

    And the share of its music that differs between its ends.
    """
    played = [trial.moved(knob * ends[int(knob > 0)] * vector) for knob in POSITIONS]
    values = [trial.values(music) for music in played]
    effect = {key: correlation(np.stack([at[key] for at in values])) for key in values[0]}
    if effect.get(name, 0.0) < 0:  # a knob named after an attribute gives more of it to the right
        vector, ends, effect = -vector, ends[::-1], {key: -value for key, value in effect.items()}
    effect, description = told(name, effect)
    axis = Axis(name, tuple(vector.tolist()), -ends[0], ends[1], description, effect)
    return axis, float((played[0] != played[-1]).mean())


def told(name: str, effect: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Return `effect` and its description: the attribute that the axis is named after, then the strongest."""
    order = sorted(effect, key=lambda key: (key != name, -abs(effect[key])))
    most = [f"{key} {effect[key]:+.1f}" for key in order if key == name or abs(effect[key]) >= TOLD]
    description = ", ".join(most[:TOLD_MOST]) or "colour: no attribute follows it"
    return {key: effect[key] for key in order}, description


def correlation(values: Floats) -> float:
    """Return the correlation of the knob with an attribute (positions, bases) around each base's mean."""
    knob = np.broadcast_to(POSITIONS[:, None], values.shape)
    whole = np.isfinite(values).all(0)  # bases that have the attribute at every position
    change = (values - values.mean(0))[:, whole]
    if not whole.any() or change.std() == 0:
        return 0.0
    return round(float(np.corrcoef(knob[:, whole].ravel(), change.ravel())[0, 1]), 3)


def _scaled(unit: Floats, data: Posteriors) -> Floats:
    """Return `unit` as long as one standard deviation of the aggregated posterior along it."""
    variance = np.var(data.mu @ unit) + np.mean(data.sigma**2 @ unit**2)
    return np.asarray(unit * np.sqrt(variance))
