"""A small real store and tiny configurations, shared by the tests of training."""

from pathlib import Path

import pytest
from midi_song import midi, trio
from small import TINY
from vrash_parts import TINY as TINY_VRASH
from vrash_parts import write_archives

from training.config import Config, Data, Stage
from training.data.prepare import prepare
from training.data.store import Store
from training.papers.job import Job


@pytest.fixture(scope="session")
def band_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store of six trios, two a split."""
    root = tmp_path_factory.mktemp("band")
    band = root / "band"
    band.mkdir()
    rows = ["path,split,group"]
    for index, split in enumerate(("train", "valid", "test")):
        for which in range(2):
            (band / f"{split}{which}.mid").write_bytes(midi(trio(20, seed=2 * index + which)))
            rows.append(f"{split}{which}.mid,{split},{split}{which}")
    (band / "MANIFEST.csv").write_text("\n".join(rows) + "\n")
    prepare([band], root / "store")
    return root / "store"


@pytest.fixture(scope="session")
def band(band_folder: Path) -> Store:
    """The store itself."""
    return Store.open(band_folder)


@pytest.fixture(scope="session")
def tiny() -> Config:
    """A whole curriculum of a few iterations with a tiny hierarchical model."""
    short = {
        "iterations": 4,
        "batch": 8,
        "validate_every": 2,
        "learning_rate": 1e-2,
        "learning_rate_end": 1e-3,
    }
    stages = (
        Stage("bars", **short),
        Stage("codes", **short),
        Stage("windows", bars_decoded=4, scheduled_sampling=50.0, **short),
    )
    return Config(TINY, Data(), stages)


@pytest.fixture(scope="session")
def tunes_job(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A paper's job beside two archives of tiny tunes."""
    root = tmp_path_factory.mktemp("archives")
    write_archives(root)
    return Job("vrash", root, root / "results", report=lambda text: None)


@pytest.fixture(scope="session")
def tunes(tunes_job: Job) -> Store:
    """The store of their notes."""
    return tunes_job.store("note", *TINY_VRASH.sources)
