"""What is heard of a MusicVAE's latents: the attributes that its knobs are named after, and what is sane."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.manifest import Axis
from training.axes import BASES, Attributes, Floats, Posteriors, Trial, bases, measure_axes
from training.data.songs import VOICES
from training.data.view import widened
from training.musicvae.model import MusicVAE
from training.statistics import attributes, statistics

Tokens = NDArray[np.int64]

# What an axis is named after: the voice it is heard in, and the attributes whose sum it is.
Table = Mapping[str, tuple[str, tuple[str, ...]]]
HEARD: Table = {
    "density": ("melody", ("melody density",)),
    "register": ("melody", ("melody register",)),
    "bass density": ("bass", ("bass density",)),
    "drum density": ("drums", ("drum density",)),
    "syncopation": ("melody", ("16th syncopation", "8th syncopation")),
    "intervals": ("melody", ("average interval",)),
    "diatonic": ("melody", ("C diatonic",)),
}
DRUMMED: Table = {
    "density": ("drums", ("drum density",)),
    "kick": ("drums", ("kick drum density",)),
    "snare": ("drums", ("snare drum density",)),
    "hats": ("drums", ("hat drum density",)),
    "toms": ("drums", ("tom drum density",)),
    "cymbals": ("drums", ("cymbal drum density",)),
    "syncopation": ("drums", ("drum syncopation",)),
}
KEY = "diatonic"  # not for a knob: no order from C to G
BARS = 4  # that are decoded from each latent of a model whose bars stand alone
SANE = (
    *("melody notes", "bass notes", "drum hits", "in key", "polyphony", "melody range"),
    "silent melody bars",
)


def heard(windows: Tokens, voices: Sequence[str] = VOICES) -> Attributes:
    """Return the attributes, (B,) each, of `windows` (B, bars, steps, voices)."""
    values = attributes(wide(windows, voices))
    table = DRUMMED if tuple(voices) == ("drums",) else HEARD
    return {
        name: np.sum([values[part] for part in parts], axis=0)
        for name, (voice, parts) in table.items()
        if voice in voices
    }


def axes(
    model: MusicVAE, windows: Tokens, mu: Floats, sigma: Floats, *, count: int = BASES, seed: int = 0
) -> tuple[Axis, ...]:
    """Return the macro axes of `model`, tried on `count` latents.

    `windows` (N, bars, steps, voices) of training data have the posteriors `mu`, `sigma` (N, z_size).
    """
    data = Posteriors(mu, sigma, heard(windows, model.config.voices))
    names = [name for name in data.values if name != KEY]
    return measure_axes(trial(model, windows, bases(mu, sigma, count, seed), seed), data, names)


def trial(model: MusicVAE, windows: Tokens, z: Tensor, seed: int = 0) -> Trial:
    """Return what an axis of `model` is tried on: latents `z` (bases, z_size), and what `windows` call sane.

    That is what lies between the first and the last percentile of the statistics that the data has.
    """
    config = model.config
    flat = model.conductor is None
    bars = config.bars if flat else min(BARS, config.bars)
    shape = (len(z), bars * config.steps_per_bar) if flat else (len(z) * bars, config.steps_per_bar)
    generator = torch.Generator().manual_seed(seed)
    noise = tuple(
        -torch.empty((*shape, vocabulary)).exponential_(generator=generator).log()
        for vocabulary in config.vocabularies
    )
    data = statistics(wide(windows[:, :bars], config.voices))
    there = [name for name in SANE if np.isfinite(data[name]).any()]
    ranges = {name: np.nanquantile(data[name], (0.01, 0.99)) for name in there}

    def play(moved: Tensor) -> Tokens:
        contexts = model.contexts(moved)[:, :bars].flatten(0, 1)
        tokens = model.sample(contexts, shape[1], 1.0, noise)
        return np.asarray(tokens.reshape(len(moved), bars, config.steps_per_bar, -1).numpy())

    def sane(played: Tokens) -> NDArray[np.bool_]:
        values = statistics(wide(played, config.voices))
        inside = [(values[name] >= low) & (values[name] <= high) for name, (low, high) in ranges.items()]
        return np.asarray(np.logical_and.reduce(inside), bool)

    return Trial(z, play, lambda played: heard(played, config.voices), sane)


def wide(windows: Tokens, voices: Sequence[str]) -> Tokens:
    """Return `windows` (B, bars, steps, voices) as a trio's, as statistics take them."""
    return widened(windows, [VOICES.index(voice) for voice in voices])
