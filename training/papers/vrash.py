"""`live-train papers vrash`: Tikhonov & Yamshchikov 2017, cross-entropy (Figure 5) and latents (Figure 6).

The paper's 15,000 tracks are nobody's to pass on, and it does not say which notes its cross-entropy is over,
nor whether VRASH's holds the KL. Here a note's is the sum over delay, pitch class and octave; VRASH's own
column of the same name is the reconstruction, and its bound, which is what compares with a language model's
likelihood, is told apart.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training import run
from training.data.draws import spread_rows
from training.data.notes import ELEMENTS
from training.data.store import Store
from training.papers.job import Cell, Job
from training.papers.vrash_plan import BASELINES, CONFIG, MODELS, OURS, UNTRAINED, Plan
from training.vrash.examine import BATCH, Results, examine
from training.vrash.model import VRASH
from training.vrash.phrases import phrases

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


def reproduce(job: Job, plan: Plan | None = None) -> None:
    """Train VRASH and its baselines for equal shares of the time, and write what the paper's figures show."""
    from training.papers.vrash_pictures import bars

    plan = plan or Plan(job.config(CONFIG, "vrash"))
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
    title = f"{plan.draws} phrases drawn beside the data, +- standard errors over phrases"
    job.table("samples", title, *_samples(examined))
    job.picture("cross-entropy", bars({name: found["all"] for name, found in examined.items()}))
    job.say(verdict(examined))
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
    rows: list[list[Cell]] = [["data", *(_mean(data, "data", name) for name in SAMPLED), entropy, None]]
    for name, results in examined.items():
        prior = results["prior"]
        cells = [_mean(prior, "model", key) for key in SAMPLED]
        rows.append([name, *cells, prior["pooled_entropy"]["model"], _overlap(prior)])
    return ["model", *SAMPLED, "entropy of all pitches, bits", "mean overlap with the data"], rows


def _mean(prior: Results, whose: str, name: str) -> str | None:
    """Return the mean of a statistic over the phrases of "model" or "data", with its standard error."""
    mean, error = prior["statistics" if whose == "model" else "data"][name], prior["errors"][whose][name]
    return None if mean is None else f"{mean:.3f}" if error is None else f"{mean:.3f} +- {error:.3f}"


def _overlap(prior: Results) -> float:
    return float(np.mean([value for value in prior["overlap"].values() if value is not None]))


def verdict(examined: Mapping[str, Results]) -> str:
    """Return whether what the paper found came out, against the better of the language models."""
    told = {name: examined[name]["all"]["cross_entropy"] for name in BASELINES}
    best = min(told, key=lambda name: told[name])
    ours, baseline = examined[OURS]["all"], told[best]
    above = {key: ours[key] - baseline for key in ("cross_entropy", "bound", "importance_sampled")}
    words = {key: "likelier" if value < 0 else "less likely" for key, value in above.items()}
    untrained = examined[UNTRAINED]["all"]["cross_entropy"] - baseline
    mine, other = (examined[name]["prior"] for name in (OURS, best))
    places = ((mine, "model"), (other, "model"), (mine, "data"))
    own, theirs, data = (_mean(prior, whose, "repeated notes") for prior, whose in places)
    overlaps = "; ".join(f"{name} {_overlap(results['prior']):.3f}" for name, results in examined.items())
    return (
        f"{OURS}, against the better language model, {best}, nats a note: "
        f"{above['cross_entropy']:+.3f} in cross-entropy, {above['bound']:+.3f} as a bound, "
        f"{above['importance_sampled']:+.3f} by importance sampling; "
        f"untrained {untrained:+.3f}. So given z its notes are {words['cross_entropy']} than under the "
        f"language model, and with what it costs to tell z they are {words['importance_sampled']}. "
        f"Repeated notes: {_repeats(mine, other)}, {own} against {theirs}, the data has {data}; fewer or "
        f"more is what lies beyond 2 standard errors of the difference. "
        f"Mean overlap with the data: {overlaps}."
    )


def _repeats(ours: Results, theirs: Results) -> str:
    """Return whether `ours` repeats fewer notes than `theirs`, as far as the phrases drawn can tell."""
    apart = ours["statistics"]["repeated notes"] - theirs["statistics"]["repeated notes"]
    errors = [prior["errors"]["model"]["repeated notes"] for prior in (ours, theirs)]
    if None in errors or abs(apart) <= 2 * np.hypot(*errors):
        return "level within the error"
    return "fewer" if apart < 0 else "more"


@torch.no_grad()
def _latents(job: Job, model: VRASH, store: Store, count: int) -> None:
    """Draw the latents of phrases that do not tell their label, and say how they keep together (Figure 6)."""
    from training.papers.places import beside_untrained, same, scatter, tsne

    found = phrases(store, model.config)
    rows = found.of("test")
    rows = spread_rows(rows, count)
    notes = found.read(rows)
    notes[..., len(ELEMENTS) :] = -1
    mu = _means(model, notes)
    names = found.names(rows)
    title = "t-SNE of the latents of test phrases, by source"
    job.picture("t-sne", scatter(tsne(mu), names, title))
    alike = same(notes.numpy())
    shares = beside_untrained(mu, lambda: _means(VRASH(model.config).eval(), notes), names, alike)
    job.say(
        f"Latents of {len(mu)} test phrases that do not tell their source: the nearest other one that is not "
        f"the same note for note is of the same source {shares}. Model {run.identity(model)}."
    )


def _means(model: VRASH, notes: Tensor) -> NDArray[np.float64]:
    """Return the posteriors' means (N, z_size) of `notes` (N, T, 5)."""
    found = [model.posterior(some).mu for some in notes.split(BATCH)]
    return np.asarray(torch.cat(found).double().numpy())
