"""Which windows of 16 bars, and which single bars, of each song are worth training on."""

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from engine.codec import HOLD, NOTE_OFF
from training.extract import Piece
from training.store import BARS, VOICES, canonical

SILENT_BARS = 1  # that a window's leading voice may have
BARS_A_WINDOW = 1  # distinct bars that a file may give for each window: windows begin a bar apart

Key = TypeVar("Key")
Place = tuple[int, int]  # which of a file's songs, and the (first) bar in that song


class Selector:
    """Chooses windows and bars file by file, remembering what it has taken so that nothing is twice.

    A file gives at most `cap_windows` windows and BARS_A_WINDOW times as many bars, over all its songs.
    """

    def __init__(self, cap_windows: int) -> None:
        self.cap_windows = cap_windows
        self._windows: set[bytes] = set()
        self._bars: set[tuple[str, bytes]] = set()

    def windows(self, pieces: Sequence[Piece]) -> list[Place]:
        """Return where the new, sounding windows of one file's songs begin, evenly spread if capped."""
        fresh: dict[bytes, Place] = {}
        for song, piece in enumerate(pieces):
            for first in sounding_windows(piece).tolist():
                key = _digest(canonical(piece.tokens[None, first : first + BARS]))
                if key not in self._windows:
                    fresh.setdefault(key, (song, first))
        keys = _spread(list(fresh), self.cap_windows)
        self._windows.update(keys)
        return [fresh[key] for key in keys]

    def bars(self, pieces: Sequence[Piece], split: str) -> list[Place]:
        """Return the bars of one file's songs that sound and are new to its split, evenly spread if capped.

        In a bar that sounds something is struck or ends.
        """
        fresh: dict[tuple[str, bytes], Place] = {}
        for song, piece in enumerate(pieces):
            for bar, tokens in enumerate(piece.tokens):
                key = (split, _digest(tokens))
                sounds = ((tokens[:, :-1] >= 0) & (tokens[:, :-1] != HOLD)).any() or (tokens[:, -1] > 0).any()
                if sounds and key not in self._bars:
                    fresh.setdefault(key, (song, bar))
        keys = _spread(list(fresh), self.cap_windows * BARS_A_WINDOW)
        self._bars.update(keys)
        return [fresh[key] for key in keys]


def sounding_windows(piece: Piece) -> NDArray[np.int64]:
    """Return the first bars of the windows in whose leading voice at most one bar is silent.

    The leading voice is the melody, else the bass, else the drums; silent is a bar with no onset and
    nothing sounding, and a note struck before the window does not sound in it.
    """
    bars = len(piece.tokens)
    leading = piece.voices.index(True)
    column = piece.tokens[:, :, leading].reshape(-1)
    if leading == VOICES - 1:
        onsets = column > 0
        sounds = onsets
    else:
        onsets = column < NOTE_OFF
        latest = np.maximum.accumulate(np.where(column != HOLD, np.arange(len(column)), -1))
        sounds = (latest >= 0) & (column[latest] < NOTE_OFF)
    silent = ~sounds.reshape(bars, STEPS_PER_BAR).any(1)
    struck = onsets.reshape(bars, STEPS_PER_BAR).any(1)
    next_struck = np.minimum.accumulate(np.where(struck, np.arange(bars), bars)[::-1])[::-1]
    before = np.concatenate([[0], np.cumsum(silent)])
    firsts = np.arange(max(bars - BARS + 1, 0))
    entry = np.minimum(next_struck[firsts], firsts + BARS)
    silence = (entry - firsts) + (before[firsts + BARS] - before[entry])
    chosen: NDArray[np.int64] = firsts[silence <= SILENT_BARS]
    return chosen


def _spread(keys: list[Key], cap: int) -> list[Key]:
    """Return at most `cap` of `keys`, evenly spread, the first and the last among them."""
    if len(keys) <= cap:
        return keys
    return [keys[index] for index in np.linspace(0, len(keys) - 1, cap).round().astype(int)]


def _digest(tokens: NDArray[Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(tokens, np.int16).tobytes(), digest_size=16).digest()
