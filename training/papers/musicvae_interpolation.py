"""MusicVAE, Figure 3: what lies between two melodies, and how likely a 5-gram model finds it."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from engine.latent import slerp
from training.data.draws import spread_rows
from training.data.view import View, view
from training.musicvae.model import MusicVAE
from training.musicvae.ngram import NGram
from training.papers.job import Cell, Job
from training.papers.musicvae import store, trained

TITLE = "MusicVAE (Roberts et al. 2018), Figure 3"
EXAMPLES = 8000  # training melodies that the 5-gram model learns from
PAIRS = 256  # the paper walks 1024
POINTS = np.linspace(0.0, 1.0, 11)
TEMPERATURE = 0.5
BATCH = 64
MODELS = {"song-flat": "flat", "song": "hierarchical"}
Tokens = NDArray[np.int64]  # (N, steps)


def reproduce(job: Job) -> None:
    """Walk between test melodies by slerp and by naive blending; tables and draws distance and cost."""
    among = dict.fromkeys(MODELS, 1.0)
    models = {name: trained(job, config, among).model for config, name in MODELS.items()}
    melodies = view(store(job), ["melody"])
    judge = NGram(_training(melodies), models["flat"].config.vocabularies[0])
    rows = spread_rows(melodies.of("test"), 2 * PAIRS)
    ends = melodies.tokens(rows)[..., 0].reshape(len(rows), -1)
    half = len(ends) // 2
    a, b = ends[:half], ends[half : 2 * half]
    walks: dict[str, Callable[[float], Tokens]] = {"data": lambda alpha: blend(a, b, alpha)}
    for name, model in models.items():
        walks[name] = walk(model, a, b)
    cost_a, cost_b = _costs(judge, a), _costs(judge, b)
    table: list[list[Cell]] = []
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in walks}
    for alpha in map(float, POINTS):
        line: list[Cell] = [alpha]
        for name, between in walks.items():
            tokens = between(alpha)
            apart = float((tokens != a).mean())
            cost = float((_costs(judge, tokens) / (alpha * cost_b + (1 - alpha) * cost_a)).mean())
            curves[name].append((apart, cost))
            line += [apart, cost]
        table.append(line)
    head = ("alpha", *(f"{name}, {what}" for name in walks for what in ("distance from A", "relative cost")))
    job.table("figure3", f"{TITLE}: {half} pairs of 16-bar melodies, temperature {TEMPERATURE}", head, table)
    _draw(job, curves)
    job.finish(TITLE)


def blend(a: Tokens, b: Tokens, alpha: float, seed: int = 0) -> Tokens:
    """Return each step of `b` with probability `alpha`, else that of `a`: the paper's "data"."""
    chosen = np.random.default_rng(seed).random(a.shape) < alpha
    return np.where(chosen, b, a)


def walk(model: MusicVAE, a: Tokens, b: Tokens) -> Callable[[float], Tokens]:
    """Return what `model` decodes at a place between the posterior means of `a` and `b`."""
    starts, ends = _encoded(model, a), _encoded(model, b)

    def between(alpha: float) -> Tokens:
        z = np.stack([slerp(one, other, alpha) for one, other in zip(starts, ends, strict=True)])
        torch.manual_seed(0)
        device = next(model.parameters()).device
        parts = torch.from_numpy(z.astype(np.float32)).to(device).split(BATCH)
        drawn = torch.cat([model.generate(part, TEMPERATURE) for part in parts])
        return np.asarray(drawn[..., 0].flatten(1).cpu().numpy())

    return between


@torch.no_grad()
def _encoded(model: MusicVAE, melodies: Tokens) -> NDArray[np.float32]:
    windows = torch.from_numpy(melodies).unflatten(1, (model.config.bars, -1)).unsqueeze(-1)
    device = next(model.parameters()).device
    parts = [model.encoder(part.to(device)).mu for part in windows.split(BATCH)]
    return np.asarray(torch.cat(parts).cpu().numpy())


def _training(melodies: View) -> Tokens:
    tokens = melodies.tokens(spread_rows(melodies.of("train"), EXAMPLES))
    return tokens[..., 0].reshape(len(tokens), -1)


def _costs(judge: NGram, melodies: Tokens) -> NDArray[np.float64]:
    return np.array([judge.cost(melody) for melody in melodies.tolist()])


def _draw(job: Job, curves: dict[str, list[tuple[float, float]]]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 6), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    for name, points in curves.items():
        for panel, values in zip(panels, zip(*points, strict=True), strict=True):
            panel.plot(POINTS, values, marker="o", markersize=3, label=name)
    panels[0].set(ylabel="distance from A")
    panels[1].set(ylabel="relative cost, 5-gram", xlabel="from A to B")
    panels[0].legend(fontsize=8)
    job.picture("figure3", figure)
