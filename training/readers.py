"""How a file of music becomes songs of each form: one table holds the readers."""

from collections.abc import Callable
from dataclasses import dataclass

from training.corpus import MIDI
from training.extract import pieces_of
from training.midi import MAX_BYTES, read_score
from training.songs import Piece, Remark
from training.tracks import tracks_of


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files whose names end in `suffixes`.

    `read` takes a file's path in its source and its bytes, and returns its songs and remarks on what was left
    out or changed; it raises UnusableError where there are none.
    """

    suffixes: tuple[str, ...]
    read: Callable[[str, bytes], tuple[list[Piece], list[Remark]]]
    limit: int = MAX_BYTES  # of a file


READERS = {
    "trio": Reader(MIDI, lambda path, data: pieces_of(read_score(data))),
    "note": Reader(MIDI, lambda path, data: tracks_of(read_score(data, any_metre=True))),
}
