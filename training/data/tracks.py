"""From a score to tracks of single notes (VRASH, section 2).

Rules (Tikhonov & Yamshchikov 2017 leave the details open):
- A track is a part outside drums and effects of which two or more notes sound for at most a tenth of the
  time in which any does; of notes struck together the highest stays. The metre does not matter.
- A pause is the time from one onset to the next, on a grid of a 24th of a beat. A track has at most
  eleven different ones, and its pitches an entropy of at least 1.5 bits.
- A pause's delay is the nearest of eleven multiples of the track's median pause, by proportion.
- Tracks move by whole octaves until their median pitch lies in the 4th, from middle C to the B above.
- A row is a note that another one precedes: only so it has a delay.
"""

import numpy as np
from numpy.typing import NDArray

from training.data.extract import OVERLAP, overlap
from training.data.midi import Part, Score, UnusableError
from training.data.notes import OCTAVE, PAUSES, PITCHES, STEPS_PER_BEAT, delays, entropy, middle
from training.data.songs import Piece, Remark

LEAST_ENTROPY = 1.5  # bits, about what three pitches have; one track in a hundred has less
FEWEST_NOTES = 16
FOURTH = 5  # the number of the octave that begins at middle C

Rows = NDArray[np.int32]  # (notes, 5): the elements, the pause in steps, the track's program


def tracks_of(score: Score) -> tuple[list[Piece], list[Remark]]:
    """Return the tracks of `score` that pass the filters, and why the others do not.

    UnusableError: none passes; the reason is that of the track with most notes.
    """
    pieces: list[Piece] = []
    remarks: list[Remark] = []
    refusals: list[tuple[int, UnusableError]] = []
    for part in score.parts:
        if part.kind not in ("melody", "bass"):
            continue
        label = part.name or f"program {part.program}"
        try:
            pieces.append(Piece(track(part, score.ticks_per_beat), label=label))
        except UnusableError as error:
            refusals.append((len(part.notes), error))
            remarks.append(Remark(f"dropped: {error.reason}", f"{label}: {error.detail}"[:200]))
    if not pieces and not refusals:
        raise UnusableError("no pitches", "drums and sound effects only")
    if not pieces:
        raise max(refusals, key=lambda refusal: refusal[0])[1]
    return pieces, remarks


def track(part: Part, ticks_per_beat: int) -> Rows:
    """Return the rows of a part. UnusableError: a filter that it does not pass."""
    if len(part.notes) < FEWEST_NOTES:
        raise UnusableError("too short", f"{len(part.notes)} notes, expected {FEWEST_NOTES}")
    if (shared := overlap(part.notes)) > OVERLAP:
        raise UnusableError("not one note at a time", f"two or more sound for {shared:.0%} of the time")
    onsets = np.floor(part.notes[:, 0] * STEPS_PER_BEAT / ticks_per_beat + 0.5).astype(np.int64)
    order = np.lexsort((part.notes[:, 2], onsets))
    order = order[np.append(onsets[order][1:] != onsets[order][:-1], True)]  # the last of equal onsets
    pitches, pauses = part.notes[order, 2], np.diff(onsets[order])
    if len(pitches) < FEWEST_NOTES:
        raise UnusableError("too short", f"{len(pitches)} onsets, expected {FEWEST_NOTES}")
    if (different := len(np.unique(pauses))) > PAUSES:
        raise UnusableError("too many pauses", f"{different} different ones, allowed {PAUSES}")
    if (bits := entropy(pitches)) < LEAST_ENTROPY:
        raise UnusableError("little pitch entropy", f"{bits:.2f} bits, expected {LEAST_ENTROPY}")
    centred = pitches + OCTAVE * (FOURTH - middle(pitches) // OCTAVE)
    if centred.min() < 0 or centred.max() >= PITCHES:
        raise UnusableError("too wide", f"{np.ptp(pitches)} semitones around the median")
    columns = [delays(pauses, middle(pauses)), centred[1:] % OCTAVE, centred[1:] // OCTAVE, pauses]
    return np.stack([*columns, np.full(len(pauses), part.program)], 1).astype(np.int32)
