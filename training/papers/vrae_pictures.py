"""The pictures of `live-train papers vrae`."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

WALK = 7  # rolls of an interpolation, its ends included
SKIPPED = 0.03  # of a curve's beginning, which would hide the rest (the paper leaves 10 epochs out)


def bounds(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Return the bound over iterations of each model, as (iterations, nats a frame)."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, (iterations, bound) in curves.items():
        first = int(SKIPPED * len(bound))
        axes.plot(iterations[first:], bound[first:], label=name, linewidth=1)
    axes.set(xlabel="iteration", ylabel="lower bound, nats a frame")
    axes.legend(fontsize=7)
    return figure


def interpolation(rolls: Sequence[NDArray[np.uint8]], first: str, last: str, lowest: int) -> Figure:
    """Return rolls (frames, pitches) side by side, from an excerpt of song `first` to one of `last`."""
    figure = Figure(figsize=(11, 2.6), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(rolls), sharey=True))
    for number, (panel, roll) in enumerate(zip(panels, rolls, strict=True)):
        _draw(panel, roll, lowest)
        ends = {0: first, len(rolls) - 1: last}
        panel.set_title(ends.get(number, f"{number / (len(rolls) - 1):.0%}"), fontsize=8)
    return figure


def long_rolls(rolls: Mapping[str, NDArray[np.uint8]], lowest: int) -> Figure:
    """Return long rolls (frames, pitches) one below the other."""
    figure = Figure(figsize=(11, 2.2 * len(rolls)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(rolls), 1))
    for panel, (name, roll) in zip(panels, rolls.items(), strict=True):
        _draw(panel, roll, lowest)
        panel.set_title(f"{name}: {len(roll)} frames from one vector", fontsize=8)
    return figure


def _draw(panel: Axes, roll: NDArray[np.uint8], lowest: int) -> None:
    extent = (0.0, float(len(roll)), lowest - 0.5, lowest + roll.shape[1] - 0.5)
    panel.imshow(
        roll.T,
        origin="lower",
        aspect="auto",
        cmap="Greys",
        interpolation="nearest",
        vmin=0,
        vmax=1,
        extent=extent,
    )
    panel.tick_params(labelsize=6)
