"""What the reproductions of MusicVAE share: the archives, the models of Table 1, and their runs."""

from collections.abc import Mapping
from dataclasses import dataclass

from training import configfile
from training.data.store import Store
from training.papers.job import Job
from training.run import LoadedRun

ARCHIVES = (
    "pop909-mma-trio",
    "pop909-mma-trio-2",
    "lead-mma-trio",
    "free-games",
    "groove",
    "openewld",
    "nottingham",
    "folk-fiddle",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of Table 1: the model's configuration, and its part of the minutes."""

    title: str
    config: str
    share: float  # relative to the others


# Roberts et al. 2018, Table 1; the two of a pair have equal minutes.
TABLE = (
    Entry("2-bar drums", "drums", 1.0),
    Entry("2-bar melody", "melody", 1.0),
    Entry("16-bar melody, flat", "song-flat", 1.0),
    Entry("16-bar melody, hierarchical", "song", 1.0),
    Entry("16-bar drums, flat", "beat-flat", 1.0),
    Entry("16-bar drums, hierarchical", "beat", 1.0),
    Entry("trio, flat", "trio-flat", 2.0),
    Entry("trio, hierarchical", "trio", 2.0),
)


def store(job: Job) -> Store:
    """Return the store of all the archives."""
    return job.store("trio", *ARCHIVES)


def trained(job: Job, config: str, among: Mapping[str, float]) -> LoadedRun:
    """Return the run of `config`; its part of the minutes is its share of those in `among`."""
    found = configfile.load(job.configs / f"{config}.toml")
    return job.run(config, found, store(job), among[config] / sum(among.values()))
