"""What the reproductions of MusicVAE share: the archives, the models of Table 1, their runs, what differs."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.config import Config
from training.data.store import Store
from training.papers.job import Job
from training.run import LoadedRun
from training.tables import PUBLISHED

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

MELODY, DRUMS, TRIO = ("melody",), ("drums",), ("melody", "bass", "drums")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of Table 1: the model's configuration, its part of the minutes, and what it must be."""

    title: str
    config: str
    share: float  # relative to the others
    family: str
    bars: int
    voices: tuple[str, ...]

    @property
    def published(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The paper's accuracies of each voice, teacher-forced and sampled."""
        return PUBLISHED[self.family, self.bars, self.voices]


# Roberts et al. 2018, Table 1; the two of a pair have equal minutes.
TABLE = (
    Entry("2-bar drums", "drums", 1.0, "flat", 2, DRUMS),
    Entry("2-bar melody", "melody", 1.0, "flat", 2, MELODY),
    Entry("16-bar melody, flat", "song-flat", 1.0, "flat", 16, MELODY),
    Entry("16-bar melody, hierarchical", "song", 1.0, "hierarchical", 16, MELODY),
    Entry("16-bar drums, flat", "beat-flat", 1.0, "flat", 16, DRUMS),
    Entry("16-bar drums, hierarchical", "beat", 1.0, "hierarchical", 16, DRUMS),
    Entry("trio, flat", "trio-flat", 2.0, "flat", 16, TRIO),
    Entry("trio, hierarchical", "trio", 2.0, "hierarchical", 16, TRIO),
)

# What Table 1 and Figures 3 and 4 have in common.
DIFFERS = """
- Data: the paper has windows of some 1.5 million MIDI files from the web, here they are of a few thousand
  songs in eight open archives: pop, lead sheets, folk tunes, game scores and drummers. Bass and drums of the
  pop and lead-sheet trios were played by a program from patterns of accompaniment.
- Size: encoders of 2 x 192 to 2 x 384 units, decoders of 256 and a conductor of 512 where the paper has 2048,
  1024 and 1024; its trio has 231 million parameters. Batches are of 32 to 64 windows, not 512, and training
  ends with the minutes or the configuration's iterations, where the paper has 50,000 (2 bars) and 100,000 (16
  bars).
- Method: the encoder reads in two levels, each bar and then the sequence of bars; the paper's reads all
  steps at once. The code of a bar is normalised; the one that the bar encoder gives is noisy while single
  bars are learnt. The hierarchical models learn single bars first, then the codes of bars, and last the
  paper's objective, with the bar encoder fixed and 4 of 16 bars decoded at a time; the flat ones learn by
  the paper's objective alone. Drums of 16 bars have beta 0.05, flat and hierarchical alike, where the paper
  has 0.2; free bits are the paper's, 48 and 256.
"""


def store(job: Job) -> Store:
    """Return the store of all the archives."""
    return job.store("trio", *ARCHIVES)


def configuration(job: Job, name: str) -> Config:
    """Return the configuration `name` of the table; PaperError: a model that stands elsewhere, or nowhere."""
    entry = next(entry for entry in TABLE if entry.config == name)
    return job.config(name, "musicvae", family=entry.family, bars=entry.bars, voices=entry.voices)


def trained(job: Job, configs: Mapping[str, Config], shares: Mapping[str, float], name: str) -> LoadedRun:
    """Return the run `name` of `configs`; its part of the minutes is its share of those in `shares`."""
    return job.run(name, configs[name], store(job), shares[name] / sum(shares.values()))
