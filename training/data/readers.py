"""How a file of music becomes songs of each form: one table holds the readers."""

from collections.abc import Callable
from dataclasses import dataclass

from training.data import benchmark, hits
from training.data.corpus import MIDI
from training.data.extract import pieces_of
from training.data.midi import MAX_BYTES, read_score
from training.data.pianoroll import rolls_of
from training.data.songs import Piece, Remark
from training.data.tracks import tracks_of

Read = Callable[[str, bytes], tuple[list[Piece], list[Remark]]]


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files whose names end in `suffixes`.

    `read` takes a file's path in its source and its bytes, and returns its songs and remarks on what was left
    out or changed; it raises UnusableError where there are none.
    """

    suffixes: tuple[str, ...]
    read: Read
    limit: int = MAX_BYTES  # of a file
    apart: tuple[str, ...] = ()  # of these suffixes every file is a source of its own: a benchmark


# Rolls come from several kinds of files: their readers by the ending of the name.
ROLLS: dict[str, Read] = dict.fromkeys(MIDI, lambda path, data: rolls_of(read_score(data)))
ROLLS[benchmark.SUFFIX] = lambda path, data: benchmark.read(data)


def _roll(path: str, data: bytes) -> tuple[list[Piece], list[Remark]]:
    return next(read for suffix, read in ROLLS.items() if path.lower().endswith(suffix))(path, data)


READERS = {
    "trio": Reader(MIDI, lambda path, data: pieces_of(read_score(data))),
    "roll": Reader(tuple(ROLLS), _roll, benchmark.LIMIT, apart=(benchmark.SUFFIX,)),
    "feel": Reader(MIDI, lambda path, data: hits.read(data)),
    "note": Reader(MIDI, lambda path, data: tracks_of(read_score(data, any_metre=True))),
}
