"""The store that training reads: memory-mapped rows of music, songs, windows and splits (NumPy only)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from training.data.songs import FORMS, SPLITS, Song, StoreError, inside, read_array, read_json, read_songs

VERSION = 2
FILES = ("store.json", "songs.json", "report.json", "rows.npy", "windows.npy", "bars.npy")
BARS = 16  # in a window of a trio


@dataclass(frozen=True, slots=True)
class Store:
    """An open store.

    `rows` (total, *FORMS[form].row) are the songs one after the other. A store of trios lists what is worth
    training on: `windows` and `bars` int32 (N, 2), song index and absolute (first) row; in other forms these
    are empty. `meta` is store.json.
    """

    rows: NDArray[Any]
    songs: tuple[Song, ...]
    windows: NDArray[np.int32]
    bars: NDArray[np.int32]
    meta: dict[str, Any]

    @classmethod
    def open(cls, path: Path | str) -> "Store":
        """Open the store in folder `path`. StoreError: what is missing or does not fit."""
        folder = Path(path)
        if not folder.exists() and set_aside(folder).is_dir():  # `prepare` was killed as it replaced this one
            folder = set_aside(folder)
        meta = read_json(folder / "store.json", dict)
        if meta.get("version") != VERSION:
            again = f"{VERSION}; prepare it again"
            raise StoreError(folder / "store.json", "version", meta.get("version"), again)
        form = meta.get("codec")
        if form not in FORMS:
            raise StoreError(folder / "store.json", "codec", form, " or ".join(FORMS))
        trio = {"bars": BARS, "steps_per_bar": STEPS_PER_BAR} if form == "trio" else {}
        for key, expected in trio.items():
            if meta.get(key) != expected:
                raise StoreError(folder / "store.json", key, meta.get(key), expected)
        sources = meta.get("sources")
        named = isinstance(sources, list) and all(
            isinstance(source, dict) and isinstance(source.get("name"), str) for source in sources
        )
        if not named:
            raise StoreError(folder / "store.json", "sources", sources, "a list of sources with names")
        rows = read_array(folder / "rows.npy", FORMS[form].dtype, FORMS[form].row)
        songs = read_songs(folder / "songs.json", form, len(rows))
        lists = []
        for file, length in (("windows.npy", BARS), ("bars.npy", 1)):
            pairs = read_array(folder / file, np.int32, (2,)) if trio else np.zeros((0, 2), np.int32)
            if len(pairs) and not inside(pairs, songs, length):
                raise StoreError(
                    folder / file, "rows", "bars outside their song", "song index, bar in that song"
                )
            lists.append(pairs)
        return cls(rows, songs, lists[0], lists[1], meta)

    @property
    def form(self) -> str:
        """One of FORMS."""
        return str(self.meta["codec"])

    @property
    def sources(self) -> list[str]:
        """The names of the sources, in their order."""
        return [source["name"] for source in self.meta["sources"]]

    def chosen(self, split: str | None, sources: Sequence[str] | None = None) -> NDArray[np.bool_]:
        """Return which songs are in `split` and `sources` (None: all). StoreError: none of that name."""
        if split is not None and split not in SPLITS:
            raise StoreError("store.json", "split", split, " or ".join(SPLITS))
        for name in sources or ():
            if name not in self.sources:
                raise StoreError("store.json", "sources", name, ", ".join(sorted(self.sources)))
        return np.array(
            [
                (split is None or song.split == split) and (sources is None or song.source in sources)
                for song in self.songs
            ],
            dtype=bool,
        )

    def digest(self) -> str:
        """Return a sha256 that tells this store from any other, without reading the rows themselves.

        It covers store.json (with the sum of the rows that `prepare` took), the songs, the shapes and
        which windows and bars are listed.
        """
        shapes = [self.rows.shape, self.windows.shape, self.bars.shape]
        facts = [self.meta, [asdict(song) for song in self.songs], shapes]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for rows in (self.windows, self.bars):
            digest.update(np.ascontiguousarray(rows).tobytes())
        return digest.hexdigest()


def set_aside(folder: Path) -> Path:
    """Return where the store in `folder` lies while `prepare` puts a new one in its place."""
    return folder.absolute().with_name(f".{folder.absolute().name}.old")
