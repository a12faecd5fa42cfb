"""A tiny hierarchical MusicVAE, and an archive of a few short songs."""

import zipfile
from pathlib import Path

from midi_song import midi, trio

from training.musicvae.model import ModelConfig

TINY = ModelConfig(
    embedding=8, bar_encoder=16, sequence_encoder=16, z_size=8, conductor=16, code=8, decoder=16
)


SPLITS = ("train", "valid", "test")


def song_archive(path: Path, bars: int = 6, splits: tuple[str, ...] = SPLITS) -> Path:
    """Write an archive of songs of `bars` bars in a folder `maker`, two a split, and return it."""
    rows = ["path,split,group"]
    with zipfile.ZipFile(path, "w") as archive:
        for index, split in enumerate(splits):
            for which in range(2):
                name = f"maker/{split}{which}.mid"
                archive.writestr(name, midi(trio(bars, seed=2 * index + which)))
                rows.append(f"{name},{split},{split}{which}")
        archive.writestr("MANIFEST.csv", "\n".join(rows) + "\n")
    return path
