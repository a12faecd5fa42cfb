"""`live-train papers vrash`: Tikhonov & Yamshchikov 2017, cross-entropy (Figure 5) and latents (Figure 6).

The paper's 15,000 tracks are nobody's to pass on, and it does not say which notes its cross-entropy is over,
nor whether VRASH's holds the KL. Here a note's is the sum over delay, pitch class and octave; VRASH's own
column of the same name is the reconstruction, and its bound, which is what compares with a language model's
likelihood, is told apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from training import run
from training.config import Config
from training.configfile import load
from training.data.draws import spread_rows
from training.data.notes import ELEMENTS
from training.data.store import Store
from training.loss import SAMPLES
from training.papers import CONFIGS
from training.papers.job import Cell, Job
from training.vrash.examine import BATCH, DRAWS, LIMIT, Results, examine
from training.vrash.model import ARCHIVES, VRASH
from training.vrash.phrases import phrases

CONFIG = CONFIGS / "vrash.toml"
UNTRAINED = "untrained"
MODELS = {  # by the name of each: family, cell, and the paper's figure
    "LM, highway": ("lm", "highway", None),
    "LM, LSTM": ("lm", "lstm", 2.34),
    "VAE, highway": ("vae", "highway", None),
    "VAE, LSTM": ("vae", "lstm", None),
    "VRASH, highway": ("vrash", "highway", 2.11),
    "VRASH, LSTM": ("vrash", "lstm", None),
}
OURS = "VRASH, highway"
BASELINES = tuple(name for name, (family, _, _) in MODELS.items() if family == "lm")
HEAD = (
    "model",
    "parameters",
    "published",
    "cross-entropy, nats a note",
    "KL",
    "bound",
    "importance-sampled",
    "KL, bits a phrase",
    "active units",
    "collapsed",
)
DIFFERS = """
- Published: 2.34 (LM) and 2.11 (VRASH) are read from the paper's text. It does not say over which notes and
  elements, in which base of the logarithm, or whether VRASH's holds the KL. Here a note's cross-entropy is in
  nats, the sum over delay, pitch class and octave; VRASH's is the reconstruction, and its bound is what
  compares with the LM's likelihood.
- Data: folk tunes, lead sheets, pop melodies and game scores of open archives; the paper's are 15,000 tracks
  of 4 GB of MIDI files of many genres, which nobody may pass on. The filters of tracks are the paper's: at
  most 11 pauses, enough entropy, the median pitch in the 4th octave.
- Size: the paper tells only that z has 16 dimensions. Here all models have the configuration's sizes, so that
  the LM, which has no encoder, is the smallest; and tracks are cut into phrases of a fixed number of notes.
- Training: equal minutes for each; the paper compares near saturation. A model whose best checkpoint is its
  last one was still learning.
- Method: the elements of a note are drawn one after the other, each hearing those before; part of the
  tracks hide their label in training. The weight of the KL grows in training, and where the configuration
  has free bits they cost nothing there and in choosing the checkpoint; the table counts the whole KL.
"""
SAMPLED = ("repeated notes", "pitch entropy", "rhythm entropy", "intervals", "in key", "repeated motifs")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained, and on how much it is examined."""

    config: Config
    archives: tuple[str, ...] = ARCHIVES
    limit: int = LIMIT
    samples: int = SAMPLES
    draws: int = DRAWS
    latents: int = 2000  # phrases in the picture of latents

    def runs(self) -> dict[str, Config]:
        """Return the configuration of each run by the name of its model."""
        sizes = self.config.model
        return {
            name: replace(self.config, model=replace(sizes, family=family, cell=cell))
            for name, (family, cell, _) in MODELS.items()
        }


def reproduce(job: Job, plan: Plan | None = None) -> None:
    """Train VRASH and its baselines for equal shares of the time, and write what the paper's figures show."""
    from training.papers.vrash_pictures import bars

    plan = plan or Plan(load(job.configs / CONFIG.name))
    store = job.store("note", *plan.archives)
    runs = plan.runs()
    models = {name: job.run(_folder(name), config, store, 1 / len(runs)) for name, config in runs.items()}
    torch.manual_seed(plan.config.seed)
    trained = {UNTRAINED: VRASH(runs["LM, highway"].model), **{k: v.model.cpu() for k, v in models.items()}}
    examined = {
        name: examine(model, store, limit=plan.limit, samples=plan.samples, draws=plan.draws)
        for name, model in trained.items()
    }
    job.table("cross-entropy", "Cross-entropy on the test split (Figure 5)", HEAD, _bounds(examined))
    job.table("elements", "Of each element, and by source", *_parts(examined))
    job.table("samples", f"{plan.draws} phrases drawn beside the data", *_samples(examined))
    job.picture("cross-entropy", bars({name: found["all"] for name, found in examined.items()}))
    _verdict(job, examined)
    _latents(job, trained[OURS], store, plan.latents)
    job.finish(f"VRASH, on {', '.join(plan.archives)}", DIFFERS)


