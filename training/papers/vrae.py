"""`live-train papers vrae`: the figures of Fabius & van Amersfoort 2015, and its three proposed improvements.

The paper shows no table, and its figures no number in the text: there is no published column. It has 8 songs
of video games that nobody may pass on; here are 8 of one composer of game music, as many as it has and as
repetitive, a third of their bars being new: what is learnt by heart must be little and hang together.
"""

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.data.draws import spread_rows
from training.data.store import Store
from training.papers import vrae_pictures as pictures
from training.papers.job import Cell, Job
from training.papers.places import beside_untrained, same, scatter, tsne
from training.papers.vrae_plan import BAR, MAP, MEDLEY, PLAYS, Plan
from training.statistics import summary
from training.subject import prior_latents
from training.vrae.examine import Results, examine, posteriors
from training.vrae.excerpts import Excerpts
from training.vrae.model import VRAE
from training.vrae.playing import leans, logistic, of_rolls, windows

DIFFERS = """
- No published column: the paper has no table, and its figures have no number in the text.
- Data: eight songs of game music by one composer, which may be passed on; the paper's eight are well-known
  songs of video games. All excerpts of a song are learnt, the paper's are the first 520 of each. 54 pitches
  are kept, not 49, and notes beyond them are heard an octave nearer. A bar has 40 frames whatever its tempo:
  20 Hz, as in the paper, at 120 BPM. Songs that were not learnt stand beside those that were, where the paper
  has the learnt ones only.
- Training: both sizes learn at 1e-3 falling to 5e-6, the paper's for its 2-d model; its 20-d model has 2e-5
  and 1e-5, which takes days. Training ends with the minutes or the configuration's iterations, and the
  checkpoint is the best on the learnt songs themselves.
- Method: the options are the paper's three proposals (section 4), and hearing drawn notes where the paper's
  decoder hears its own probabilities. The two models named as they play are the presets', of other sizes and
  with free bits.
- Pictures: rolls are draws of what a model's probabilities say, those of a walk with one noise; the likeliest
  frames of a model that is sure of no note yet are silent.
"""
HEAD = (
    "model",
    "parameters",
    "frames",
    "bound, unheard songs, nats a frame",
    "bound, own songs",
    "importance-sampled, own",
    "KL, own, bits",
    "active units, own",
    "accuracy, own",
    "collapsed",
)
READING = (
    "Own songs are the training songs, which a model is to know by heart as the paper's did: they chose its "
    "best checkpoint, too, and a model of more parameters is the better the more it remembers. What a model "
    "knows of music shows in the bound on unheard songs, those of the test split. A frame of the two models "
    "that play comes from an excerpt of {as_played} frames, of the others of {paper} and {map}: their "
    "bounds do not compare."
)


def reproduce(job: Job, plan: Plan | None = None) -> None:
    """Train the models of `plan`, by default the paper's, and write all that its figures show."""
    plan = plan or Plan(job.config("map", "vrae"), job.config("medley", "vrae"))
    store = job.store("roll", plan.archive)
    runs = plan.runs()
    models: dict[str, VRAE] = {}
    for name, config in runs.items():
        models[name] = job.run(_folder(name), config, store, 1 / len(runs)).model.cpu()
        if config.model.z_size != plan.map.model.z_size:  # all are examined on excerpts a half apart
            models[name].config = replace(models[name].config, hop=runs[MEDLEY].model.hop)
    _bounds(job, list(models))
    examined = {name: examine(model, store, limit=plan.limit, draws=0) for name, model in models.items()}
    job.table("options", "The bound and its options", HEAD, _rows(examined))
    frames = {"as_played": plan.medley.model.steps, "paper": BAR, "map": plan.map_steps}
    job.say(READING.format(**frames))
    _latents(job, models[MAP], store, "2-d latents of each excerpt, by song", plan.limit)
    _latents(job, models[MEDLEY], store, "t-SNE of 20-d latents, by song", plan.limit)
    for name in (MAP, MEDLEY, *PLAYS.values()):
        rolls, first, last = _walk(models[name], store)
        picture = pictures.interpolation(rolls, first, last, models[name].config.lowest)
        job.picture(f"interpolation-{_folder(name)}", picture)
    _thousand(job, models, plan.steps)
    _playing(job, models, store, plan)
    job.finish(f"VRAE, on {plan.archive}", DIFFERS)


def _folder(name: str) -> str:
    return name.replace("'s", "").replace(",", "").replace(" ", "-").lower()


def _bounds(job: Job, names: list[str]) -> None:
    """Draw the bound over the iterations of every run (Figures 1 and 2, left)."""
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for name in names:
        with (job.output / "runs" / _folder(name) / "curves.csv").open() as file:
            rows = list(csv.DictReader(file))
        curves[name] = [float(row["total"]) for row in rows], [float(row["bound"]) for row in rows]
    job.picture("bound", pictures.bounds(curves))


