"""VRNN, VRNN-I and RNN on the four polyphonic benchmarks (Chung et al. 2015, Maddison et al. 2017).

The paper itself has no music; the figures beside ours are those that later work published of the same model
on the same test splits, in nats a frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training import configfile
from training.config import Config
from training.data.benchmark import LOWEST
from training.papers.job import Cell, Job
from training.run import LoadedRun, count
from training.statistics import overlap, summary
from training.vrnn.examine import Findings, measure, trace
from training.vrnn.model import VRNN
from training.vrnn.playing import play
from training.vrnn.sequences import Rows, pieces
from training.vrnn.statistics import statistics

ARCHIVE = "poly-boulanger-lewandowski"
CONFIGS = Path(__file__).parents[1] / "configs"
PLAYED, LENGTH = 64, 200  # sequences that a model plays for its statistics, and frames of each
SHOWN = 128  # frames of the picture


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A set, its configuration, and what was measured or published on its test split, in nats a frame."""

    source: str
    config: str
    bernoulli: float  # every pitch on its own
    markov: float  # every pitch knowing whether it sounded before
    elbo: str  # published for a VRNN
    fivo: str


BENCHMARKS = (
    Benchmark("JSB_Chorales", "vrnn-jsb", -11.06, -10.47, "-8.6 to -8.7", "-6.7 to -6.9"),
    Benchmark("Nottingham", "vrnn-nottingham", -10.25, -5.16, "-3.0 to -3.9", "-2.6 to -2.7"),
    Benchmark("MuseData", "vrnn-musedata", -11.51, -8.56, "-7.2 to -7.5", "-5.9 to -6.2"),
    Benchmark("Piano_midi", "vrnn-piano", -11.05, -8.26, "-7.8 to -8.0", "-7.4 to -7.8"),
)
# Name, latent, objective, and its part of a set's time.
MODELS = (
    ("RNN", "none", "elbo", 0.1),
    ("VRNN-I", "fixed", "elbo", 0.25),
    ("VRNN", "prior", "elbo", 0.3),
    ("VRNN, FIVO", "prior", "fivo", 0.35),
)
HEAD = (
    *("set", "model", "bound", "importance sampled, 40", "particle filter, 40", "KL, bits", "active units"),
    *("published, ELBO", "published, FIVO", "floor: Bernoulli", "floor: Markov", "parameters", "iterations"),
)


def reproduce(job: Job, configs: Path = CONFIGS, benchmarks: Sequence[Benchmark] = BENCHMARKS) -> None:
    """Train four models on each of `benchmarks`, and write their likelihoods and the paper's Figure 2."""
    store = job.store("roll", ARCHIVE)
    rows: list[Sequence[Cell]] = []
    beside: list[Sequence[Cell]] = []
    for benchmark in benchmarks:
        base = configfile.load(configs / f"{benchmark.config}.toml")
        test = pieces(store, "test", [benchmark.source])
        for name, latent, objective, share in MODELS:
            config = variant(base, latent, objective)
            folder = f"{benchmark.config}-{name.lower().replace(', ', '-')}"
            run = job.run(folder, config, store, share / len(benchmarks))
            found = measure(run.model, test)
            rows.append(_row(benchmark, name, found, run))
            job.report(f"{benchmark.source}, {name}: {found.bound:.3f} nats a frame")
            if found.collapsed:
                job.say(f"{benchmark.source}, {name}: the posterior has collapsed, an RNN is left.")
            if (latent, objective) == ("prior", "elbo"):
                beside += _music(benchmark.source, run.model, test)
                _picture(job, benchmark.source, run.model, test[0][:SHOWN])
    job.table(
        "vrnn-polyphony", "Log-likelihood of the test splits, nats a frame (higher is better)", HEAD, rows
    )
    job.say(
        "A bound is of one draw of the latents, equation 11; an RNN's likelihood is exact. Training "
        "sequences are transposed at random; a model below the floors would be broken."
    )
    head = ("set", "statistic", "test split", "VRNN plays", "overlap")
    job.table("vrnn-polyphony-music", f"What VRNN plays: {PLAYED} sequences of {LENGTH} frames", head, beside)
    job.finish("VRNN on polyphonic music")


def variant(base: Config, latent: str, objective: str) -> Config:
    """Return `base` as another of the paper's models; particles take the place of most of a batch."""
    fewer = 2 if objective == "fivo" else 1
    stages = [
        replace(stage, objective=objective, batch=max(1, stage.batch // fewer)) for stage in base.stages
    ]
    return replace(base, model=replace(base.model, latent=latent), stages=tuple(stages))


def _row(benchmark: Benchmark, name: str, found: Findings, run: LoadedRun) -> Sequence[Cell]:
    latent = bool(found.units)
    return (
        *(benchmark.source, name, found.bound),
        *((found.importance, found.filtered, found.kl_bits) if latent else (None, None, None)),
        f"{found.active} of {found.units}" if latent else None,
        *(benchmark.elbo, benchmark.fivo, benchmark.bernoulli, benchmark.markov),
        *(count(run.model), run.meta["row"]["total"]),
    )


def _music(source: str, model: VRNN, test: Sequence[Rows]) -> list[Sequence[Cell]]:
    """Return the statistics of what `model` plays beside the data's, a row each."""
    played = play(model, PLAYED, LENGTH, seed=0).cpu().numpy().astype(np.uint8)
    stretches = [rows[first : first + LENGTH] for rows in test for first in range(0, len(rows), LENGTH)]
    ours, theirs = statistics(list(played)), statistics(stretches)
    shared, means = overlap(ours, theirs), (summary(theirs), summary(ours))
    return [(source, name, means[0][name], means[1][name], shared[name]) for name in ours]


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
    job.picture(f"vrnn-{source}-latents", figure)
