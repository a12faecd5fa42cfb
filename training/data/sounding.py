"""What of a song's tokens is worth hearing: windows that sound, each in one spelling (NumPy only)."""

import hashlib
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS, HOLD, NOTE_OFF
from training.data.store import BARS

PITCHED = [index for index, voice in enumerate(CODECS["trio"].voices) if voice.kind == "melody"]
SILENT = 16  # bars of a window, one of which may be silent

Key = TypeVar("Key")


def canonical(tokens: NDArray[Any]) -> NDArray[Any]:
    """Return `tokens` (B, bars, steps, voices) with holds before the first onset of each pitched voice.

    A note carried in from before the window does not exist in it, so neither does its end.
    """
    flat = tokens.reshape(len(tokens), -1, tokens.shape[-1]).copy()
    steps = np.arange(flat.shape[1])
    for voice in PITCHED:
        column = np.ascontiguousarray(flat[:, :, voice])  # (B, steps)
        onset = (column >= 0) & (column < NOTE_OFF)
        first = np.where(onset.any(1), onset.argmax(1), len(steps))
        flat[:, :, voice] = np.where((column == NOTE_OFF) & (steps < first[:, None]), HOLD, column)
    return flat.reshape(tokens.shape)


def sounding_windows(tokens: NDArray[Any], leading: int, length: int = BARS) -> NDArray[np.int64]:
    """Return the first bars of the windows of `length` bars that sound, in a song's `tokens` (bars, 16, 3).

    Of sixteen bars at most one may be silent in the voice `leading`, of fewer none; silent is a bar with no
    onset and nothing sounding, and a note struck before the window does not sound in it.
    """
    bars = len(tokens)
    column = tokens[:, :, leading].reshape(-1)
    if leading not in PITCHED:
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
    firsts = np.arange(max(bars - length + 1, 0))
    entry = np.minimum(next_struck[firsts], firsts + length)
    silence = (entry - firsts) + (before[firsts + length] - before[entry])
    chosen: NDArray[np.int64] = firsts[silence <= length // SILENT]
    return chosen


def spread(keys: list[Key], cap: int) -> list[Key]:
    """Return at most `cap` of `keys`, evenly spread, the first and the last among them."""
    if len(keys) <= cap:
        return keys
    return [keys[index] for index in np.linspace(0, len(keys) - 1, cap).round().astype(int)]


def digest(tokens: NDArray[Any]) -> bytes:
    """Return what tells `tokens` from others."""
    return hashlib.blake2b(np.ascontiguousarray(tokens, np.int16).tobytes(), digest_size=16).digest()
