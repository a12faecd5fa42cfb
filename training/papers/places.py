"""Where latents lie: their places in a picture, and whether those of one song or source lie together."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray


def scatter(places: NDArray[np.float64], names: Sequence[str], title: str) -> Figure:
    """Return the `places` (N, 2) of latents, a colour for each of their `names` (N,)."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(dict.fromkeys(names)):
        own = places[np.array(names) == name]
        colour, mark = f"C{number % 10}", "ox^sv"[number // 10 % 5]
        axes.scatter(own[:, 0], own[:, 1], s=8, color=colour, marker=mark, label=name)
    axes.set(title=title)
    figure.legend(loc="outside right upper", fontsize=7)
    return figure


def tsne(mu: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places (N, 2) of `mu` (N, z_size) by t-SNE (van der Maaten & Hinton 2008), always the same."""
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(mu) - 1) / 3)
    found = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(mu)
    return np.asarray(found, np.float64)


def kept(mu: NDArray[np.float64], names: Sequence[str], alike: NDArray[np.bool_]) -> tuple[float, float]:
    """Return the share of `mu` (N, z_size) whose nearest other has its name (N,), and what chance gives.

    Others that are `alike` (N, N) are passed over: any encoder, also one that has learnt nothing, puts what
    is the same at the same place.
    """
    apart, own = np.linalg.norm(mu[:, None] - mu[None], axis=2), np.array(names)
    apart[alike | np.eye(len(mu), dtype=bool)] = np.inf
    others = np.isfinite(apart).any(1)
    shares = np.unique(own, return_counts=True)[1] / len(own)
    return float((own[apart.argmin(1)] == own)[others].mean()), float((shares**2).sum())


def same(music: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return which of `music` (N, ...) are the same, (N, N)."""
    _, which = np.unique(music.reshape(len(music), -1), axis=0, return_inverse=True)
    return np.asarray(np.equal.outer(which.ravel(), which.ravel()), np.bool_)


def beside_untrained(
    mu: NDArray[np.float64],
    untrained: Callable[[], NDArray[np.float64]],
    names: Sequence[str],
    alike: NDArray[np.bool_],
) -> str:
    """Say how often latents `mu` (N, z_size) lie next to one of the same name, as `kept` has it.

    Beside it stands the same of a model that has learnt nothing: `untrained` makes one, always the same, and
    returns its `mu`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        blank = untrained()
    (near, chance), (before, _) = kept(mu, names, alike), kept(blank, names, alike)
    return f"for {near:.0%}; before training for {before:.0%}, by chance for {chance:.0%}"
