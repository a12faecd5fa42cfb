"""The pictures of `live-train papers vrash`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray


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


def scatter(places: NDArray[np.float64], sources: Sequence[str]) -> Figure:
    """Return the `places` (N, 2) of phrases, a colour a source (Figure 6)."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    names = np.array(sources)
    for source in dict.fromkeys(sources):
        own = places[names == source]
        axes.scatter(own[:, 0], own[:, 1], s=6, label=source)
    axes.set(title="t-SNE of the latents of test phrases, by source", xticks=[], yticks=[])
    figure.legend(loc="outside right upper", fontsize=7)
    return figure


def tsne(mu: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places (N, 2) of `mu` (N, z_size) by t-SNE (van der Maaten & Hinton 2008), always the same."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(mu) - 1) / 3)
    found = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(mu)
    return np.asarray(found, np.float64)
