"""MusicVAE, Table 1: accuracies with teacher forcing and by sampling, flat against hierarchical."""

from training.evaluate import evaluate
from training.papers.job import Cell, Job
from training.papers.musicvae import TABLE, store, trained
from training.subject import RunSubject
from training.tables import PUBLISHED

TITLE = "MusicVAE (Roberts et al. 2018), Table 1"
LIMIT = 300  # test windows of each source


def reproduce(job: Job) -> None:
    """Train what is missing of the eight models and table their accuracies on each source's test songs."""
    among = {entry.config: entry.share for entry in TABLE}
    rows: list[list[Cell]] = []
    falls: dict[str, list[float]] = {}
    for entry in TABLE:
        loaded = trained(job, entry.config, among)
        results = evaluate(RunSubject(loaded.model), store(job), "test", limit=LIMIT, samples=0)
        config = loaded.model.config
        forced_there, sampled_there = PUBLISHED[config.family, config.bars, config.voices]
        for v, voice in enumerate(config.voices):
            published: list[Cell] = [forced_there[v], sampled_there[v]]
            for name, source in results["sources"].items():
                forced = float(source["teacher_forced"][voice]["token"])
                sampled = float(source["sampled"][voice]["token"])
                onset = float(source["sampled"][voice]["onset"])
                units = f"{source['active_units']} of {source['z_size']}"
                rows.append([entry.title, voice, name, *published, forced, sampled, onset])
                rows[-1] += [float(source["kl_bits"]), units, f"{loaded.meta['row']['minutes']:.0f}"]
                falls.setdefault(f"{entry.title} ({voice})", []).append(forced - sampled)
                if source["collapsed"]:
                    job.say(f"{entry.title}, {name}: **posterior collapse**")
    head = ["model", "voice", "test songs of", "published, teacher-forced", "published, sampled"]
    head += ["teacher-forced", "sampled", "sampled, onsets", "KL, bits", "active units", "minutes"]
    job.table("table1", f"{TITLE}: shares of equal tokens, temperature 1.0", head, rows)
    fell: list[list[Cell]] = [[name, sum(fall) / len(fall)] for name, fall in falls.items()]
    job.table("falls", "From teacher-forced to sampled, mean over sources", ("model", "fall"), fell)
    job.finish(TITLE)
