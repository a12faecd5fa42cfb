"""The paper's Table 1 on real-valued music: velocity and microtiming of human drumming (Chung et al. 2015).

Speech and handwriting are replaced by the hits of `groove`; models and figures are the paper's. As there, all
models have one recurrence and, by the width of their networks, as many parameters, here as the
configuration's VRNN; each has an equal part of the minutes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from training.config import Config, Stage
from training.data.store import Store
from training.papers.job import Cell, Job
from training.papers.vrnn import (
    DIFFERENCES,
    EFFORT,
    HOW_SURE,
    differences,
    effort,
    fault,
    latents,
    matched,
    parameters,
    sampled,
)
from training.vrnn.examine import Findings, measure, trace
from training.vrnn.frames import OFFSET, STEP, VELOCITY
from training.vrnn.model import VRNN
from training.vrnn.sequences import Rows, groups, pieces

ARCHIVE = "groove"
CONFIG = "vrnn-feel"
KEPT = "groove"  # the configuration of the feel that ships, which keeps the latents of a mixture
# Name, latent, output, and the paper's figures for it on TIMIT (nats a sequence).
MODELS = (
    ("RNN-Gauss", "none", "gauss", "-1900"),
    ("RNN-GMM", "none", "gmm", "26643"),
    ("VRNN-I-Gauss", "fixed", "gauss", ">= 28340, ~ 29639"),
    ("VRNN-Gauss", "prior", "gauss", ">= 28805, ~ 30235"),
    ("VRNN-GMM", "prior", "gmm", ">= 28982, ~ 29604"),
)
# What the paper claims: latents help, all the more those that hear the past, and Gaussian outputs above all.
COMPARED = (
    *(("VRNN-I-Gauss", "RNN-Gauss"), ("VRNN-Gauss", "RNN-Gauss"), ("VRNN-Gauss", "VRNN-I-Gauss")),
    *(("RNN-GMM", "RNN-Gauss"), ("VRNN-Gauss", "RNN-GMM"), ("VRNN-GMM", "RNN-GMM")),
    ("VRNN-GMM", "VRNN-Gauss"),
)
HEAD = (
    *("model", "bound", "importance sampled, 40", "particle filter, 40", "strict: bound", "strict: filter"),
    *("KL, bits", "worth of z, bits", "active units", "paper, TIMIT (nats a sequence)", *EFFORT),
)
DIFFERS = """
- Data: velocity and offset from the grid of the hits of human drummers (Groove MIDI Dataset), two numbers a
  hit; the paper's are speech, 200 samples of a waveform a frame, and handwriting. So the published column, of
  TIMIT and in nats a sequence, is there for its order only. What is struck, where in the bar and how long
  after the last hit is given to every model, the paper's are given nothing.
- Size: the configuration's recurrence, the same for all, and networks of two layers, against 2000 units and
  four layers of 600 (section 4). Networks are widened until all models have as many parameters.
- Training: Adam at 1e-3 as in the paper for TIMIT, but falling; batches of 32 stretches of recordings, not
  64; the weight of the KL grows in the beginning, but for VRNN-GMM, which gave its latents up so: there the
  KL counts in full from the start, and three bits a hit cost nothing in the first third, half a bit to the
  end (`training/configs/groove.toml`). The Gaussian VRNNs were not tried so. Each model's minutes stand
  below.
- Measure: importance sampling with 40 samples as in the paper, and a particle filter of 40, which it does not
  have.
"""
SHOWN = 128  # hits of the picture
FEWEST = 64  # hits of a piece worth showing


def reproduce(job: Job) -> None:
    """Train five models of how drums are played, and write their likelihoods and the paper's Figure 2."""
    base = job.config(CONFIG, "vrnn", form="feel")
    kept = job.config(KEPT, "vrnn", form="feel").stages
    store = job.store("feel", ARCHIVE)
    test, sessions = pieces(store, "test"), groups(store, "test")
    apart_from = unheard(store)
    strict = [rows for rows, session in zip(test, sessions, strict=True) if session in apart_from]
    rows: list[Sequence[Cell]] = []
    everywhere: dict[str, Findings] = {}
    apart: dict[str, Findings] = {}
    for name, latent, output, published in MODELS:
        run = job.run(name.lower(), variant(base, latent, output, kept), store, 1 / len(MODELS))
        found = everywhere[name] = measure(run.model, test)
        if strict:
            apart[name] = measure(run.model, strict)
        other = apart.get(name)
        beside = (other.bound, sampled(other)[1]) if other else (None, None)
        likelihoods = (found.bound, *sampled(found), *beside)
        rows.append((name, *likelihoods, *latents(found), published, *effort(job, name.lower())))
        if lacking := fault(found):
            job.say(f"{name}: {lacking}.")
        if name == "VRNN-Gauss":
            shown = next((rows for rows in test if len(rows) >= FEWEST), test[0])[:SHOWN]
            _picture(job, run.model, shown)
    title = "Log-likelihood of velocity and offset, nats a hit (higher is better)"
    job.table("", title, HEAD, rows)
    frames = sum(map(len, strict))
    job.say(
        f"Both are normalised by the training data's mean and standard deviation, as in the paper; an RNN's "
        f"likelihood is exact. The official split is by recording, the test split has {len(test)} files of "
        f"{len(set(sessions))} sessions; strict is its {len(strict)} files of {len(apart_from)} sessions, "
        f"{frames} hits, that no training or validation file comes from: the sessions are new, but their "
        f"drummers are known from training. The worth of z is by how much it makes a hit likelier than one "
        f"drawn from the prior there."
    )
    ahead = [("test", *row) for row in differences(everywhere, COMPARED, sessions)]
    if apart:
        theirs = [session for session in sessions if session in apart_from]
        ahead += [("strict", *row) for row in differences(apart, COMPARED, theirs)]
    job.table("differences", "Who is ahead, nats a hit", ("files", "models", *DIFFERENCES), ahead)
    job.say(HOW_SURE)
    job.finish("VRNN on the feel of drums", DIFFERS)


def variant(base: Config, latent: str, output: str, kept: tuple[Stage, ...]) -> Config:
    """Return `base` as another of the paper's models, with as many parameters.

    A mixture and latents tell the same, and the mixture is the first to learn: both together learn by the
    stages `kept`, whose free bits keep the latents.
    """
    model = matched(replace(base.model, latent=latent, output=output), parameters(base.model))
    stages = kept if output == "gmm" and latent != "none" else base.stages
    return replace(base, model=model, stages=stages)


def unheard(store: Store) -> set[str]:
    """Return the groups of the test split that neither training nor validation has."""
    return set(groups(store, "test")) - set(groups(store, "train")) - set(groups(store, "valid"))


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
    job.picture("latents", figure)
