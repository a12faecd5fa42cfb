"""Macro axes: directions in latent space that are heard, each with its range and its measured effect."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.manifest import Axis
from training.musicvae import MusicVAE
from training.statistics import attributes, statistics

Floats = NDArray[np.float64]

# What an axis is named after, and the attributes whose sum it is.
HEARD = {
    "density": ("melody density",),
    "register": ("melody register",),
    "bass density": ("bass density",),
    "drum density": ("drum density",),
    "syncopation": ("16th syncopation", "8th syncopation"),
    "intervals": ("average interval",),
    "diatonic": ("C diatonic",),
}
NAMED = tuple(name for name in HEARD if name != "diatonic")  # a key is not for a knob: no order from C to G
DIRECTIONS = 4  # principal directions kept, of twice as many tried
BASES = 64  # latents that every axis is tried on
BARS = 4  # decoded from each
POSITIONS = np.linspace(-1.0, 1.0, 7)  # of the knob
REACHES = (8.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0)  # standard deviations, tried from the widest
SANE = (
    "melody notes",
    "bass notes",
    "drum hits",
    "in key",
    "polyphony",
    "melody range",
    "silent melody bars",
)
SANE_SHARE = 0.9  # of the windows that are sane without the axis must stay so at the end of its range
TOLD = 0.15  # the weakest correlation that a description names, and that an axis may have with its own name
TOLD_MOST = 3  # attributes that a description names


class Trial(Protocol):
    """Latents to try an axis on, all decoded with the same noise, and what is heard then."""

    def decode(self, offsets: Floats) -> NDArray[Any]:
        """Return the music (K, bases, ...) of the latents moved by `offsets` (K, z_size)."""

    def sanity(self, music: NDArray[Any]) -> float:
        """Return the share of `music` (bases, ...) whose statistics all lie within the data's."""

    def heard(self, music: NDArray[Any]) -> Mapping[str, Floats]:
        """Return the attributes, (bases,) each, of `music` (bases, ...)."""


@dataclass(frozen=True, slots=True)
class WindowTrial:
    """The trial of a MusicVAE; `ranges` are those of sane music."""

    model: MusicVAE
    z: Tensor  # (bases, z_size)
    noise: tuple[Tensor, ...]  # (bases * BARS, steps, vocabulary) a voice
    ranges: Mapping[str, tuple[float, float]]  # of the data, 1st to 99th percentile

    @torch.inference_mode()
    def decode(self, offsets: Floats) -> NDArray[np.int64]:
        """Return tokens (K, bases, BARS, steps, voices) of the latents moved by `offsets` (K, z_size)."""
        moved = self.z + torch.from_numpy(offsets).float().unsqueeze(1)  # (K, bases, z_size)
        codes = self.model.contexts(moved.flatten(0, 1))[:, :BARS]
        noise = [block.repeat(len(offsets), 1, 1) for block in self.noise]
        tokens = self.model.sample(codes.flatten(0, 1), self.model.config.steps_per_bar, 1.0, noise)
        return np.asarray(tokens.unflatten(0, (len(offsets), len(self.z), -1)).numpy())

    def sanity(self, windows: NDArray[np.int64]) -> float:
        """Return the share of `windows` whose statistics all lie within the data's."""
        values = statistics(windows)
        inside = [(values[name] >= low) & (values[name] <= high) for name, (low, high) in self.ranges.items()]
        return float(np.logical_and.reduce(inside).mean())

    def heard(self, windows: NDArray[np.int64]) -> dict[str, Floats]:
        """Return the attributes of `windows`."""
        return heard(windows)


