"""A tiny VRASH, and archives of tiny tunes for it."""

import random
import zipfile
from pathlib import Path

from midi_song import Track, midi

from training.config import Config, Data, Stage
from training.vrash.model import ModelConfig

TINY = ModelConfig(
    sources=("jigs", "reels"), notes=16, embedding=4, label=2, encoder=8, units=12, depth=1, head=8, z_size=4
)
CONFIGURED = Config(
    TINY, Data(transpose=(-2, 2)), (Stage("notes", 2, batch=8, beta=1.0, validate_every=2),), "vrash"
)
STAGE = CONFIGURED.stages[0]


def tune(seed: int, notes: int = 50) -> bytes:
    chance = random.Random(seed)
    onset, written = 0.0, []
    for _ in range(notes):
        written.append((onset, 0.25, 60 + chance.choice((0, 2, 4, 5, 7, 9, 11, 12))))
        onset += chance.choice((0.5, 0.5, 0.5, 1.0))
    return midi([Track(written, 0, 20 + seed, "Tune")])


def write_archives(root: Path) -> None:
    """Write an archive for each source of TINY, with tunes in every split."""
    for shift, name in enumerate(TINY.sources):
        rows = ["path,split,group"]
        with zipfile.ZipFile(root / f"{name}.zip", "w") as archive:
            for index, split in enumerate(("train", "train", "valid", "test")):
                archive.writestr(f"{index}.mid", tune(10 * shift + index))
                rows.append(f"{index}.mid,{split},{name}{index}")
            archive.writestr("MANIFEST.csv", "\n".join(rows))
