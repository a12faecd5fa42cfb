"""What a model of drum hits plays under the patterns of human drummers, beside what they played."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.bar import STEPS_PER_BAR
from engine.codec import DRUM_ACCENTS, DRUM_CLASSES
from engine.dynamics import accent
from engine.noise import gumbel
from training.data.hits import LOUDEST
from training.vrnn.frames import CLASS, CLASSES, GAP, OFFSET, STEP, TOKEN, VELOCITY
from training.vrnn.sequences import Rows

GHOST, ACCENT = 40, 100  # velocities up to which, and from which on, a hit is one
PERFORMANCES = 8  # of each piece, whose mean is what the model expects
FEWEST = 50  # hits of a class that has figures of its own
NAMES = tuple(name for name, _ in DRUM_CLASSES)
WRITTEN = np.array([[accent(weights, step) for weights in DRUM_ACCENTS] for step in range(STEPS_PER_BAR)])

Figures = dict[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Bars:
    """A piece on the grid: `tokens` (bars, 16) int64, and of its hits, (hits, 3), bar, step and class."""

    tokens: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows) -> "Bars":
        """Return the bars of the hits `rows` (hits, 6) of one piece."""
        step = int(rows[0, STEP]) + np.cumsum(rows[:, GAP]).astype(np.int64)
        bars, within = np.divmod(step, STEPS_PER_BAR)
        tokens = np.zeros((int(bars[-1]) + 1, STEPS_PER_BAR), np.int64)
        tokens[bars, within] = rows[:, TOKEN].astype(np.int64)
        return cls(tokens, np.stack([bars, within, rows[:, CLASS].astype(np.int64)], 1))


@torch.inference_mode()
def played(module: Any, bars: Bars, width: int, seed: int) -> NDArray[np.float64]:
    """Return velocity and offset (hits, 2) of every hit of `bars` as the exported `module` plays them."""
    state, found = module.begin(), []
    for number, tokens in enumerate(bars.tokens):
        (noise,) = gumbel(seed, 0, number, STEPS_PER_BAR, (CLASSES * width,))
        chance = torch.from_numpy(noise).view(STEPS_PER_BAR, CLASSES, width)
        velocities, offsets, state = module.feel(state, torch.from_numpy(tokens), chance, 1.0)
        found.append(torch.stack([velocities.double(), offsets.double()], 2))
    every: Tensor = torch.stack(found)[tuple(torch.from_numpy(bars.places).T)]
    return every.numpy()


def compare(module: Any, width: int, pieces: Sequence[Rows], seed: int = 0) -> dict[str, Figures]:
    """Return figures of each class of drum and of "all", of human and model under the same patterns.

    Velocities are 1 to 127; offsets, and their width, a standard deviation, are in steps. A correlation is
    that of the hits of one performance of the model with the human's, of the mean of its PERFORMANCES, or of
    the accents as written, which are no performance but what to expect; None where nothing varies. A class of
    few hits has no figures of its own.
    """
    if not pieces:
        return {}
    grids = [Bars.of(rows) for rows in pieces]
    takes = [
        np.concatenate([played(module, bars, width, first + index) for index, bars in enumerate(grids)])
        for first in range(seed, seed + PERFORMANCES * len(grids), len(grids))
    ]
    heard = np.stack([takes[0], np.mean(takes, 0)])
    rows = np.concatenate(pieces).astype(np.float64)
    human = np.stack([1 + np.clip(np.floor(rows[:, VELOCITY] * LOUDEST), 0, LOUDEST - 1), rows[:, OFFSET]], 1)
    places = np.concatenate([bars.places for bars in grids])
    written = WRITTEN[places[:, 1], places[:, 2]]
    found = {}
    for number, name in enumerate(NAMES):
        own = places[:, 2] == number
        if own.sum() >= FEWEST:
            found[name] = _figures(human[own], heard[:, own], written[own])
    return found | {"all": _figures(human, heard, written)}


def _figures(human: NDArray[np.float64], heard: NDArray[np.float64], written: NDArray[np.int64]) -> Figures:
    """Return the figures of the hits `human` (hits, 2) and `heard` (2, hits, 2): one take and the mean."""
    model, mean = heard
    found: Figures = {"hits": len(human)}
    for who, hits in (("human", human), ("model", model)):
        found |= {f"{who} {name}": float(measure(hits)) for name, measure in MEASURES.items()}
    return found | {
        "velocity correlation": _correlation(human[:, 0], model[:, 0]),
        "mean velocity correlation": _correlation(human[:, 0], mean[:, 0]),
        "written velocity correlation": _correlation(human[:, 0], written),
        "offset correlation": _correlation(human[:, 1], model[:, 1]),
        "mean offset correlation": _correlation(human[:, 1], mean[:, 1]),
    }


MEASURES: Mapping[str, Callable[[NDArray[np.float64]], np.floating[Any]]] = {
    "velocity": lambda hits: hits[:, 0].mean(),
    "ghosts": lambda hits: (hits[:, 0] <= GHOST).mean(),
    "accents": lambda hits: (hits[:, 0] >= ACCENT).mean(),
    "offset": lambda hits: hits[:, 1].mean(),
    "width": lambda hits: hits[:, 1].std(),
}


CORRELATIONS = (
    *("velocity correlation", "mean velocity correlation", "written velocity correlation"),
    *("offset correlation", "mean offset correlation"),
)


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float | None:
    if a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def lines(found: Mapping[str, Figures]) -> list[str]:
    """Return what `compare` found as lines of Markdown."""
    told = [
        "How it plays the human drummers' patterns, human / model: mean velocity, shares of ghosts (up to "
        f"{GHOST}) and accents (from {ACCENT}), mean offset and its width in hundredths of a sixteenth; then "
        "the correlation with the human's, hit for hit, of the velocities of one performance, of the mean of "
        f"{PERFORMANCES}, and of the accents as they are written without it; then that of the offsets of one "
        "and of the mean.",
        "",
        f"| drum | hits | {' | '.join(MEASURES)} | velocities | mean | as written | offsets | mean |",
        f"|---|---|{'---|' * len(MEASURES)}---|---|---|---|---|",
    ]
    for name, row in found.items():
        pairs = [(row[f"human {measure}"], row[f"model {measure}"]) for measure in MEASURES]
        cells = [
            " / ".join(_cell(measure, value) for value in pair)
            for measure, pair in zip(MEASURES, pairs, strict=True)
        ]
        cells += [_cell("correlation", row[key]) for key in CORRELATIONS]
        told.append(f"| {name} | {row['hits']} | {' | '.join(cells)} |")
    return told


def _cell(measure: str, value: float | None) -> str:
    if value is None:
        return "-"
    if measure in {"offset", "width"}:
        return f"{100 * value:.1f}"
    return f"{value:.0f}" if measure == "velocity" else f"{value:.2f}"
