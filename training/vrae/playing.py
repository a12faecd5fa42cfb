"""How a VRAE plays on beyond its excerpts: does it stay music, does z hold it, at which temperature."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.pianoroll import KEYS, LOWEST
from training.data.draws import spread_rows
from training.data.store import Store
from training.statistics import Values, overlap, summary
from training.subject import prior_latents
from training.temperatures import temperatures
from training.vrae.excerpts import Excerpts, Rows
from training.vrae.model import VRAE, ModelConfig
from training.vrae.statistics import statistics

WINDOW = 4  # bars that are compared
LONG = 200  # bars that are played
BEFORE = 16  # bars before a z is turned
LEANS = (0.0, 0.1, 0.25, 0.5, 1.0)  # tried
LIMIT = 500  # windows of the songs
HELD = ("density", "polyphony", "register")  # what a turned knob shall change

Mean = dict[str, float | None]


def windows(model: VRAE, store: Store, count: int) -> NDArray[np.int8]:
    """Return at most `count` windows (N, frames, pitches) of WINDOW bars of the songs that `model` knows."""
    excerpts = by_window(model.config, store)
    return spread_windows(excerpts, excerpts.known(), count)


def by_window(sizes: ModelConfig, store: Store) -> Excerpts:
    """Return the excerpts of WINDOW bars that stand one after the other in the songs of `store`."""
    frames = WINDOW * sizes.bar
    return Excerpts(store, replace(sizes, steps=frames, hop=frames))


def spread_windows(excerpts: Excerpts, rows: Rows, count: int) -> NDArray[np.int8]:
    """Return at most `count` of the excerpts `rows` (N, frames, pitches), spread evenly, if whole."""
    whole = rows[excerpts.places[rows, 2] == excerpts.sizes.steps]
    if not len(whole):
        whole = rows  # songs of less than a window
    return np.asarray(excerpts.read(spread_rows(whole, count)).numpy())


def logistic(model: VRAE, bars: int, count: int, seed: int) -> Tensor:
    """Return the noise (bars, count, draws, pitches) that `play` takes, always the same for `seed`."""
    config = model.config
    generator = torch.Generator().manual_seed(seed)
    draws = -(-config.bar // config.hold)
    uniform = torch.rand((bars, count, draws, config.pitches), generator=generator)
    return torch.logit(uniform.clamp(1e-7, 1 - 1e-7))


def rows(model: VRAE, z: Tensor, noise: Sequence[Sequence[Tensor]], temperature: float = 1.0) -> Tensor:
    """Return the frames (bars, bar, 88) that the file of `model` ought to write of `z` (z_size,).

    `noise` is Gumbel (bar, 88) of each bar, as training/vrae/exported.py takes it.
    """
    config = model.config
    own = slice(config.lowest - LOWEST, config.lowest - LOWEST + config.pitches)
    draws = torch.stack([blocks[0][:: config.hold, own] for blocks in noise]).double()
    chance = torch.logit(torch.exp(-torch.exp(-draws))).float().unsqueeze(1)
    frames = torch.zeros((len(noise), config.bar, KEYS), dtype=torch.int64)
    played = model.play(z.unsqueeze(0), len(noise), temperature, chance)[0]
    frames[..., own] = played.view(len(noise), config.bar, -1).long()
    return frames


def of_rolls(model: VRAE, rolls: NDArray[np.integer] | Tensor) -> dict[str, Values]:
    """Return the statistics of `rolls` (B, T, pitches) of `model`."""
    return statistics(np.asarray(rolls), model.config.lowest)


def best_temperature(
    model: VRAE, z: Tensor, data: Mapping[str, Values], *, seed: int = 0
) -> tuple[float, dict[str, Any]]:
    """Return the temperature at which `model` plays most like the songs of `data`, and all tried.

    Each plays WINDOW bars of every `z` (B, z_size).
    """
    noise = logistic(model, WINDOW, len(z), seed)

    def play(temperature: float) -> dict[str, Values]:
        return of_rolls(model, model.play(z, WINDOW, temperature, noise))

    tried = temperatures(play, {"data": data}, len(z))
    return tried["sources"]["data"]["best"], tried


def endurance(
    model: VRAE, z: Tensor, data: Mapping[str, Values], temperature: float, *, bars: int = LONG, seed: int = 0
) -> dict[str, Mean]:
    """Return the statistics of the first and of the last WINDOW of `bars` bars of every `z` (B, z_size).

    Beside them is how much of the data's histograms they share.
    """
    rolls = model.play(z, bars, temperature, logistic(model, bars, len(z), seed))
    frames = WINDOW * model.config.bar
    first, last = of_rolls(model, rolls[:, :frames]), of_rolls(model, rolls[:, -frames:])
    return {
        "first": summary(first),
        "first_overlap": overlap(first, data),
        "last": summary(last),
        "last_overlap": overlap(last, data),
    }


def obedience(
    model: VRAE, z: Tensor, temperature: float, *, before: int = BEFORE, after: int = 2, seed: int = 0
) -> dict[str, float]:
    """Return how far music follows a z that is turned while it plays; `z` (2 * B, z_size).

    `before` bars of one z, then `after` bars of another, and then WINDOW bars are listened to: for each
    attribute of HELD its correlation over B with that of WINDOW bars begun with the other z ("turned"), the
    same where nothing was turned ("still"), and the share of sounding pitches that the turn changes
    ("changed"). Noise is the same, so that an untaken turn changes nothing.
    """
    first, other = z.chunk(2)
    bars, frames = before + after + WINDOW, WINDOW * model.config.bar
    noise = logistic(model, bars, len(first), seed)
    path = torch.stack([first if bar < before else other for bar in range(bars)])
    turned, still = (model.play(p, bars, temperature, noise)[:, -frames:] for p in (path, first))
    fresh = model.play(other, WINDOW, temperature, noise[-WINDOW:])
    heard = {name: of_rolls(model, rolls) for name, rolls in (("turned", turned), ("still", still))}
    aim = of_rolls(model, fresh)
    results = {
        f"{name} {attribute}": _correlation(values[attribute], aim[attribute])
        for name, values in heard.items()
        for attribute in HELD
    }
    both, either = (turned & still).sum(), (turned | still).sum()
    return results | {"changed": 1.0 - float(both) / max(1.0, float(either))}


@torch.no_grad()
def leans(
    model: VRAE, store: Store, count: int, bars: int = LONG, *, tried: Sequence[float] = LEANS, seed: int = 0
) -> dict[float, dict[str, Any]]:
    """Return for each lean towards z how `model` plays `count` draws of the prior for `bars` bars.

    "last" are the statistics of the last WINDOW, "overlap" the mean of what they share with the songs',
    "obedience" the mean correlation after a turned z and "changed" the share of pitches that it changes, all
    at the "temperature" at which it plays most like the songs.
    """
    data, found = of_rolls(model, windows(model, store, LIMIT)), {}
    z, kept = prior_latents(count, model.config.z_size, seed), model.config
    for lean in tried:
        model.config = replace(kept, lean=lean)
        heat, _ = best_temperature(model, z, data, seed=seed)
        long = endurance(model, z, data, heat, bars=bars, seed=seed)
        turned = obedience(model, torch.cat([z, z.roll(1, 0)]), heat, before=min(bars, BEFORE), seed=seed)
        found[lean] = {
            "temperature": heat,
            "last": long["last"],
            "overlap": float(np.mean([share or 0.0 for share in long["last_overlap"].values()])),
            "obedience": float(np.mean([turned[f"turned {name}"] for name in HELD])),
            "changed": turned["changed"],
        }
    model.config = kept
    return found


def _correlation(a: Values, b: Values) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
