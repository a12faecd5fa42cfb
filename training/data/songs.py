"""What a store holds: the forms that music takes in it, its songs, and how its files are read and refused."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS
from engine.pianoroll import KEYS

SPLITS = ("train", "valid", "test")
MISSING = -1  # the token of a voice that a song does not have
VOICES = tuple(voice.name for voice in CODECS["trio"].voices)


@dataclass(frozen=True, slots=True)
class Form:
    """A form of music: the shape and kind of number of one row, and what a row is called."""

    row: tuple[int, ...]
    dtype: type
    called: str


# A trio's row is a bar of tokens, a column a voice; a roll's row tells of 88 pitches whether they sound;
# feel's is a drum hit, its columns named in training/vrnn/frames.py; a note's is delay, pitch class, octave,
# the pause before it in steps, and its track's program.
FORMS = {
    "trio": Form((STEPS_PER_BAR, len(VOICES)), np.int16, "bars"),
    "roll": Form((KEYS,), np.uint8, "frames"),
    "feel": Form((6,), np.float32, "hits"),
    "note": Form((5,), np.int32, "notes"),
}


class StoreError(Exception):
    """A store that cannot be used: the file, the field in it, what was found and what was expected."""

    def __init__(self, file: Path | str, field: str, found: object, expected: object) -> None:
        super().__init__(f"{file}: {field}: found {found}, expected {expected}")
        self.file, self.field, self.found, self.expected = str(file), field, found, expected


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of a song before it has a place in a store; in a trio -1 stands for a voice that it lacks.

    `split` is empty where the song goes with its file.
    """

    rows: NDArray[Any]
    voices: tuple[bool, ...] = ()
    label: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What befell one voice of a file that is used: `what` is a category, `detail` what was found."""

    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class Song:
    """A piece of music: where it came from and which rows of the store hold it."""

    source: str  # archive stem or folder name
    path: str
    sha1: str  # of the file
    group: str  # songs that share a melody share a group, and a group lies in one split
    split: str
    first_row: int
    rows: int
    voices: tuple[bool, ...]  # which of a trio's it has; empty in every other form
    label: str  # what tells it from the file's other songs, such as a track's name
    licence: str


def read_json(file: Path, kind: type) -> Any:
    """Return what the JSON file holds. StoreError: no file, no JSON, nothing of that kind."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(file, "file", error, "a store written by `live-train prepare`") from error
    if not isinstance(value, kind):
        raise StoreError(file, "file", type(value).__name__, kind.__name__)
    return value


def read_array(file: Path, dtype: type, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the rows in the file, memory-mapped but for pairs. StoreError: other rows, or none."""
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


def read_songs(file: Path, form: str, total: int) -> tuple[Song, ...]:
    """Return the songs in the file, of `total` rows in all. StoreError: what does not fit."""
    songs = []
    names = {field.name for field in fields(Song)}
    for index, row in enumerate(read_json(file, list)):
        if not isinstance(row, dict) or set(row) != names:
            raise StoreError(file, f"song {index}", row, f"the fields {', '.join(sorted(names))}")
        for field in sorted(names - {"voices"}):
            kind, called = (int, "an integer") if field in ("first_row", "rows") else (str, "text")
            if not isinstance(row[field], kind):
                raise StoreError(file, f"song {index}: {field}", row[field], called)
        voices = row["voices"]
        count = len(VOICES) if form == "trio" else 0
        right = isinstance(voices, list) and [type(voice) for voice in voices] == [bool] * count
        if not right or (count and not any(voices)):
            expected = f"{count} truth values, one of them true" if count else "none"
            raise StoreError(file, f"song {index}: voices", voices, expected)
        song = Song(**{**row, "voices": tuple(voices)})
        if song.split not in SPLITS:
            raise StoreError(file, f"song {index}: split", song.split, " or ".join(SPLITS))
        if not 0 <= song.first_row <= song.first_row + song.rows <= total:
            last = song.first_row + song.rows
            raise StoreError(file, f"song {index}: rows", f"{song.first_row} to {last}", f"0 to {total}")
        songs.append(song)
    return tuple(songs)


def inside(rows: NDArray[np.int32], songs: Sequence[Song], length: int) -> bool:
    """Return whether `rows` (N, 2), song index and first row, each have `length` rows of their song."""
    index, first = rows[:, 0], rows[:, 1]
    if index.min() < 0 or index.max() >= len(songs):
        return False
    starts = np.array([song.first_row for song in songs])[index]
    ends = starts + np.array([song.rows for song in songs])[index]
    return bool(((first >= starts) & (first + length <= ends)).all())
