"""Frames of a piano roll (NumPy only)."""

import numpy as np
from numpy.typing import NDArray

from engine.pianoroll import KEYS, LOWEST

FRAMES_PER_BAR = 40

Frames = NDArray[np.uint8]  # (frames, 88)
Notes = NDArray[np.int64]  # (notes, 3): first frame, the frame after the last, pitch


def roll_of(notes: Notes, frames: int) -> Frames:
    """Return the roll (frames, 88) of `notes` (N, 3): first frame, the frame after the last, pitch."""
    roll = np.zeros((frames, KEYS), np.uint8)
    ordered = notes[np.lexsort((notes[:, 0], notes[:, 2]))]
    for own in np.split(ordered, np.flatnonzero(np.diff(ordered[:, 2])) + 1):
        latest = np.maximum.accumulate(own[:, 1])  # what has not ended goes on after a shorter one
        last = np.append(np.flatnonzero(np.diff(own[:, 0])), len(own) - 1)  # of those struck at once
        struck = own[last, 0]
        ends = np.minimum(latest[last], np.append(struck[1:] - 1, frames))
        for onset, end in zip(struck.tolist(), ends.tolist(), strict=True):
            roll[onset : max(end, onset + 1), own[0, 2] - LOWEST] = 1
    return roll
