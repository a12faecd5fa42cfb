"""VRNN, VRNN-I and RNN on the four polyphonic benchmarks (Chung et al. 2015, Maddison et al. 2017).

The paper itself has no music; the figures beside ours are those that later work published of the same model
on the same test splits, in nats a frame; of the FIVO column a part is quoted from memory. As we remember
them, both are the best of three bounds (ELBO, IWAE, FIVO) with 128 particles, whatever a model was trained
by: it is the particle filter's column that compares with them, with fewer particles here. The temporal
convolution's figure, measured on the chorales, is an exact likelihood, as an RNN's bound is.

As in the VRNN's paper, all models of a set have one recurrence and, by the width of their networks, as many
parameters, and equal minutes; a set has its share of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from engine.pianoroll import LOWEST
from training.config import Config
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
from training.vrnn.compared import compared
from training.vrnn.examine import Findings, measure, trace
from training.vrnn.model import VRNN
from training.vrnn.sequences import Rows, groups, pieces

ARCHIVE = "poly-boulanger-lewandowski"
DIFFERS = """
- Data: the paper has speech and handwriting, no music. These are the four sets of Boulanger-Lewandowski et
  al. 2012 in their own splits, on which later work measured the same model.
- Published: the ranges are what that work has for a VRNN trained by the bound and by a filtering objective
  (Maddison et al. 2017 and others), in part quoted from memory. Its figures may be the best of several
  bounds, with more particles than the 40 here. The floors are measured on these very files.
- Size: the configurations' recurrence and networks of two layers; the sizes of the published models are their
  own.
- Training: features are dropped out, small as the sets are, and the smallest are transposed at random, the
  chorales into every key, Piano_midi by two semitones at most. Chorales are heard whole, the other sets in
  stretches of 32 frames, and all are measured whole. In the first stage some bits of the KL are free, or
  the bound's own way is to use no latent at all; the last stage is of the bound itself, or of the
  filtering objective with 4 particles in the place of half a batch. Each model's minutes stand below.
