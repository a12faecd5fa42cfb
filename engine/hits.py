"""Drums as a human plays them: how hard each hit is struck, and how far from the grid."""

from dataclasses import replace

from engine.bar import TICKS_PER_STEP, Bar
from engine.codec import DRUM_PITCHES, Codec
from engine.request import Hits
from engine.swing import swung

REACH = TICKS_PER_STEP // 2  # ticks that a hit may be away from its step, before or after it


def drums(codec: Codec) -> tuple[int, int] | None:
    """Return the number of the codec's drums among its voices and their column, None if it has none."""
    column = 0
    for index, voice in enumerate(codec.voices):
        if voice.kind == "drums":
            return index, column
        column += voice.columns
    return None


def joined(before: Hits, after: Hits, step: int) -> Hits:
    """Return the hits `before` up to `step` of the bar, and those `after` from there on."""
    return (*(hit for hit in before if hit[0] < step), *(hit for hit in after if hit[0] >= step))


def played(bar: Bar, voice: int, hits: Hits) -> Bar:
    """Return `bar` with the notes of drums `voice` as `hits` have them; what they lack stays as written."""
    touches = {
        (voice, step * TICKS_PER_STEP, DRUM_PITCHES[drum]): (velocity, lean)
        for step, drum, velocity, lean in hits
    }
    notes = []
    for note in bar.notes:
        velocity, lean = touches.get((note.voice, note.tick, note.pitch), (0, 0))
        notes.append(replace(note, lean=lean, touch=velocity) if velocity else note)
    return replace(bar, notes=tuple(notes))


def leant(tick: int, lean: int, swing: float, tightness: float) -> int:
    """Return the tick at which what is written at straight `tick` is sent, struck `lean` ticks off the grid.

    Swing places the step, and the lean is added to that: all of it at `tightness` 0, none at 1. It goes no
    further than halfway to the steps beside it, which swing brings closer: what is struck on a step always
    comes after what was on the one before.
    """
    at = swung(tick, swing)
    if not lean:
        return at
    room = swung(tick + TICKS_PER_STEP, swing) - at if lean > 0 else at - swung(tick - TICKS_PER_STEP, swing)
    ahead, behind = room // 2, (room - 1) // 2
    return at + max(-ahead, min(behind, round(lean * (1.0 - tightness))))


def weighed(velocity: int, touch: int, tightness: float) -> int:
    """Return the velocity of a hit: as written at `tightness` 1, as a human's `touch` is at 0."""
    return round(touch + (velocity - touch) * tightness) if touch else velocity
