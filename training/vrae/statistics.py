"""Musical statistics of piano rolls, to compare what a model plays with its data (NumPy only)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.pianoroll import LOWEST
from training.data.rollnotes import FRAMES_PER_BAR
from training.statistics import KEYS, Values, ratio

Rolls = NDArray[np.integer[Any]]


def statistics(rolls: Rolls, lowest: int = LOWEST) -> dict[str, Values]:
    """Return each statistic of each of `rolls` (B, T, pitches), column 0 being the pitch `lowest`.

    Density is notes struck a bar of 40 frames; polyphony is pitches that sound at once, where any does;
    register is their mean pitch and range the semitones from lowest to highest; in key is the share of them
    in the best-fitting major key; length is frames a note; repeated is the share of frames that equal the one
    before, silent the share without a sound. Frames below 0, after a roll's end, do not count. NaN where a
    roll has nothing to measure.
    """
    known = rolls[:, :, 0] >= 0  # (B, T)
    sounding = rolls > 0
    pitches = lowest + np.arange(rolls.shape[2])
    at_once = sounding.sum(2)
    total, frames = at_once.sum(1), known.sum(1)
    struck = sounding & ~np.pad(sounding, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    notes = struck.sum((1, 2))
    used = sounding.any(1)  # (B, pitches)
    high, low = np.where(used, pitches, 0).max(1), np.where(used, pitches, 1000).min(1)
    classes = np.stack([sounding[:, :, pitches % 12 == pitch].sum((1, 2)) for pitch in range(12)], axis=1)
    same = (rolls[:, 1:] == rolls[:, :-1]).all(2) & known[:, 1:]
    return {
        "density": ratio(notes * FRAMES_PER_BAR, frames),
        "polyphony": ratio(total, (at_once > 0).sum(1)),
        "register": ratio(sounding.sum(1) @ pitches, total),
        "range": np.where(total > 0, high - low, np.nan).astype(np.float64),
        "in key": ratio((classes @ KEYS.T).max(1), total),
        "length": ratio(total, notes),
        "repeated": ratio(same.sum(1), known[:, 1:].sum(1)),
        "silent": ratio(((at_once == 0) & known).sum(1), frames),
    }
