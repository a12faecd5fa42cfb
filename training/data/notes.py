"""What a note of a VRASH is: a delay, a pitch class and an octave (section 2); NumPy only."""

import numpy as np
from numpy.typing import NDArray

STEPS_PER_BEAT = 24  # triplets and 32nds are whole steps
PAUSES = 11  # different ones of a track, at most; and delays that there are
OCTAVE = 12  # semitones
PITCHES = 128
OCTAVES = 11  # that those lie in; the first begins at pitch 0
# What each delay stands for, as a multiple of the track's median pause: that, and on each side of it the five
# multiples that most tracks of the melody archives have.
RATIOS = (1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4, 1.0, 3 / 2, 2.0, 3.0, 4.0, 6.0)
MEDIAN = RATIOS.index(1.0)
ELEMENTS = ("delay", "pitch class", "octave")  # in the order of a row, and how many there are of each
SIZES = (PAUSES, OCTAVE, OCTAVES)
STEPS, PROGRAM = 3, 4  # the other columns of a row: the pause itself, and General MIDI's program


def delays(pauses: NDArray[np.int64], median: float) -> NDArray[np.int64]:
    """Return the delay nearest to each of `pauses` of a track that has this `median`, by proportion."""
    off = np.abs(np.log(pauses / median)[:, None] - np.log(RATIOS))
    nearest: NDArray[np.int64] = off.argmin(1)
    return nearest


def pitches_of(rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the MIDI pitches of `rows` (..., 3 or more)."""
    return np.asarray(rows[..., 2], np.int64) * OCTAVE + rows[..., 1]


def middle(values: NDArray[np.int64]) -> int:
    """Return the median, the lower one of two."""
    return int(np.partition(values, (len(values) - 1) // 2)[(len(values) - 1) // 2])


def entropy(values: NDArray[np.int64]) -> float:
    """Return the entropy of `values` (N,) in bits."""
    shares = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(shares * np.log2(shares)).sum())
