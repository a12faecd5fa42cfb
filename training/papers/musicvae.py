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
    """A row of Table 1: the model's configuration and the published accuracies, voice by voice."""

    title: str
    config: str
    share: float  # of the minutes, relative to the others
    forced: tuple[float, ...]
    sampled: tuple[float, ...]


# Roberts et al. 2018, Table 1; the two of a pair have equal minutes.
TABLE = (
    Entry("2-bar drums", "drums", 1.0, (0.979,), (0.917,)),
    Entry("2-bar melody", "melody", 1.0, (0.986,), (0.951,)),
    Entry("16-bar melody, flat", "song-flat", 1.0, (0.883,), (0.620,)),
    Entry("16-bar melody, hierarchical", "song", 1.0, (0.919,), (0.812,)),
    Entry("16-bar drums, flat", "beat-flat", 1.0, (0.884,), (0.549,)),
    Entry("16-bar drums, hierarchical", "beat", 1.0, (0.928,), (0.879,)),
    Entry("trio, flat", "trio-flat", 2.0, (0.796, 0.829, 0.903), (0.579, 0.565, 0.641)),
    Entry("trio, hierarchical", "trio", 2.0, (0.848, 0.880, 0.912), (0.753, 0.773, 0.863)),
)


def store(job: Job) -> Store:
    """Return the store of all the archives."""
    return job.store("trio", *ARCHIVES)


def trained(job: Job, config: str, among: Mapping[str, float]) -> LoadedRun:
    """Return the run of `config`; its part of the minutes is its share of those in `among`."""
    found = configfile.load(job.configs / f"{config}.toml")
    return job.run(config, found, store(job), among[config] / sum(among.values()))
