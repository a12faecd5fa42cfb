"""The pictures of `live-train papers vrash`."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure


def bars(figures: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Return cross-entropy and KL of each model, one on the other (Figure 5); `figures` are of `examine`."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    names = list(figures)
    nats = [figures[name]["cross_entropy"] for name in names]
    axes.bar(names, nats, label="cross-entropy")
    axes.bar(names, [figures[name]["kl"] for name in names], bottom=nats, label="KL")
    for place, name in enumerate(names):
        axes.text(place, figures[name]["bound"], f"{figures[name]['bound']:.2f}", ha="center", va="bottom")
    axes.set(ylabel="nats a note")
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(fontsize=7)
    return figure
