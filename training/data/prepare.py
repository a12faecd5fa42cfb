"""`live-train prepare`: files of music in, a store and a report of every file out, whole or not at all."""

import hashlib
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

from engine import interrupt
from training.data.builder import Builder
from training.data.corpus import Entry, Source, SourceError, open_source, parted, read_files
from training.data.midi import UnusableError
from training.data.readers import READERS, Reader
from training.data.report import Report, SourceReport
from training.data.songs import Piece, Remark
from training.data.store import FILES, Store, set_aside
from training.data.windows import CAP, Selector

WORKERS = 2
BATCH = 16  # files that a process reads before it hands them on
FEW = 4  # batches that one process reads sooner than a second one starts

Extracted = tuple[str, list[Piece], list[Remark]] | UnusableError  # the file's sha1, its songs


def prepare(
    sources: Sequence[Path],
    output: Path,
    *,
    form: str = "trio",
    cap_windows: int = CAP,
    workers: int = WORKERS,
    progress: bool = False,
) -> Report:
    """Write the store of all files in `sources` (folders, zip archives) to the folder `output`.

    `form` is one of FORMS. `cap_windows` is the most windows that one file gives, and the most distinct bars,
    of trios. A store that was there is replaced once the new one is whole.
    SourceError: a source cannot be read, `output` is something else, no file is usable.
    """
    output = output.absolute()
    _put_back(output)
    if cap_windows < 1:
        raise SourceError(f"cap_windows: {cap_windows}, expected 1 or more")
    if output.exists() and (foreign := _foreign(output)):
        raise SourceError(f"{output}: holds {foreign}, which is no part of a token store; name a new folder")
    if form not in READERS:
        raise SourceError(f"codec: {form!r}, expected {' or '.join(READERS)}")
    reader = READERS[form]
    opened = [
        part
        for source in sources
        for part in parted(open_source(Path(source), reader.suffixes), reader.apart)
    ]
    for name, count in Counter(source.name for source in opened).items():
        if count > 1:
            raise SourceError(f"{name}: {count} sources of this name; the store tells sources by name")
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # what an interrupted run left
    try:
        partial.mkdir(parents=True)
        builder = Builder(form, Selector(cap_windows) if form == "trio" else None)
        report = _fill(partial, opened, builder, workers, progress)
        _swap(partial, output)
    except OSError as error:
        raise SourceError(f"{output}: the store cannot be written: {error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


@contextmanager
def midi_windows(path: Path) -> Iterator[tuple[Store, Report]]:
    """Open a token store made of the folder or archive `path`, and tell what was left out of it.

    The store is gone when the context ends. SourceError: nothing in `path` can be used.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        output = Path(folder) / "store"
        report = prepare([path], output)
        yield Store.open(output), report


def _fill(folder: Path, sources: Sequence[Source], builder: Builder, workers: int, progress: bool) -> Report:
    reports = {source.name: SourceReport(source.name) for source in sources}
    report = Report(tuple(reports.values()), builder.form)
    for source in sources:
        for path in source.absent:
            missing = UnusableError("listed but missing", "in the manifest, not in the source")
            report.refuse(reports[source.name], path, missing)
    total = sum(len(source.entries) for source in sources)
    for entry, extracted in _watched(_extracted(sources, builder.form, workers), total, progress):
        counts = reports[entry.source]
        counts.files += 1
        try:
            if isinstance(extracted, UnusableError):
                raise extracted
            sha1, pieces, remarks = extracted
            builder.add(entry, sha1, pieces, counts)
            report.remark(counts, entry.path, remarks)
        except UnusableError as error:
            report.refuse(counts, entry.path, error)
    if not builder.songs:
        raise SourceError("\n".join(["no usable file in any source", *report.lines()]))
    builder.write(folder, report)
    return report


Batch = tuple[str, Path, tuple[Entry, ...]]  # the form, the source and some of its files


def _extracted(sources: Sequence[Source], form: str, workers: int) -> Iterator[tuple[Entry, Extracted]]:
    """Yield each file with its songs in the order of the sources, whichever process read it."""
    batches = [
        (form, source.location, source.entries[first : first + BATCH])
        for source in sources
        for first in range(0, len(source.entries), BATCH)
    ]
    if workers < 2 or len(batches) < FEW:
        for batch in batches:
            yield from zip(batch[2], _extract(batch), strict=True)
        return
    # Started afresh: forking a process that draws a progress bar from a thread may deadlock.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_leave_with_parent)
    try:
        with interrupt.held_back():  # it starts the processes
            extracted = pool.map(_extract, batches)
        for batch, results in zip(batches, extracted, strict=True):
            yield from zip(batch[2], results, strict=True)
    except BrokenProcessPool as error:
        raise SourceError("a process that reads MIDI files was ended from outside; run this again") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _extract(batch: Batch) -> list[Extracted]:
    form, location, entries = batch
    files = read_files(location, [entry.path for entry in entries], READERS[form].limit)
    return [_songs(READERS[form], entry, data) for entry, data in zip(entries, files, strict=True)]


def _songs(reader: Reader, entry: Entry, data: bytes | UnusableError) -> Extracted:
    if isinstance(data, UnusableError):
        return data
    sha1 = hashlib.sha1(data).hexdigest()
    if entry.sha1 and entry.sha1 != sha1:
        return UnusableError("other content", f"sha1 {sha1}, the manifest says {entry.sha1}"[:200])
    try:
        return sha1, *reader.read(entry.path, data)
    except UnusableError as error:
        return error


def _leave_with_parent() -> None:
    """End this process when the one that started it is killed: the pool's own queue would wait forever."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=watch, daemon=True).start()


def _watched(
    results: Iterable[tuple[Entry, Extracted]], total: int, progress: bool
) -> Iterable[tuple[Entry, Extracted]]:
    if not progress:
        return results
    from rich.console import Console  # here, because only a terminal needs it
    from rich.progress import track

    return track(results, description="reading", total=total, console=Console(stderr=True))


def _foreign(output: Path) -> str:
    """Return what would be lost besides a store if `output` were replaced, "" if nothing."""
    if not output.is_dir():
        return "a file"
    names = sorted(path.name for path in output.iterdir())
    return next((name for name in names if name not in FILES), "")


def _swap(partial: Path, output: Path) -> None:
    """Put the finished store in the old one's place; at every moment one of them is whole."""
    old = set_aside(output)
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    partial.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _put_back(output: Path) -> None:
    """Give a store its place again that a run was killed in replacing."""
    if not output.exists() and (set_aside(output) / "store.json").is_file():
        set_aside(output).rename(output)