def _rows(examined: Mapping[str, Results]) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for name, results in examined.items():
        known = results["sources"]["known"]
        unheard = [part for source, part in results["sources"].items() if source != "known"]
        rows.append(
            [
                name,
                results["model"]["parameters"],
                results["model"]["frames"],
                unheard[0]["bound"] if unheard else None,
                known["bound"],
                known["importance_sampled"],
                known["kl_bits"],
                f"{known['active_units']} of {known['z_size']}",
                known["accuracy_free"],
                "yes" if known["collapsed"] else "no",
            ]
        )
    return rows


def _latents(job: Job, model: VRAE, store: Store, title: str, limit: int) -> None:
    """Draw where the excerpts of each song lie, and say how much a song keeps to itself."""
    excerpts = Excerpts(store, model.config)
    rows = spread_rows(excerpts.known(), limit)
    mu = posteriors(model, excerpts, rows)[0]
    songs = [Path(path).stem for path in excerpts.songs(rows)]
    name, places = ("map", mu) if mu.shape[1] == 2 else ("t-sne", tsne(mu))
    job.picture(name, scatter(places, songs, title))
    first = excerpts.places[rows, 1]
    overlapping = np.abs(np.subtract.outer(first, first)) < model.config.steps
    alike = same(excerpts.read(rows).numpy()) | overlapping
    shares = beside_untrained(
        mu, lambda: posteriors(VRAE(model.config).eval(), excerpts, rows)[0], songs, alike
    )
    job.say(
        f"{title}: the nearest other excerpt, in all dimensions, that is not the same note for note and does "
        f"not overlap it is of the same song {shares}."
    )


@torch.no_grad()
def _walk(model: VRAE, store: Store) -> tuple[list[np.ndarray], str, str]:
    """Return the rolls on the way between an excerpt of the first song and one of the last (section 3.3).

    All are drawn with one noise: the likeliest frames of a model that is not sure of any note are silent.
    """
    excerpts = Excerpts(store, model.config)
    rows = excerpts.known()
    songs = excerpts.songs(rows)
    ends = [rows[len(rows) // (2 * len(set(songs)))], rows[-1 - len(rows) // (2 * len(set(songs)))]]
    mu = model.posterior(excerpts.read(np.array(ends))).mu
    places = torch.linspace(0, 1, pictures.WALK).unsqueeze(1)
    bars = -(-model.config.steps // model.config.bar)
    noise = logistic(model, bars, 1, seed=0).expand(-1, pictures.WALK, -1, -1)
    rolls = model.play((1 - places) * mu[0] + places * mu[1], bars, 1.0, noise)
    first, last = (Path(path).stem for path in excerpts.songs(np.array(ends)))
    return [np.asarray(roll.numpy()) for roll in rolls], first, last


def _thousand(job: Job, models: Mapping[str, VRAE], steps: int) -> None:
    """Draw what one vector of the prior gives, run on without leaning as in the paper (section 3.3)."""
    rolls = {}
    for name in (MEDLEY, PLAYS["medley"]):
        model = models[name]
        kept, model.config = model.config, replace(model.config, lean=0.0)
        z, bars = prior_latents(1, model.config.z_size, seed=1), -(-steps // model.config.bar)
        roll: Tensor = model.play(z, bars, 1.0, logistic(model, bars, 1, seed=0))[0, :steps]
        rolls[name], model.config = np.asarray(roll.numpy()), kept
    job.picture("thousand-steps", pictures.long_rolls(rolls, models[MEDLEY].config.lowest))


def _playing(job: Job, models: Mapping[str, VRAE], store: Store, plan: Plan) -> None:
    """Table how two models play on for each lean towards z, beside the songs."""
    rows: list[list[Cell]] = []
    data: dict[str, float | None] = {}
    for name in PLAYS.values():
        model = models[name]
        data = summary(of_rolls(model, windows(model, store, plan.limit)))
        for lean, found in leans(model, store, plan.played, plan.bars).items():
            last = [found["last"][key] for key in PLAYED_AS]
            told = [found["temperature"], found["overlap"], found["obedience"], found["changed"]]
            rows.append([name, lean, *told, *last])
    rows.append(["the songs", None, None, None, None, None, *(data[key] for key in PLAYED_AS)])
    head = ("model", "lean", "temperature", "overlap at the end", "follows a turned z", "changed")
    title = f"The last 4 of {plan.bars} bars from draws of the prior, and whether a turned z is followed"
    job.table("playing", title, (*head, *PLAYED_AS), rows)


PLAYED_AS = ("density", "polyphony", "register", "range", "in key", "length", "repeated", "silent")
