"""From a score to the hits of its drums: how hard each is struck, and how far from the grid of sixteenths.

A hit is a row of the form "feel" (training/vrnn/frames.py names its columns). What is drawn are velocity, 0
to 1, and offset in steps, -0.5 to 0.5; the rest is given: which class of drum, where in the bar, how many
steps after the hit before (0: in the same step), and all that its step strikes, as a token of the codec.
- A class is struck once a step: of a flam, or a roll faster than sixteenths, the loudest hit stays.
- Within a step the hits stand in the order of their classes.
- Velocities are whole numbers and onsets whole ticks; a density over such values has no upper bound. Each
  therefore gets uniform noise as wide as its last place, the same for the same file.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from engine.bar import STEPS_PER_BAR, STEPS_PER_BEAT
from engine.codec import DRUM_CLASS_OF_PITCH
from training.data.midi import Score, UnusableError, read_score
from training.data.songs import FORMS, Piece, Remark

FEWEST = 8  # hits of a piece
LOUDEST = 127


def read(data: bytes) -> tuple[list[Piece], list[Remark]]:
    """Return a MIDI file's regions of 4/4 as hits. UnusableError: it has no drums there."""
    score = read_score(data)
    seed = int.from_bytes(hashlib.sha1(data).digest()[:8])
    chance = np.random.Generator(np.random.PCG64(seed))
    found = [_hits(score, region, chance) for region in score.regions]
    pieces = [Piece(rows) for rows in found if len(rows) >= FEWEST]
    if not pieces:
        raise UnusableError("no drums", f"fewer than {FEWEST} hits on channel 10 in 4/4")
    return pieces, []


def _hits(score: Score, region: tuple[int, int], chance: np.random.Generator) -> NDArray[np.float32]:
    start, end = region
    step = score.ticks_per_beat / STEPS_PER_BEAT
    struck = [part.notes for part in score.parts if part.kind == "drums"]
    notes = np.concatenate([*struck, np.zeros((0, 4), np.int64)])
    known = np.isin(notes[:, 2], list(DRUM_CLASS_OF_PITCH))
    notes = notes[known & (notes[:, 0] >= start) & (notes[:, 0] < end)]
    onset = (notes[:, 0] - start) / step
    place = np.floor(onset + 0.5).astype(np.int64)
    drum = np.array([DRUM_CLASS_OF_PITCH[int(pitch)] for pitch in notes[:, 2]], np.int64)
    order = np.lexsort((notes[:, 0], -notes[:, 3], drum, place))
    place, drum, onset, velocity = place[order], drum[order], onset[order], notes[order, 3]
    first = np.append(True, (np.diff(place) != 0) | (np.diff(drum) != 0))[: len(place)]
    place, drum, onset, velocity = place[first], drum[first], onset[first], velocity[first]
    tokens = np.zeros(int(place.max(initial=-1)) + 1, np.int64)
    np.bitwise_or.at(tokens, place, 1 << drum)
    rows = np.zeros((len(place), *FORMS["feel"].row), np.float32)
    blur = chance.random((2, len(place)))
    rows[:, 0] = (velocity - 1 + blur[0]) / LOUDEST
    rows[:, 1] = np.clip(onset - place + (blur[1] - 0.5) / step, -0.5, 0.5)
    rows[:, 2] = drum
    rows[:, 3] = place % STEPS_PER_BAR
    rows[:, 4] = np.diff(place, prepend=place[:1])
    rows[:, 5] = tokens[place]
    return rows
