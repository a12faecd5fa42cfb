"""Musical statistics of rolls, to compare what a model plays with its data (NumPy only).

A roll is (T, 88) of 0 and 1, column 0 the lowest key of a piano.
"""

from collections.abc import Sequence

import numpy as np

from engine.pianoroll import LOWEST
from training.statistics import KEYS, Values

HARSH = (1, 2, 6, 10, 11)  # semitones, octaves apart: seconds, tritones and sevenths


def statistics(rolls: Sequence[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]) -> dict[str, Values]:
    """Return each statistic of each roll, (rolls,); NaN where a roll has nothing to measure.

    Pitches and strikes are a frame; register and range in MIDI pitches; the others are shares: frames without
    a sound, frames that equal the one before, sounding pitches in the best-fitting major key, pairs of
    pitches that sound together and are consonant.
    """
    columns = {name: np.full(len(rolls), np.nan) for name in NAMES}
    for index, roll in enumerate(rolls):
        for name, value in zip(NAMES, _measure(np.asarray(roll, bool)), strict=True):
            columns[name][index] = value
    return columns


NAMES = ("pitches", "strikes", "register", "range", "silent", "repeated", "in key", "consonant")


def _measure(roll: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> tuple[float, ...]:
    count = roll.sum()
    struck = roll[1:] & ~roll[:-1]
    still = (roll[1:] == roll[:-1]).all(1).mean() if len(roll) > 1 else np.nan
    strikes = struck.sum() / max(len(struck), 1)
    if not count:
        return 0.0, float(strikes), np.nan, np.nan, 1.0, float(still), np.nan, np.nan
    pitches = np.arange(roll.shape[1]) + LOWEST
    sounding = pitches[roll.any(0)]
    classes = np.array([roll[:, pitches % 12 == pitch].sum() for pitch in range(12)])
    together = roll.T.astype(np.int64) @ roll.astype(np.int64)  # frames in which two pitches sound both
    apart = (pitches[:, None] - pitches) % 12
    pairs = np.triu(together, 1)
    return (
        float(count / len(roll)),
        float(strikes),
        float((roll.sum(0) * pitches).sum() / count),
        float(sounding.max() - sounding.min()),
        float((~roll.any(1)).mean()),
        float(still),
        float((KEYS @ classes).max() / count),
        float(1 - pairs[np.isin(apart, HARSH)].sum() / pairs.sum()) if pairs.any() else np.nan,
    )