def _folder(name: str) -> str:
    return name.replace(", ", "-").lower()


def _bounds(examined: Mapping[str, Results]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for name, results in examined.items():
        found, latent = results["all"], results["all"]["z_size"] > 0
        told = (
            [found["kl"], found["bound"], found["importance_sampled"], found["kl_bits"]] if latent else None
        )
        cells = [results["model"]["parameters"], MODELS[name][2] if name in MODELS else None]
        units = f"{found['active_units']} of {found['z_size']}" if latent else None
        collapsed = ("yes" if found["collapsed"] else "no") if latent else None
        rows.append([name, *cells, found["cross_entropy"], *(told or [None] * 4), units, collapsed])
    return rows


def _parts(examined: Mapping[str, Results]) -> tuple[list[str], list[list[Cell]]]:
    sources = list(examined[OURS]["sources"])
    head = ["model", *(f"{name}, nats" for name in ELEMENTS), *(f"{name}, right" for name in ELEMENTS)]
    rows: list[list[Cell]] = [
        [
            name,
            *results["all"]["nats"].values(),
            *results["all"]["accuracy"].values(),
            *(results["sources"][source]["bound"] for source in sources),
        ]
        for name, results in examined.items()
    ]
    return [*head, *(f"bound, {source}" for source in sources)], rows


def _samples(examined: Mapping[str, Results]) -> tuple[list[str], list[list[Cell]]]:
    data = examined[OURS]["prior"]
    entropy = data["pooled_entropy"]["data"]
    rows: list[list[Cell]] = [["data", *(data["data"][name] for name in SAMPLED), entropy, None]]
    for name, results in examined.items():
        prior = results["prior"]
        shared = [value for value in prior["overlap"].values() if value is not None]
        cells = [prior["statistics"][key] for key in SAMPLED]
        rows.append([name, *cells, prior["pooled_entropy"]["model"], float(np.mean(shared))])
    return ["model", *SAMPLED, "entropy of all pitches, bits", "mean overlap with the data"], rows


def _verdict(job: Job, examined: Mapping[str, Results]) -> None:
    """Say whether what the paper found came out, against the better of the language models."""
    told = {name: examined[name]["all"]["cross_entropy"] for name in BASELINES}
    best = min(told, key=lambda name: told[name])
    ours, baseline = examined[OURS]["all"], told[best]
    repeats = {name: examined[name]["prior"]["statistics"]["repeated notes"] for name in (best, OURS)}
    above = {key: ours[key] - baseline for key in ("cross_entropy", "bound", "importance_sampled")}
    untrained = examined[UNTRAINED]["all"]["cross_entropy"] - baseline
    job.say(
        f"{OURS}, against the better language model, {best}, nats a note: "
        f"{above['cross_entropy']:+.3f} in cross-entropy, {above['bound']:+.3f} as a bound, "
        f"{above['importance_sampled']:+.3f} by importance sampling; "
        f"untrained {untrained:+.3f}. So z makes the notes likelier, and what it costs to tell z is "
        f"{'more' if above['importance_sampled'] > 0 else 'less'} than that. Repeated notes: "
        f"{repeats[OURS]:.3f} against {repeats[best]:.3f}, the data has "
        f"{examined[OURS]['prior']['data']['repeated notes']:.3f}."
    )


@torch.no_grad()
def _latents(job: Job, model: VRASH, store: Store, count: int) -> None:
    """Draw the latents of phrases that do not tell their label, and say how they keep together (Figure 6)."""
    from training.papers.places import kept, scatter, tsne

    found = phrases(store, model.config)
    rows = found.of("test")
    rows = spread_rows(rows, count)
    notes = found.read(rows)
    notes[..., len(ELEMENTS) :] = -1
    mu = torch.cat([model.posterior(some).mu for some in notes.split(BATCH)]).double().numpy()
    names = found.names(rows)
    title = "t-SNE of the latents of test phrases, by source"
    job.picture("t-sne", scatter(tsne(mu), names, title))
    same, chance = kept(mu, names)
    job.say(
        f"Latents of {len(mu)} test phrases that do not tell their source: the nearest other one is of the "
        f"same source for {same:.0%}; by chance for {chance:.0%}. Model {run.identity(model)}."
    )
