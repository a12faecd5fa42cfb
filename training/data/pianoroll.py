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

from engine.bar import BEATS_PER_BAR
from engine.pianoroll import KEYS, LOWEST
from training.data.midi import Score, UnusableError
from training.data.rollnotes import FRAMES_PER_BAR, Notes, roll_of
from training.data.songs import Piece, Remark

FEWEST_NOTES = 8  # in a piece


def rolls_of(score: Score) -> tuple[list[Piece], list[Remark]]:
    """Return a roll (frames, 88) of each region of 4/4 in `score`, and what was left out of them.

    UnusableError: no region has a bar and some notes.
    """
    parts = [part.notes for part in score.parts if part.kind in ("melody", "bass")]
    if not parts:
        raise UnusableError("no pitches", "drums and sound effects only")
    notes = np.concatenate(parts)
    outside = (notes[:, 2] < LOWEST) | (notes[:, 2] >= LOWEST + KEYS)
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


def _framed(notes: Notes, start: int, end: int, frame: float) -> Notes:
    framed = notes.copy()
    ticks = np.minimum(notes[:, :2], end) - start
    framed[:, :2] = np.floor(ticks / frame + 0.5)
    return framed
