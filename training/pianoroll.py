"""From a score to a piano roll: 40 frames a bar of 4/4, the paper's 20 Hz at 120 BPM, whatever the tempo.

Rules (VRAE, Fabius & van Amersfoort 2015, section 3.1, leaves them open):
- All that has pitches sounds; drums on channel 10 and sound effects do not.
- A note lasts from the frame nearest its onset to the one nearest its end, one frame at least. Where its
  pitch is struck again at its end it stops a frame sooner: a roll cannot tell a note struck again from one
  that is held.
- A piece is a region of 4/4 in whole bars: before another time signature a bar that is cut short is left
  out, and the one in which the music ends is filled up with silence.
"""

import numpy as np
from numpy.typing import NDArray

from engine.bar import BEATS_PER_BAR
from training.midi import Score, UnusableError
from training.songs import FORMS, Piece, Remark

FRAMES_PER_BAR = 40
PITCHES = FORMS["roll"].row[0]
LOWEST = 21  # of the piano's 88, and the first column
FEWEST_NOTES = 8  # in a piece

Frames = NDArray[np.uint8]  # (frames, 88)
Notes = NDArray[np.int64]  # (notes, 3): first frame, the frame after the last, pitch


def rolls_of(score: Score) -> tuple[list[Piece], list[Remark]]:
    """Return a roll (frames, 88) of each region of 4/4 in `score`, and what was left out of them.

    UnusableError: no region has a bar and some notes.
    """
    parts = [part.notes for part in score.parts if part.kind in ("melody", "bass")]
    if not parts:
        raise UnusableError("no pitches", "drums and sound effects only")
    notes = np.concatenate(parts)
    outside = (notes[:, 2] < LOWEST) | (notes[:, 2] >= LOWEST + PITCHES)
    remarks = []
    if outside.any():
        found = f"{int(outside.sum())} of {len(notes)} notes"
        remarks.append(Remark("dropped: notes beyond the piano", found))
    frame = score.ticks_per_beat * BEATS_PER_BAR / FRAMES_PER_BAR
    pieces = []
    for start, end in score.regions:
        inside = notes[~outside & (notes[:, 0] >= start) & (notes[:, 0] < end)]
        bars = (end - start) / (frame * FRAMES_PER_BAR)
        frames = FRAMES_PER_BAR * int(np.ceil(bars) if end == score.end else bars)
        if frames and len(inside) >= FEWEST_NOTES:
            pieces.append(Piece(roll_of(_framed(inside, start, end, frame), frames)))
    if not pieces:
        raise UnusableError("too short", f"no region of 4/4 with a whole bar and {FEWEST_NOTES} notes")
    return pieces, remarks


def roll_of(notes: Notes, frames: int) -> Frames:
    """Return the roll (frames, 88) of `notes` (N, 3): first frame, the frame after the last, pitch."""
    roll = np.zeros((frames, PITCHES), np.uint8)
    ordered = notes[np.lexsort((notes[:, 0], notes[:, 2]))]
    for own in np.split(ordered, np.flatnonzero(np.diff(ordered[:, 2])) + 1):
        latest = np.maximum.accumulate(own[:, 1])  # what has not ended goes on after a shorter one
        last = np.append(np.flatnonzero(np.diff(own[:, 0])), len(own) - 1)  # of those struck at once
        struck = own[last, 0]
        ends = np.minimum(latest[last], np.append(struck[1:] - 1, frames))
        for onset, end in zip(struck.tolist(), ends.tolist(), strict=True):
            roll[onset : max(end, onset + 1), own[0, 2] - LOWEST] = 1
    return roll


def notes_of(roll: NDArray[np.generic]) -> Notes:
    """Return the notes (N, 3) that `roll` (frames, 88) spells: first frame, the one after the last, pitch."""
    sounding = np.pad(np.asarray(roll) > 0, ((1, 1), (0, 0))).astype(np.int8)
    change = np.diff(sounding, axis=0).T  # (88, frames + 1): 1 where a note begins, -1 where it ends
    pitch, first = np.nonzero(change == 1)
    end = np.nonzero(change == -1)[1]
    return np.stack([first, end, pitch + LOWEST], axis=1).astype(np.int64)


def _framed(notes: Notes, start: int, end: int, frame: float) -> Notes:
    framed = notes.copy()
    ticks = np.minimum(notes[:, :2], end) - start
    framed[:, :2] = np.floor(ticks / frame + 0.5)
    return framed
