"""The count-in: a click on every beat of a bar that the scheduler plays like any other, but no take keeps."""

from engine.bar import BEATS_PER_BAR, PPQN, TICKS_PER_STEP, Bar, Note

# High and low wood block, in the percussion map since General MIDI 1. The metronome's own click and bell
# (33, 34) came with GM 2, and a side stick (37) would need another sound for the downbeat.
HIGH, LOW = 76, 77
VELOCITY = 100


def click_bar(voice: int) -> Bar:
    """Return a bar of clicks of `voice`, which is none of the performance's own."""
    notes = (
        Note(beat * PPQN, voice, LOW if beat else HIGH, TICKS_PER_STEP, VELOCITY)
        for beat in range(BEATS_PER_BAR)
    )
    return Bar(tuple(notes), ())
