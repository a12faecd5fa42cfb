"""What can be counted in phrases of notes: statistics to compare a model with its data (NumPy only)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.notes import OCTAVE, PAUSES, PITCHES, RATIOS, pitches_of
from training.statistics import KEYS, Values, ratio

Notes = NDArray[np.integer[Any]]  # (N, T, 3 or more): delay, pitch class, octave; a delay below 0 is padding

MOTIF = 4  # notes


def statistics(notes: Notes) -> dict[str, Values]:
    """Return each statistic of each phrase.

    Register is the mean pitch; intervals and range are in semitones; density is notes in the time of a
    median pause; entropies are bits; the others are shares: notes in the best-fitting major key, notes that
    repeat the pitch before them, notes that end a run of MOTIF which stood in the phrase before.
    """
    known = notes[..., 0] >= 0
    count = known.sum(1)
    pitches = np.where(known, pitches_of(notes), 0)
    both = known[:, 1:] & known[:, :-1]
    intervals = np.where(both, np.abs(np.diff(pitches, axis=1)), 0)
    ratios = np.where(known, np.asarray(RATIOS)[np.maximum(notes[..., 0], 0)], 0.0)
    classes = _counts(pitches % OCTAVE, known, OCTAVE)
    return {
        "density": ratio(count, ratios.sum(1)),
        "register": ratio(pitches.sum(1), count),
        "intervals": ratio(intervals.sum(1), both.sum(1)),
        "range": np.where(known, pitches, -1).max(1) - np.where(known, pitches, PITCHES).min(1) + 0.0,
        "repeated notes": ratio((both & (intervals == 0)).sum(1), both.sum(1)),
        "pitch entropy": _entropy(_counts(pitches, known, PITCHES)),
        "rhythm entropy": _entropy(_counts(notes[..., 0], known, PAUSES)),
        "in key": ratio(classes @ KEYS.T, count[:, None]).max(1),
        "repeated motifs": _motifs(notes, known),
    }


def errors(values: Mapping[str, Values]) -> dict[str, float | None]:
    """Return the standard error of each statistic's mean over the phrases that have it, None below two."""
    known = {name: value[np.isfinite(value)] for name, value in values.items()}
    return {
        name: float(value.std(ddof=1) / len(value) ** 0.5) if len(value) > 1 else None
        for name, value in known.items()
    }


def pooled_entropy(notes: Notes) -> float:
    """Return the entropy in bits of the pitches of all phrases together."""
    known = notes[..., 0] >= 0
    counts = _counts(np.where(known, pitches_of(notes), 0), known, PITCHES)
    return float(_entropy(counts.sum(0, keepdims=True))[0])


def _counts(values: NDArray[Any], known: NDArray[np.bool_], size: int) -> NDArray[np.int64]:
    """Return how often each phrase has each of `size` values, (N, size)."""
    places = np.arange(len(values))[:, None] * size + np.where(known, values, 0)
    counted = np.bincount(places.ravel(), known.ravel(), len(values) * size)
    return np.asarray(counted.reshape(len(values), size), np.int64)


def _entropy(counts: NDArray[np.int64]) -> Values:
    shares = ratio(counts, counts.sum(-1, keepdims=True))
    return np.asarray(-(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum(-1))


def _motifs(notes: Notes, known: NDArray[np.bool_]) -> Values:
    """Return the share of runs of MOTIF notes that equal, in delays and pitches, an earlier one."""
    codes = (notes[..., 0] * PITCHES + pitches_of(notes)).astype(np.int64)
    shares = []
    for row, length in zip(codes, known.sum(1).tolist(), strict=True):
        runs = np.lib.stride_tricks.sliding_window_view(row[:length], MOTIF) if length >= MOTIF else row[:0]
        shares.append(1.0 - len(np.unique(runs, axis=0)) / len(runs) if len(runs) else np.nan)
    return np.array(shares)