def measure_axes(
    model: MusicVAE,
    windows: NDArray[np.int64],
    mu: Floats,
    sigma: Floats,
    *,
    bases: int = BASES,
    seed: int = 0,
) -> tuple[Axis, ...]:
    """Return the axes of `model`: attribute vectors (MusicVAE section 5.5), then principal directions.

    `windows` (N, bars, steps, voices) of training data have the posteriors `mu`, `sigma` (N, z_size); draws
    from `bases` of them, spread evenly, are what every axis is tried on. All
    axes are orthogonal; each vector is one standard deviation of the aggregated posterior long. Named axes
    come in the order of how well they do what they say, directions in that of how much they change; left out
    are those that do not do what they say, and those that leave sane music at once.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = np.linspace(0, len(mu) - 1, bases).astype(int)
    centre, spread = torch.from_numpy(mu[rows]).float(), torch.from_numpy(sigma[rows]).float()
    z = centre + spread * torch.randn(centre.shape, generator=generator)
    trial = _trial(model, windows, z, generator)
    enough = SANE_SHARE * trial.sanity(trial.decode(np.zeros((1, mu.shape[1])))[0])
    names, named = attribute_vectors(windows, mu)
    free = principal_directions(mu, named)[: 2 * DIRECTIONS]
    return chosen(trial, dict(zip(names, named, strict=True)), free, (mu, sigma), enough)


def chosen(
    trial: Trial, named: Mapping[str, Floats], free: Floats, posterior: tuple[Floats, Floats], enough: float
) -> tuple[Axis, ...]:
    """Return the axes along the unit vectors `named` that do what they say, then the best along `free`.

    `posterior` is mu and sigma (N, z_size) of the data; `enough` is the share of sane music that an axis
    must leave at its ends.
    """
    tried = [axis(trial, name, scaled(u, *posterior), enough) for name, u in named.items()]
    axes = [found[0] for found in tried if found and found[0].effect[found[0].name] >= TOLD]
    others = [found for u in free if (found := axis(trial, "direction", scaled(u, *posterior), enough))]
    others.sort(key=lambda pair: -pair[1])
    directions = [
        replace(found, name=f"direction {number}") for number, (found, _) in enumerate(others[:DIRECTIONS], 1)
    ]
    return (*sorted(axes, key=lambda axis: -axis.effect[axis.name]), *directions)


def heard(windows: NDArray[np.int64]) -> dict[str, Floats]:
    """Return the attributes of HEARD, (B,) each, of `windows` (B, bars, steps, voices)."""
    values = attributes(windows)
    return {name: np.sum([values[part] for part in parts], axis=0) for name, parts in HEARD.items()}


def attribute_vectors(windows: NDArray[np.int64], mu: Floats) -> tuple[tuple[str, ...], Floats]:
    """Return the names and orthonormal vectors (axes, z_size) of the attributes that vary in `windows`.

    A vector is the mean latent of the top quarter by that attribute minus that of the bottom quarter
    (section 5.5); together they are made orthogonal in the way that moves each of them least (Loewdin).
    """
    return contrasts({name: values for name, values in heard(windows).items() if name in NAMED}, mu)


def contrasts(attributes: Mapping[str, Floats], mu: Floats) -> tuple[tuple[str, ...], Floats]:
    """Return the names and orthonormal vectors of those `attributes` (N,) that vary over `mu` (N, z_size)."""
    names, vectors = [], []
    for name, values in attributes.items():
        known = np.flatnonzero(np.isfinite(values))
        ranked = known[np.argsort(values[known], kind="stable")]
        quarter = len(ranked) // 4
        if quarter == 0 or values[ranked[0]] == values[ranked[-1]]:
            continue
        vector = mu[ranked[-quarter:]].mean(0) - mu[ranked[:quarter]].mean(0)
        names.append(name)
        vectors.append(vector / np.linalg.norm(vector))
    if not names:
        return (), np.zeros((0, mu.shape[1]))
    left, _, right = np.linalg.svd(np.stack(vectors), full_matrices=False)
    return tuple(names), left @ right


def principal_directions(mu: Floats, apart: Floats) -> Floats:
    """Return unit vectors, widest first, along which `mu` varies once the rows of `apart` are taken out."""
    centred = mu - mu.mean(0)
    centred = centred - (centred @ apart.T) @ apart
    _, vectors = np.linalg.eigh(np.cov(centred.T))
    return np.asarray(vectors.T[::-1][: mu.shape[1] - len(apart)])


def _trial(model: MusicVAE, windows: NDArray[np.int64], z: Tensor, generator: torch.Generator) -> WindowTrial:
    shape = len(z) * BARS, model.config.steps_per_bar
    noise = tuple(
        -torch.empty((*shape, vocabulary)).exponential_(generator=generator).log()
        for vocabulary in model.config.vocabularies
    )
    data = statistics(windows[:, :BARS])
    ranges = {name: (quantile(data[name], 0.01), quantile(data[name], 0.99)) for name in SANE}
    return WindowTrial(model, z, noise, ranges)


def axis(trial: Trial, name: str, vector: Floats, enough: float) -> tuple[Axis, float] | None:
    """Return the axis along `vector`, and the share of tokens that differ between its ends.

    It reaches as far as the share of sane windows is `enough`; None if it has no such reach to the left or to
    the right, or nothing is sane at all.
    """
    ends = []
    for sign in (-1.0, 1.0):
        sane = ((r, trial.sanity(trial.decode(sign * r * vector[None])[0])) for r in REACHES)
        reach = next((r for r, share in sane if share >= enough and share > 0), None)
        if reach is None:
            return None
        ends.append(reach)
    return along(trial, name, vector, ends)


def along(trial: Trial, name: str, vector: Floats, ends: list[float]) -> tuple[Axis, float]:
    """Return the axis that goes `ends` times `vector` to the left and to the right, and what it changes."""
    played = trial.decode(np.stack([knob * ends[int(knob > 0)] * vector for knob in POSITIONS]))
    values = [trial.heard(music) for music in played]
    effect = {key: _correlation(np.stack([at[key] for at in values])) for key in values[0]}
    if effect.get(name, 0.0) < 0:  # a knob named after an attribute gives more of it to the right
        vector, ends, effect = -vector, ends[::-1], {key: -value for key, value in effect.items()}
    effect, description = _told(name, effect)
    found = Axis(name, tuple(vector.tolist()), -ends[0], ends[1], description, effect)
    return found, float((played[0] != played[-1]).mean())


def _told(name: str, effect: Mapping[str, float]) -> tuple[dict[str, float], str]:
    """Return `effect` and its description: the attribute that the axis is named after, then the strongest."""
    order = sorted(effect, key=lambda key: (key != name, -abs(effect[key])))
    told = [f"{key} {effect[key]:+.1f}" for key in order if key == name or abs(effect[key]) >= TOLD]
    description = ", ".join(told[:TOLD_MOST]) or "colour: no attribute follows it"
    return {key: effect[key] for key in order}, description


def _correlation(values: Floats) -> float:
    """Return the correlation of the knob with an attribute (positions, bases) around each base's mean."""
    knob = np.broadcast_to(POSITIONS[:, None], values.shape)
    whole = np.isfinite(values).all(0)  # bases that have the attribute at every position
    change = (values - values.mean(0))[:, whole]
    if not whole.any() or change.std() == 0:
        return 0.0
    return round(float(np.corrcoef(knob[:, whole].ravel(), change.ravel())[0, 1]), 3)


def scaled(unit: Floats, mu: Floats, sigma: Floats) -> Floats:
    """Return `unit` as long as one standard deviation of the aggregated posterior along it."""
    variance = np.var(mu @ unit) + np.mean(sigma**2 @ unit**2)
    return np.asarray(unit * np.sqrt(variance))


def quantile(values: Floats, share: float) -> float:
    finite = values[np.isfinite(values)]
    return float(np.quantile(finite, share)) if len(finite) else 0.0
