"""Windows of some voices of a store of trios: which there are, and their tokens (NumPy only)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.songs import MISSING, VOICES, StoreError
from training.data.sounding import canonical, digest, sounding_windows, spread
from training.data.store import BARS, Store
from training.data.windows import CAP


@dataclass(frozen=True, slots=True)
class View:
    """Windows of `bars` bars of the voices `columns` of `store`.

    `spans` (N, 2) are song index and absolute first bar of each. Rows are indices into them.
    """

    store: Store
    spans: NDArray[np.int32]
    bars: int
    columns: tuple[int, ...]

    def of(self, split: str | None, sources: Sequence[str] | None = None) -> NDArray[np.int64]:
        """Return the rows in `split` and `sources` (None: all)."""
        return np.flatnonzero(self.store.chosen(split, sources)[self.spans[:, 0]])

    def tokens(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the tokens (B, bars, 16 steps, voices) of `rows`, canonical where they are several bars."""
        first = self.spans[rows, 1].astype(np.int64)
        tokens = self.store.rows[first[:, None] + np.arange(self.bars)]
        chosen = (canonical(tokens) if self.bars > 1 else tokens)[..., list(self.columns)]
        return np.ascontiguousarray(chosen, np.int64)

    def files(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return for each of `rows` which file it is from: equal numbers, equal sha1."""
        numbers: dict[str, int] = {}
        known = [numbers.setdefault(song.sha1, len(numbers)) for song in self.store.songs]
        files: NDArray[np.int64] = np.array(known, np.int64)[self.spans[rows, 0]]
        return files


def view(store: Store, voices: Sequence[str] = VOICES, bars: int = BARS) -> View:
    """Return the windows of `bars` bars that have all of `voices`; of single bars, those that have any.

    Of a whole trio they are those that `prepare` chose; of some voices, those that sound in these and are
    not twice in a split. StoreError: a store of something else.
    """
    if store.form != "trio":
        raise StoreError("store.json", "codec", store.form, "trio")
    columns = tuple(VOICES.index(voice) for voice in voices)
    whole = columns == tuple(range(len(VOICES)))
    if whole and bars == 1:
        return View(store, store.bars, bars, columns)
    has = np.array([all(song.voices[column] for column in columns) for song in store.songs], bool)
    if whole and bars == BARS:
        return View(store, store.windows[has[store.windows[:, 0]]], bars, columns)
    find = _single if bars == 1 else _windows
    return View(store, find(store, has, columns, bars), bars, columns)


def _single(store: Store, has: NDArray[np.bool_], columns: tuple[int, ...], bars: int) -> NDArray[np.int32]:
    """Return the spans of the bars that `prepare` chose of the songs in `has`, none twice in a split."""
    spans = store.bars[has[store.bars[:, 0]]]
    fresh: dict[tuple[str, bytes], NDArray[np.int32]] = {}
    for span in spans:
        fresh.setdefault((store.songs[span[0]].split, digest(store.rows[span[1]][:, list(columns)])), span)
    return np.array(list(fresh.values()), np.int32).reshape(-1, 2)


def _windows(store: Store, has: NDArray[np.bool_], columns: tuple[int, ...], bars: int) -> NDArray[np.int32]:
    """Return the spans of the sounding windows of the songs in `has`, none twice in a split.

    A file gives at most CAP windows, spread evenly over all its songs.
    """
    of_file: dict[tuple[str, str], list[tuple[int, int]]] = {}
    seen: set[tuple[str, bytes]] = set()
    for index in np.flatnonzero(has).tolist():
        song = store.songs[index]
        tokens = np.asarray(store.rows[song.first_row : song.first_row + song.rows])
        firsts = sounding_windows(tokens, columns[0], bars)
        if not len(firsts):
            continue
        windows = canonical(tokens[firsts[:, None] + np.arange(bars)])[..., list(columns)]
        for first, window in zip(firsts.tolist(), windows, strict=True):
            key = (song.split, digest(window))
            if key not in seen:
                seen.add(key)
                of_file.setdefault((song.split, song.sha1), []).append((index, song.first_row + first))
    kept = [span for spans in of_file.values() for span in spread(spans, CAP)]
    return np.array(sorted(kept), np.int32).reshape(-1, 2)


def widened(tokens: NDArray[np.int64], columns: Sequence[int]) -> NDArray[np.int64]:
    """Return `tokens` (..., voices) as a trio's (..., 3), -1 in the voices that `columns` does not name."""
    full = np.full((*tokens.shape[:-1], len(VOICES)), MISSING, np.int64)
    full[..., list(columns)] = tokens
    return full
