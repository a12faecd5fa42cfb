"""MusicVAE, Figure 3: what lies between two melodies, and how likely a 5-gram model finds it."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from engine.latent import slerp
from training.data.draws import spread_rows
from training.data.view import View, view
from training.musicvae.model import MusicVAE
from training.musicvae.ngram import NGram
from training.papers import musicvae
from training.papers.job import Cell, Job, PaperError
from training.papers.musicvae import configuration, store, trained

TITLE = "MusicVAE (Roberts et al. 2018), Figure 3"
EXAMPLES = 8000  # training melodies that the 5-gram model learns from
PAIRS = 256  # the paper walks 1024
OF_FILE = 2  # melodies at most: windows of one song overlap
POINTS = np.linspace(0.0, 1.0, 11)
TEMPERATURE = 0.5
BATCH = 64
MODELS = {"song-flat": "flat", "song": "hierarchical"}
Tokens = NDArray[np.int64]  # (N, steps)
DIFFERS = f"""
{musicvae.DIFFERS.strip()}
- Pairs: at most {PAIRS}, the paper has 1024. Both ends are drawn from the test melodies of all sources
  together, no file gives more than {OF_FILE}, so a source counts by its files.
- Judge: the 5-gram model has learnt {EXAMPLES:,} training melodies, spread evenly over them; the paper's all.
- The paper shows these curves without numbers in its text: there is no published column.
"""


def reproduce(job: Job) -> None:
    """Walk between test melodies by slerp and by naive blending; tables and draws distance and cost."""
    configs = {name: configuration(job, name) for name in MODELS}
    melodies = view(store(job), ["melody"])
    rows = pairs(melodies)
    if not len(rows):
        raise PaperError(f"{job.name}: the store's test split has no two melodies of {melodies.bars} bars")
    shares = dict.fromkeys(MODELS, 1.0)
    models = {title: trained(job, configs, shares, name).model for name, title in MODELS.items()}
    judge = NGram(_training(melodies), models["flat"].config.vocabularies[0])
    a, b = (_flattened(melodies, ends) for ends in rows.T)
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
    job.table("", f"{TITLE}: {len(rows)} pairs of 16-bar melodies, temperature {TEMPERATURE}", head, table)
    _draw(job, curves)
    job.finish(TITLE, DIFFERS)


def pairs(melodies: View, count: int = PAIRS) -> NDArray[np.int64]:
    """Return at most `count` pairs (N, 2) of rows of the test split, drawn at random and always the same.

    The store has its songs source by source: the drawing mixes them, or A would be of one corpus and B of
    another. A file gives OF_FILE rows at most, and no row is drawn twice.
    """
    rows = np.random.default_rng(0).permutation(melodies.of("test"))
    given: Counter[int] = Counter()
    kept = []
    for row, file in zip(rows.tolist(), melodies.files(rows).tolist(), strict=True):
        given[file] += 1
        if given[file] <= OF_FILE:
            kept.append(row)
    half = min(count, len(kept) // 2)
    return np.array(kept[: 2 * half], np.int64).reshape(half, 2)


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
    return _flattened(melodies, spread_rows(melodies.of("train"), EXAMPLES))


def _flattened(melodies: View, rows: NDArray[np.int64]) -> Tokens:
    return melodies.tokens(rows)[..., 0].reshape(len(rows), -1)


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
    job.picture("", figure)
