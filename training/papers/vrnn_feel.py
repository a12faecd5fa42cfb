"""The paper's Table 1 on real-valued music: velocity and microtiming of human drumming (Chung et al. 2015).

Speech and handwriting are replaced by the hits of `groove`; models and figures are the paper's.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from training import configfile
from training.config import Config
from training.data.store import Store
from training.papers.job import Cell, Job
from training.papers.vrnn_polyphony import CONFIGS
from training.run import count
from training.vrnn.examine import measure, trace
from training.vrnn.frames import OFFSET, STEP, VELOCITY
from training.vrnn.model import VRNN
from training.vrnn.sequences import Rows, piece, pieces

ARCHIVE = "groove"
CONFIG = "vrnn-feel"
# Name, latent, output, its part of the minutes, and the paper's figures for it on TIMIT (nats a sequence).
MODELS = (
    ("RNN-Gauss", "none", "gauss", 0.1, "-1900"),
    ("RNN-GMM", "none", "gmm", 0.15, "26643"),
    ("VRNN-I-Gauss", "fixed", "gauss", 0.25, ">= 28340, ~ 29639"),
    ("VRNN-Gauss", "prior", "gauss", 0.25, ">= 28805, ~ 30235"),
    ("VRNN-GMM", "prior", "gmm", 0.25, ">= 28982, ~ 29604"),
)
HEAD = (
    *("model", "bound", "importance sampled, 40", "particle filter, 40", "strict: bound", "strict: filter"),
    *("KL, bits", "active units", "paper, TIMIT", "parameters", "iterations"),
)
SHOWN = 128  # hits of the picture
FEWEST = 64  # hits of a piece worth showing


def reproduce(job: Job, configs: Path = CONFIGS) -> None:
    """Train five models of how drums are played, and write their likelihoods and the paper's Figure 2."""
    store = job.store("feel", ARCHIVE)
    base = configfile.load(configs / f"{CONFIG}.toml")
    test, strict = pieces(store, "test"), unheard(store)
    rows: list[Sequence[Cell]] = []
    for name, latent, output, share, published in MODELS:
        run = job.run(name.lower(), variant(base, latent, output), store, share)
        found, apart = measure(run.model, test), measure(run.model, strict) if strict else None
        told = bool(found.units)
        rows.append(
            (
                *(name, found.bound),
                *((found.importance, found.filtered) if told else (None, None)),
                *((apart.bound, apart.filtered if told else None) if apart else (None, None)),
                *((found.kl_bits, f"{found.active} of {found.units}") if told else (None, None)),
                *(published, count(run.model), run.meta["row"]["total"]),
            )
        )
        if found.collapsed:
            job.say(f"{name}: the posterior has collapsed, an RNN is left.")
        if name == "VRNN-Gauss":
            shown = next((rows for rows in test if len(rows) >= FEWEST), test[0])[:SHOWN]
            _picture(job, run.model, shown)
    title = "Log-likelihood of velocity and offset, nats a hit (higher is better)"
    job.table("vrnn-feel", title, HEAD, rows)
    frames = sum(map(len, strict))
    job.say(
        f"Both are normalised by the training data's mean and standard deviation, as in the paper; an RNN's "
        f"likelihood is exact. The official split is by recording; strict is the {len(strict)} files of the "
        f"test split, {frames} hits, whose recording session no training or validation file comes from."
    )
    job.finish("VRNN on the feel of drums")


def variant(base: Config, latent: str, output: str) -> Config:
    """Return `base` as another of the paper's models."""
    return replace(base, model=replace(base.model, latent=latent, output=output))


def unheard(store: Store) -> list[Rows]:
    """Return the test pieces whose group neither training nor validation has."""
    heard = {song.group for song in store.songs if song.split != "test"}
    chosen = [number for number, song in enumerate(store.songs) if song.split == "test"]
    return [piece(store, number) for number in chosen if store.songs[number].group not in heard]


def _picture(job: Job, model: VRNN, rows: Rows) -> None:
    """Draw Figure 2: change of the latents, KL, and velocity and offset in the place of the waveform."""
    from matplotlib.figure import Figure

    seen, figure = trace(model, rows), Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(4, 1, sharex=True)
    lines = {
        "latent change": seen.change,
        "KL, nats": seen.kl,
        "velocity": rows[:, VELOCITY],
        "offset, steps": rows[:, OFFSET],
    }
    bars = np.flatnonzero(np.diff(rows[:, STEP], prepend=rows[:1, STEP]) < 0)
    for panel, (name, values) in zip(panels, lines.items(), strict=True):
        panel.plot(values, color="black", linewidth=0.8)
        panel.set(ylabel=name)
        for bar in bars:
            panel.axvline(bar, color="lightgrey", linewidth=0.6, zorder=0)
    panels[0].set(title="A recording of the test split (paper, Figure 2); grey lines begin a bar")
    panels[-1].set(xlabel="hit")
    job.picture("vrnn-feel-latents", figure)
