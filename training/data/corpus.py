"""Sources of music, folders and zip archives alike: which files they list, their splits and bytes."""

import csv
import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from training.data.archives import recognise
from training.data.midi import MAX_BYTES, UnusableError
from training.data.songs import SPLITS

MIDI = (".mid", ".midi")
MANIFEST = "MANIFEST.csv"
MAX_MANIFEST = 64 << 20  # bytes
MAX_FILES = 1_000_000  # in one source


class SourceError(Exception):
    """A source that cannot be read at all; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a source; `split` and `group` are empty where no manifest names them.

    `archive` is the known archive whose manifest lists the file, empty for any other file.
    """

    source: str
    path: str  # inside the source, with forward slashes
    sha1: str = ""
    split: str = ""
    group: str = ""
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder or zip archive, its files in order of path, and the manifest's files that it lacks."""

    name: str
    location: Path
    entries: tuple[Entry, ...]
    absent: tuple[str, ...]


def open_source(location: Path, suffixes: tuple[str, ...] = MIDI) -> Source:
    """List the files of a folder or zip archive whose names end in `suffixes`.

    A manifest counts wherever it lies, its paths from its own folder: archives often wrap all they hold
    in one. SourceError: neither folder nor archive, several manifests, or a malformed one.
    """
    if not location.exists():
        raise SourceError(f"{location}: no such file or folder")
    name = location.resolve().name if location.is_dir() else location.stem
    try:
        if location.is_dir():
            names = list(_walk(location, suffixes))
            manifest = _manifest(location, names)
            data = _bytes(location, manifest, MAX_MANIFEST) if manifest else b""
        else:
            with zipfile.ZipFile(location) as archive:
                names = archive.namelist()
                manifest = _manifest(location, names)
                data = _bytes(archive, manifest, MAX_MANIFEST) if manifest else b""
    except UnusableError as error:  # told by _bytes: it is the manifest that cannot be read
        raise SourceError(f"{location}: {manifest}: {error.reason}: {error.detail}") from error
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile) as error:
        raise SourceError(f"{location}: neither a folder nor a readable zip archive ({error})") from error
    paths = {path for path in names if path.lower().endswith(suffixes)}
    if len(paths) > MAX_FILES:
        raise SourceError(f"{location}: {len(paths)} files, at most {MAX_FILES} are read from one source")
    known = _rows(location, name, manifest, data, suffixes) if manifest else {}
    entries = tuple(known.get(path, Entry(name, path)) for path in sorted(paths))
    return Source(name, location, entries, tuple(sorted(set(known) - paths)))


def parted(source: Source, suffixes: tuple[str, ...]) -> list[Source]:
    """Return `source` without its files that end in `suffixes`, and each of those as a source of its name."""
    alone = [entry for entry in source.entries if entry.path.lower().endswith(suffixes)] if suffixes else []
    if not alone:
        return [source]
    rest = tuple(entry for entry in source.entries if entry not in alone)
    parts = [replace(source, entries=rest)] if rest or source.absent else []
    for entry in alone:
        name = Path(entry.path).stem
        parts.append(Source(name, source.location, (replace(entry, source=name),), ()))
    return parts


def read_files(
    location: Path, paths: Iterable[str], limit: int = MAX_BYTES
) -> Iterator[bytes | UnusableError]:
    """Yield the bytes of each file of a source, at most `limit`, or why not. SourceError: it is gone."""
    try:
        opened = nullcontext(location) if location.is_dir() else zipfile.ZipFile(location)
    except (OSError, zipfile.BadZipFile) as error:
        raise SourceError(f"{location}: changed while it was read ({error})") from error
    with opened as source:
        for path in paths:
            try:
                yield _bytes(source, path, limit)
            except UnusableError as error:
                yield error


def split_of(sha1: str) -> str:
    """Return the split of a file that no manifest names: 80 % train, 10 % valid, 10 % test by its content."""
    place = int(hashlib.sha1(f"split {sha1}".encode()).hexdigest(), 16) % 10
    return "train" if place < 8 else "valid" if place == 8 else "test"


def _bytes(source: Path | zipfile.ZipFile, path: str, limit: int) -> bytes:
    """Return a file of a source. UnusableError: it has more than `limit` bytes or cannot be read."""
    try:
        opened = source.open(path) if isinstance(source, zipfile.ZipFile) else (source / path).open("rb")
        with opened as file:  # the header's size may lie: never inflate more than the limit
            data: bytes = file.read(limit + 1)
    # What a damaged, encrypted or strangely packed member of an archive raises, and an unreadable file.
    except (OSError, EOFError, KeyError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise UnusableError("unreadable", f"{type(error).__name__}: {error}"[:200]) from error
    if len(data) > limit:
        raise UnusableError("too large", f"more than {limit} bytes")
    return data


def _walk(folder: Path, suffixes: tuple[str, ...]) -> Iterator[str]:
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            path = Path(root, name)
            if (name == MANIFEST or name.lower().endswith(suffixes)) and path.is_file():
                yield path.relative_to(folder).as_posix()


def _manifest(location: Path, names: Iterable[str]) -> str:
    """Return the path of the source's one manifest, empty if it has none."""
    found = sorted({name for name in names if name.rpartition("/")[2] == MANIFEST})
    if len(found) > 1:
        listed = ", ".join(map(repr, found[:5])) + (", ..." if len(found) > 5 else "")
        raise SourceError(f"{location}: {len(found)} manifests ({listed}), expected one; name each data set")
    return found[0] if found else ""


def _rows(
    location: Path, source: str, manifest: str, data: bytes, suffixes: tuple[str, ...]
) -> dict[str, Entry]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{location}: {manifest}: {error}, expected UTF-8") from error
    folder = manifest.removesuffix(MANIFEST)  # empty or with its slash
    known = recognise(data)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if not {"path", "split"} <= set(reader.fieldnames or ()):
        raise SourceError(
            f"{location}: {manifest}: columns {reader.fieldnames}, expected path, split and group"
        )
    entries: dict[str, Entry] = {}
    try:
        for row in reader:
            path, split = folder + (row["path"] or ""), row["split"] or ""
            if split not in SPLITS:
                raise SourceError(
                    f"{location}: {manifest} line {reader.line_num}: "
                    f"split {split!r}, expected {' or '.join(SPLITS)}"
                )
            if not path.lower().endswith(suffixes):
                continue
            if path in entries:
                raise SourceError(
                    f"{location}: {manifest} line {reader.line_num}: path {path!r} a second time"
                )
            sha1, group = row.get("sha1") or "", row.get("group") or ""
            entries[path] = Entry(source, path, sha1, split, group, known)
    except csv.Error as error:
        raise SourceError(f"{location}: {manifest} line {reader.line_num}: {error}") from error
    return entries
