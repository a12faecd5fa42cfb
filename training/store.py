"""The token store that training reads: memory-mapped tokens, songs, windows and splits (NumPy only)."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS, HOLD, NOTE_OFF

VERSION = 1
FILES = ("store.json", "songs.json", "report.json", "tokens.npy", "windows.npy", "bars.npy")
BARS = 16  # in a window
SPLITS = ("train", "valid", "test")
MISSING = -1  # the token of a voice that a song does not have
VOICES = len(CODECS["trio"].voices)
PITCHED = [index for index, voice in enumerate(CODECS["trio"].voices) if voice.kind == "melody"]


class StoreError(Exception):
    """A store that cannot be used: the file, the field in it, what was found and what was expected."""

    def __init__(self, file: Path | str, field: str, found: object, expected: object) -> None:
        super().__init__(f"{file}: {field}: found {found}, expected {expected}")
        self.file, self.field, self.found, self.expected = str(file), field, found, expected


@dataclass(frozen=True, slots=True)
class Song:
    """A trio or a single voice: where it came from and which bars of the store hold it."""

    source: str  # archive stem or folder name
    path: str
    sha1: str  # of the MIDI file
    group: str  # songs that share a melody share a group, and a group lies in one split
    split: str
    first_bar: int
    bars: int
    voices: tuple[bool, ...]  # melody, bass, drums
    licence: str


@dataclass(frozen=True, slots=True)
class Store:
    """An open store.

    `tokens` int16 (total bars, 16 steps, 3 voices) with -1 for a missing voice; `windows` and `bars`
    int32 (rows, 2): song index and absolute (first) bar; `meta` is store.json.
    """

    tokens: NDArray[np.int16]
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
        meta = _json(folder / "store.json", dict)
        for key, expected in (
            ("version", VERSION),
            ("codec", "trio"),
            ("bars", BARS),
            ("steps_per_bar", STEPS_PER_BAR),
        ):
            if meta.get(key) != expected:
                raise StoreError(folder / "store.json", key, meta.get(key), expected)
        sources = meta.get("sources")
        named = isinstance(sources, list) and all(
            isinstance(source, dict) and isinstance(source.get("name"), str) for source in sources
        )
        if not named:
            raise StoreError(folder / "store.json", "sources", sources, "a list of sources with names")
        tokens = _array(folder / "tokens.npy", np.int16, (STEPS_PER_BAR, VOICES))
        windows = _array(folder / "windows.npy", np.int32, (2,))
        bars = _array(folder / "bars.npy", np.int32, (2,))
        songs = _songs(folder / "songs.json", len(tokens))
        for file, rows, length in (("windows.npy", windows, BARS), ("bars.npy", bars, 1)):
            if len(rows) and not _inside(rows, songs, length):
                raise StoreError(
                    folder / file, "rows", "bars outside their song", "song index, bar in that song"
                )
        return cls(tokens, songs, windows, bars, meta)

    def windows_of(self, split: str | None, sources: Sequence[str] | None = None) -> NDArray[np.int64]:
        """Return the rows of `windows` of trios in `split` and `sources` (None: all)."""
        trios = np.array([all(song.voices) for song in self.songs], bool)
        return np.flatnonzero((self._chosen(split, sources) & trios)[self.windows[:, 0]])

    def bars_of(self, split: str | None, sources: Sequence[str] | None = None) -> NDArray[np.int64]:
        """Return the rows of `bars` in `split` and `sources` (None: all), single voices among them."""
        return np.flatnonzero(self._chosen(split, sources)[self.bars[:, 0]])

    def window(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the tokens (B, 16 bars, 16 steps, 3) of those rows of `windows`, in canonical form."""
        first = self.windows[rows, 1].astype(np.int64)
        return canonical(self.tokens[first[:, None] + np.arange(BARS)]).astype(np.int64)

    def bar(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the tokens (B, 16 steps, 3) of those rows of `bars`, as they stand in the song."""
        tokens: NDArray[np.int64] = self.tokens[self.bars[rows, 1]].astype(np.int64)
        return tokens

    def files_of(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return for those rows of `windows` which MIDI file each is from: equal numbers, equal sha1."""
        numbers: dict[str, int] = {}
        known = [numbers.setdefault(song.sha1, len(numbers)) for song in self.songs]
        files: NDArray[np.int64] = np.array(known, np.int64)[self.windows[rows, 0]]
        return files

    def digest(self) -> str:
        """Return a sha256 that tells this store from any other, without reading the tokens themselves.

        It covers store.json (with the sum of the tokens that `prepare` took), the songs, the shapes and
        which windows and bars are listed.
        """
        shapes = [self.tokens.shape, self.windows.shape, self.bars.shape]
        facts = [self.meta, [asdict(song) for song in self.songs], shapes]
        digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
        for rows in (self.windows, self.bars):
            digest.update(np.ascontiguousarray(rows).tobytes())
        return digest.hexdigest()

    def _chosen(self, split: str | None, sources: Sequence[str] | None) -> NDArray[np.bool_]:
        if split is not None and split not in SPLITS:
            raise StoreError("store.json", "split", split, " or ".join(SPLITS))
        known = {source["name"] for source in self.meta["sources"]}
        for name in sources or ():
            if name not in known:
                raise StoreError("store.json", "sources", name, ", ".join(sorted(known)))
        return np.array(
            [
                (split is None or song.split == split) and (sources is None or song.source in sources)
                for song in self.songs
            ],
            dtype=bool,
        )


def set_aside(folder: Path) -> Path:
    """Return where the store in `folder` lies while `prepare` puts a new one in its place."""
    return folder.absolute().with_name(f".{folder.absolute().name}.old")


def canonical(tokens: NDArray[Any]) -> NDArray[Any]:
    """Return `tokens` (B, bars, steps, voices) with holds before the first onset of each pitched voice.

    A note carried in from before the window does not exist in it, so neither does its end.
    """
    flat = tokens.reshape(len(tokens), -1, tokens.shape[-1]).copy()
    steps = np.arange(flat.shape[1])
    for voice in PITCHED:
        column = np.ascontiguousarray(flat[:, :, voice])  # (B, steps)
        onset = (column >= 0) & (column < NOTE_OFF)
        first = np.where(onset.any(1), onset.argmax(1), len(steps))
        flat[:, :, voice] = np.where((column == NOTE_OFF) & (steps < first[:, None]), HOLD, column)
    return flat.reshape(tokens.shape)


def _json(file: Path, kind: type) -> Any:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(file, "file", error, "a store written by `live-train prepare`") from error
    if not isinstance(value, kind):
        raise StoreError(file, "file", type(value).__name__, kind.__name__)
    return value


def _array(file: Path, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StoreError(file, "file", error, "an array written by `live-train prepare`") from error
    if array.dtype != dtype or array.shape[1:] != shape:
        raise StoreError(
            file,
            "array",
            f"{array.dtype} {array.shape}",
            f"{np.dtype(dtype)} (rows, {', '.join(map(str, shape))})",
        )
    return np.asarray(array) if shape == (2,) else array


def _songs(file: Path, total_bars: int) -> tuple[Song, ...]:
    songs = []
    names = {field.name for field in fields(Song)}
    for index, row in enumerate(_json(file, list)):
        if not isinstance(row, dict) or set(row) != names:
            raise StoreError(file, f"song {index}", row, f"the fields {', '.join(sorted(names))}")
        for field in sorted(names - {"voices"}):
            kind, called = (int, "an integer") if field in ("first_bar", "bars") else (str, "text")
            if not isinstance(row[field], kind):
                raise StoreError(file, f"song {index}: {field}", row[field], called)
        voices = row["voices"]
        three = isinstance(voices, list) and [type(voice) for voice in voices] == [bool] * VOICES
        if not three or not any(voices):
            expected = f"{VOICES} truth values, one of them true"
            raise StoreError(file, f"song {index}: voices", voices, expected)
        song = Song(**{**row, "voices": tuple(voices)})
        if song.split not in SPLITS:
            raise StoreError(file, f"song {index}: split", song.split, " or ".join(SPLITS))
        if not 0 <= song.first_bar <= song.first_bar + song.bars <= total_bars:
            last = song.first_bar + song.bars
            raise StoreError(file, f"song {index}: bars", f"{song.first_bar} to {last}", f"0 to {total_bars}")
        songs.append(song)
    return tuple(songs)


def _inside(rows: NDArray[np.int32], songs: Sequence[Song], length: int) -> bool:
    index, first = rows[:, 0], rows[:, 1]
    if index.min() < 0 or index.max() >= len(songs):
        return False
    starts = np.array([song.first_bar for song in songs])[index]
    ends = starts + np.array([song.bars for song in songs])[index]
    return bool(((first >= starts) & (first + length <= ends)).all())
