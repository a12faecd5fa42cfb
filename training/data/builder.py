"""A token store in the making: songs are added one by one, and written when all are there."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from training.data import benchmark
from training.data.archives import (
    BENCHMARKS,
    FRAMES_A_BAR,
    SPLIT_BY_RECORDING,
    UNSTATED,
    joined,
    licence_of,
)
from training.data.corpus import Entry, split_of
from training.data.midi import UnusableError
from training.data.report import Report, SourceReport
from training.data.rollnotes import FRAMES_PER_BAR
from training.data.songs import Piece, Song
from training.data.store import BARS, VERSION
from training.data.windows import Selector


@dataclass(slots=True)
class Builder:
    """Gathers songs and holds the two laws of the store: a group has one split, and no song stands twice."""

    form: str  # one of FORMS
    selector: Selector | None  # chooses what a store of trios lists
    songs: list[Song] = field(default_factory=list)
    pieces: list[NDArray[Any]] = field(default_factory=list)
    windows: list[tuple[int, int]] = field(default_factory=list)
    bars: list[tuple[int, int]] = field(default_factory=list)
    first_row: int = 0  # of the next song
    _splits: dict[str, str] = field(default_factory=dict)  # of each group
    _contents: set[bytes] = field(default_factory=set)

    def add(self, listed: Entry, sha1: str, pieces: list[Piece], report: SourceReport) -> None:
        """Add a file's songs and count them. UnusableError: they break one of the two laws."""
        entry = self._placed(listed, sha1)
        # What names its own split is a benchmark, whose pieces stay as they are.
        new = [piece for piece in pieces if piece.split]
        keys = {_digest(piece): piece for piece in pieces if not piece.split}
        new += [piece for key, piece in keys.items() if key not in self._contents]
        if not new:
            raise UnusableError("duplicate", "all its songs are in the store already")
        self._contents.update(keys)
        report.used += 1
        for piece in new:
            placed = _song(entry, self.first_row, piece)
            self.songs.append(placed)
            self.pieces.append(piece.rows)
            self.first_row += len(piece.rows)
            report.songs += 1
            report.trios += bool(piece.voices) and all(piece.voices)
            report.rows += len(piece.rows)
            report.splits[placed.split] = report.splits.get(placed.split, 0) + 1
        self._choose(new, entry.split, report)

    def _choose(self, pieces: list[Piece], split: str, report: SourceReport) -> None:
        """List what is worth training on of one file's songs, the last that were added.

        Bytes that come a second time have been refused, so one call sees all that a file may give.
        """
        if self.selector is None:
            return
        first = len(self.songs) - len(pieces)
        for found, into in (
            (windows := self.selector.windows(pieces), self.windows),
            (self.selector.bars(pieces, split), self.bars),
        ):
            for which, bar in sorted(found):
                into.append((first + which, self.songs[first + which].first_row + bar))
        report.windows[split] = report.windows.get(split, 0) + len(windows)

    def write(self, folder: Path, report: Report) -> None:
        """Write the store into `folder`; needs one song at least."""
        rows = np.concatenate(self.pieces)
        for source in report.sources:  # of what is in the store, not of all that the source holds
            licences = [song.licence for song in self.songs if song.source == source.name]
            source.licence = joined(licences) or UNSTATED
        np.save(folder / "rows.npy", rows)
        meta: dict[str, Any] = {"version": VERSION, "codec": self.form}
        if self.selector is not None:
            meta |= {"bars": BARS, "steps_per_bar": STEPS_PER_BAR}
            np.save(folder / "windows.npy", np.array(self.windows, np.int32).reshape(-1, 2))
            np.save(folder / "bars.npy", np.array(self.bars, np.int32).reshape(-1, 2))
        _dump(folder / "songs.json", [asdict(song) for song in self.songs])
        _dump(folder / "report.json", asdict(report))
        sources = [
            {
                "name": source.name,
                "licence": source.licence,
                "files": source.files,
                "songs": source.songs,
                "windows": sum(source.windows.values()),
                **({"frames_a_bar": self._grid(source.name)} if self.form == "roll" else {}),
            }
            for source in report.sources
        ]
        content = hashlib.sha256(rows.tobytes()).hexdigest()
        _dump(folder / "store.json", {**meta, "rows": content, "sources": sources})

    def _grid(self, source: str) -> int:
        """Return how many frames of the rolls of `source` make a bar of 4/4, 0 where nobody says."""
        grids = {
            FRAMES_A_BAR.get(BENCHMARKS.get(song.sha1, ""), 0)
            if song.path.lower().endswith(benchmark.SUFFIX)
            else FRAMES_PER_BAR
            for song in self.songs
            if song.source == source
        }
        return grids.pop() if len(grids) == 1 else 0

    def _placed(self, entry: Entry, sha1: str) -> Entry:
        group = entry.group or sha1[:12]
        split = entry.split
        if not split:  # free to choose: where its group already is, else by its content
            split = self._splits.setdefault(group, split_of(sha1))
        elif entry.archive not in SPLIT_BY_RECORDING and self._splits.setdefault(group, split) != split:
            raise UnusableError(
                "group in two splits", f"{group} is in {self._splits[group]}, this file says {split}"
            )
        archive = entry.archive or BENCHMARKS.get(sha1, "")
        return replace(entry, sha1=sha1, group=group, split=split, archive=archive)


def _song(entry: Entry, first_row: int, piece: Piece) -> Song:
    return Song(
        source=entry.source,
        path=entry.path,
        sha1=entry.sha1,
        group=f"{entry.group}/{piece.label}" if piece.split else entry.group,
        split=piece.split or entry.split,
        first_row=first_row,
        rows=len(piece.rows),
        voices=piece.voices,
        label=piece.label,
        licence=licence_of(entry.archive, entry.path),
    )


def _digest(piece: Piece) -> bytes:
    return hashlib.sha1(piece.rows.tobytes()).digest()


def _dump(file: Path, value: Any) -> None:
    # ASCII with escapes: a hostile path name can neither break the encoding nor write to a terminal.
    file.write_text(json.dumps(value, indent=1) + "\n", encoding="ascii")