- Playing: after each frame that a model draws its recurrence goes on from the mean of the posterior of that
  frame, not from the z that was drawn (equations 5 to 7 of the VRNN's paper): so does the file that plays
  live, where what was played may differ from what was drawn. No likelihood is measured so.
"""
PLAYED, LENGTH = 64, 200  # sequences that a model plays for its statistics, and frames of each
SHOWN = 128  # frames of the picture


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A set, its configuration, and what was measured or published on its test split, in nats a frame."""

    source: str
    config: str
    share: float  # of the minutes of all sets: long pieces take more
    bernoulli: float  # every pitch on its own
    markov: float  # every pitch knowing whether it sounded before
    elbo: str  # published for a VRNN trained by the bound
    fivo: str  # and by FIVO, partly from memory
    convolution: float | None = None


BENCHMARKS = (
    Benchmark("JSB_Chorales", "vrnn-jsb", 0.18, -11.06, -10.47, "-8.6 to -8.7", "-6.7 to -6.9", -8.20),
    Benchmark("Nottingham", "vrnn-nottingham", 0.23, -10.25, -5.16, "-3.0 to -3.9", "-2.6 to -2.7"),
    Benchmark("MuseData", "vrnn-musedata", 0.36, -11.51, -8.56, "-7.2 to -7.5", "-5.9 to -6.2"),
    Benchmark("Piano_midi", "vrnn-piano", 0.23, -11.05, -8.26, "-7.8 to -8.0", "-7.4 to -7.8"),
)
# Name, latent, objective.
MODELS = (
    ("RNN", "none", "elbo"),
    ("VRNN-I", "fixed", "elbo"),
    ("VRNN", "prior", "elbo"),
    ("VRNN, FIVO", "prior", "fivo"),
)
COMPARED = (("VRNN-I", "RNN"), ("VRNN", "RNN"), ("VRNN", "VRNN-I"), ("VRNN, FIVO", "VRNN"))
HEAD = (
    *("set", "model", "bound", "importance sampled, 40", "particle filter, 40"),
    *("KL, bits", "worth of z, bits", "active units"),
    "published, ELBO (compare the particle filter)",
    "published, FIVO, partly from memory (compare the particle filter)",
    "temporal convolution (compare the bound)",
    *("floor: Bernoulli", "floor: Markov", *EFFORT),
)


def reproduce(job: Job, benchmarks: Sequence[Benchmark] = BENCHMARKS) -> None:
    """Train four models on each of `benchmarks`, and write their likelihoods and the paper's Figure 2."""
    configs = [job.config(each.config, "vrnn", form="roll") for each in benchmarks]
    store = job.store("roll", ARCHIVE)
    shares = sum(benchmark.share for benchmark in benchmarks)
    rows: list[Sequence[Cell]] = []
    beside: list[Sequence[Cell]] = []
    ahead: list[Sequence[Cell]] = []
    for benchmark, base in zip(benchmarks, configs, strict=True):
        test = pieces(store, "test", [benchmark.source], base.model.every)
        measured: dict[str, Findings] = {}
        for name, latent, objective in MODELS:
            config = variant(base, latent, objective)
            folder = f"{benchmark.config}-{name.lower().replace(', ', '-')}"
            run = job.run(folder, config, store, benchmark.share / shares / len(MODELS))
            found = measured[name] = measure(run.model, test)
            rows.append((*_row(benchmark, name, found), *effort(job, folder)))
            job.report(f"{benchmark.source}, {name}: {found.bound:.3f} nats a frame")
            if lacking := fault(found):
                job.say(f"{benchmark.source}, {name}: {lacking}.")
            if (latent, objective) == ("prior", "elbo"):
                beside += _music(benchmark.source, run.model, test)
                _picture(job, benchmark.source, run.model, test[0][:SHOWN])
        alike = groups(store, "test", [benchmark.source])
        ahead += [(benchmark.source, *row) for row in differences(measured, COMPARED, alike)]
    job.table("", "Log-likelihood of the test splits, nats a frame (higher is better)", HEAD, rows)
    job.say(
        "A bound is of one draw of the latents, equation 11; an RNN's likelihood is exact. A model below the "
        "floors would be broken. The worth of z is by how much it makes a frame likelier than one drawn from "
        "the prior there. As we remember them, the published figures are the best of three bounds with 128 "
        "particles: the particle filter's column, of 40, compares with them, and the bound does not."
    )
    job.table("differences", "Who is ahead, nats a frame", ("set", "models", *DIFFERENCES), ahead)
    job.say(HOW_SURE)
    head = ("set", "statistic", "test split", "VRNN plays", "overlap")
    job.table("music", f"What VRNN plays: {PLAYED} sequences of {LENGTH} frames", head, beside)
    job.finish("VRNN on polyphonic music", DIFFERS)


def variant(base: Config, latent: str, objective: str) -> Config:
    """Return `base` as another of the paper's models, with as many parameters.

    An RNN has no KL whose bits could be free; particles take the place of half a batch, in the last stage.
    """
    stages = [replace(stage, free_bits=0.0) if latent == "none" else stage for stage in base.stages]
    if objective == "fivo":
        stages[-1] = replace(stages[-1], objective=objective, batch=max(1, stages[-1].batch // 2))
    model = matched(replace(base.model, latent=latent), parameters(base.model))
    return replace(base, model=model, stages=tuple(stages))


def _row(benchmark: Benchmark, name: str, found: Findings) -> Sequence[Cell]:
    return (
        *(benchmark.source, name, found.bound, *sampled(found), *latents(found)),
        *(benchmark.elbo, benchmark.fivo, benchmark.convolution, benchmark.bernoulli, benchmark.markov),
    )


def _music(source: str, model: VRNN, test: Sequence[Rows]) -> list[Sequence[Cell]]:
    """Return the statistics of what `model` plays beside the data's, a row each."""
    found = compared(model, {source: test}, PLAYED, LENGTH)
    ours, theirs = found["statistics"], found["sources"][source]
    return [(source, name, theirs["statistics"][name], ours[name], theirs["overlap"][name]) for name in ours]


def _picture(job: Job, source: str, model: VRNN, rows: Rows) -> None:
    """Draw Figure 2: change of the latents, KL, and the music itself in the place of the waveform."""
    from matplotlib.figure import Figure

    seen, figure = trace(model, rows), Figure(figsize=(9, 6), layout="constrained")
    change, told, music = figure.subplots(3, 1, sharex=True)
    change.plot(seen.change, color="tab:blue")
    change.set(ylabel="latent change", title=f"{source}, a piece of the test split (paper, Figure 2)")
    told.plot(seen.kl, color="tab:red")
    told.set(ylabel="KL, nats")
    step, key = np.nonzero(rows)
    music.scatter(step, key + LOWEST, s=4, marker="s", color="black")
    music.set(ylabel="pitch", xlabel="frame")
    job.picture(f"{source}-latents", figure)
