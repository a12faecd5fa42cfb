"""Which windows of 16 bars, and which single bars, of each song are worth training on."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from engine.codec import HOLD, NOTE_OFF
from training.extract import Piece
from training.store import BARS, VOICES, canonical

SILENT_BARS = 1  # that a window's leading voice may have


class Selector:
    """Chooses windows and bars song by song, remembering what it has seen so that nothing is taken twice."""

    def __init__(self, cap_bars: int) -> None:
        self.cap_bars = cap_bars
        self._windows: set[bytes] = set()
        self._bars: set[tuple[str, bytes]] = set()

    def windows(self, piece: Piece) -> NDArray[np.int64]:
        """Return the first bars of the song's sounding, new windows, at most `cap_bars` evenly spread."""
        firsts = sounding_windows(piece)
        fresh: dict[bytes, int] = {}
        for first in firsts.tolist():
            key = _digest(canonical(piece.tokens[None, first : first + BARS]))
            if key not in self._windows:
                fresh.setdefault(key, first)
        keys = list(fresh)
        if len(keys) > self.cap_bars:
            keys = [keys[index] for index in np.linspace(0, len(keys) - 1, self.cap_bars).round().astype(int)]
        self._windows.update(keys)
        return np.array([fresh[key] for key in keys], np.int64)

    def bars(self, piece: Piece, split: str) -> NDArray[np.int64]:
        """Return the song's bars in which something is struck or ends, and which are new to its split."""
        chosen = []
        for bar, tokens in enumerate(piece.tokens):
            key = (split, _digest(tokens))
            if ((tokens[:, :-1] >= 0) & (tokens[:, :-1] != HOLD)).any() or (tokens[:, -1] > 0).any():
                if key not in self._bars:
                    chosen.append(bar)
                self._bars.add(key)
        return np.array(chosen, np.int64)


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


def _digest(tokens: NDArray[Any]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(tokens, np.int16).tobytes(), digest_size=16).digest()
