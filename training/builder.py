"""A token store in the making: songs are added one by one, and written when all are there."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from training.archives import SPLIT_BY_RECORDING, UNSTATED, joined, licence_of
from training.corpus import Entry, split_of
from training.extract import Piece
from training.midi import UnusableError
from training.report import Report, SourceReport
from training.store import BARS, VERSION, Song
from training.windows import Selector


@dataclass(slots=True)
class Builder:
    """Gathers songs and holds the two laws of the store: a group has one split, and no song stands twice."""

    selector: Selector
    songs: list[Song] = field(default_factory=list)
    tokens: list[NDArray[np.int16]] = field(default_factory=list)
    windows: list[tuple[int, int]] = field(default_factory=list)
    bars: list[tuple[int, int]] = field(default_factory=list)
    first_bar: int = 0  # of the next song
    _splits: dict[str, str] = field(default_factory=dict)  # of each group
    _contents: set[bytes] = field(default_factory=set)

    def add(self, listed: Entry, sha1: str, pieces: list[Piece], report: SourceReport) -> None:
        """Add a file's songs and count them. UnusableError: they break one of the two laws."""
        entry = self._placed(listed, sha1)
        new = {_digest(piece): piece for piece in pieces}
        new = {key: piece for key, piece in new.items() if key not in self._contents}
        if not new:
            raise UnusableError("duplicate", "all its songs are in the store already")
        self._contents.update(new)
        report.used += 1
        # Bytes that come a second time are refused above, so one call sees all that a file may give.
        windows = self.selector.windows(list(new.values()))
        bars = self.selector.bars(list(new.values()), entry.split)
        report.windows[entry.split] = report.windows.get(entry.split, 0) + len(windows)
        for index, piece in enumerate(new.values()):
            song, start = len(self.songs), self.first_bar
            self.windows += [(song, start + bar) for which, bar in windows if which == index]
            self.bars += [(song, start + bar) for which, bar in bars if which == index]
            self.songs.append(_song(entry, self.first_bar, piece))
            self.tokens.append(piece.tokens)
            self.first_bar += len(piece.tokens)
            report.songs += 1
            report.trios += all(piece.voices)
            report.bars += len(piece.tokens)

    def write(self, folder: Path, report: Report) -> None:
        """Write the store into `folder`; needs one song at least."""
        tokens = np.concatenate(self.tokens)
        for source in report.sources:  # of what is in the store, not of all that the source holds
            licences = [song.licence for song in self.songs if song.source == source.name]
            source.licence = joined(licences) or UNSTATED
        np.save(folder / "tokens.npy", tokens)
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
            }
            for source in report.sources
        ]
        meta = {"version": VERSION, "codec": "trio", "bars": BARS, "steps_per_bar": STEPS_PER_BAR}
        content = hashlib.sha256(tokens.tobytes()).hexdigest()
        _dump(folder / "store.json", {**meta, "tokens": content, "sources": sources})

    def _placed(self, entry: Entry, sha1: str) -> Entry:
        group = entry.group or sha1[:12]
        split = entry.split
        if not split:  # free to choose: where its group already is, else by its content
            split = self._splits.setdefault(group, split_of(sha1))
        elif entry.archive not in SPLIT_BY_RECORDING and self._splits.setdefault(group, split) != split:
            raise UnusableError(
                "group in two splits", f"{group} is in {self._splits[group]}, this file says {split}"
            )
        return replace(entry, sha1=sha1, group=group, split=split)


def _song(entry: Entry, first_bar: int, piece: Piece) -> Song:
    return Song(
        source=entry.source,
        path=entry.path,
        sha1=entry.sha1,
        group=entry.group,
        split=entry.split,
        first_bar=first_bar,
        bars=len(piece.tokens),
        voices=piece.voices,
        licence=licence_of(entry.archive, entry.path),
    )


def _digest(piece: Piece) -> bytes:
    return hashlib.sha1(piece.tokens.tobytes()).digest()


def _dump(file: Path, value: Any) -> None:
    # ASCII with escapes: a hostile path name can neither break the encoding nor write to a terminal.
    file.write_text(json.dumps(value, indent=1) + "\n", encoding="ascii")
