"""MusicVAE, Table 1: accuracies with teacher forcing and by sampling, flat against hierarchical."""

from training.config import Stage
from training.evaluate import evaluate
from training.papers import musicvae
from training.papers.job import Cell, Job
from training.papers.musicvae import TABLE, configuration, store, trained
from training.subject import RunSubject

TITLE = "MusicVAE (Roberts et al. 2018), Table 1"
LIMIT = 300  # test windows of each source
HEAD = (
    *("model", "voice", "test songs of", "published, teacher-forced", "published, sampled"),
    *("teacher-forced", "sampled", "sampled, onsets", "KL, bits", "active units"),
    *("beta / free bits", "parameters", "minutes trained", "iterations", "best at"),
)
DIFFERS = f"""
{musicvae.DIFFERS.strip()}
- Baseline: the flat trio has a decoder for each voice, which hears z and that voice alone; the paper's is a
  single RNN with an output for each voice, so that every voice hears the others' last tokens. It is the
  weaker baseline for it.
- Order of learning: the two of a pair have equal minutes, beta and free bits, but the hierarchical one alone
  learns bars and codes first. What it gains by its conductor and what by that order, this table does not tell
  apart.
- 2 bars: beta grows faster than the paper's, for fewer iterations than its 50,000; scheduled sampling is
  hardly met by so few where the configuration keeps the paper's rate of 2000.
- Test: up to {LIMIT} windows a source, each source apart, since the share of steps where nothing new happens
  is not the same in any two. Sampled onsets count struck notes only. The paper's test windows are of its own
  songs.
"""


def reproduce(job: Job) -> None:
    """Train what is missing of the eight models and table their accuracies on each source's test songs."""
    configs = {entry.config: configuration(job, entry.config) for entry in TABLE}
    shares = {entry.config: entry.share for entry in TABLE}
    rows: list[list[Cell]] = []
    falls: dict[str, list[float]] = {}
    for entry in TABLE:
        model = trained(job, configs, shares, entry.config).model
        made, price = job.trained[entry.config], charged(configs[entry.config].stages[-1])
        results = evaluate(RunSubject(model), store(job), "test", limit=LIMIT, samples=0)
        forced_there, sampled_there = entry.published
        for v, voice in enumerate(entry.voices):
            published: list[Cell] = [forced_there[v], sampled_there[v]]
            for name, source in results["sources"].items():
                forced = float(source["teacher_forced"][voice]["token"])
                sampled = float(source["sampled"][voice]["token"])
                onset = float(source["sampled"][voice]["onset"])
                units = f"{source['active_units']} of {source['z_size']}"
                rows.append([entry.title, voice, name, *published, forced, sampled, onset])
                rows[-1] += [float(source["kl_bits"]), units, price, made.parameters]
                rows[-1] += [made.told(), made.iterations, made.best]
                falls.setdefault(f"{entry.title} ({voice})", []).append(forced - sampled)
        for name, source in results["sources"].items():
            if source["collapsed"]:
                job.say(f"{entry.title}, {name}: **posterior collapse**")
    job.table("", f"{TITLE}: shares of equal tokens, temperature 1.0", HEAD, rows)
    fell: list[list[Cell]] = [[name, sum(fall) / len(fall)] for name, fall in falls.items()]
    job.table("falls", "From teacher-forced to sampled, mean over sources", ("model", "fall"), fell)
    job.finish(TITLE, DIFFERS)


def charged(stage: Stage) -> str:
    """Return what `stage` charges for the KL: its weight, and the bits that are free."""
    return f"{stage.beta:g} / {stage.free_bits:g}"
