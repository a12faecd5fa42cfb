"""Tokens and bars: what one spells the other reads back; and the velocities that a bar is given."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP, Bar
from engine.codec import CODECS, DRUM_CLASSES, HOLD, NOTE_OFF
from engine.dynamics import BACKBEAT, METRE, PULSE, accent, shape

TRIO = CODECS["trio"]
GRID = st.lists(
    st.tuples(st.integers(0, 129), st.integers(0, 129), st.integers(0, 511)),
    min_size=STEPS_PER_BAR,
    max_size=STEPS_PER_BAR,
)


@given(GRID)
def test_a_bar_is_written_back_as_tokens_that_spell_it_again(tokens: list[tuple[int, int, int]]) -> None:
    bar = TRIO.to_bar(tokens)
    again = TRIO.to_tokens(bar)
    assert TRIO.to_bar(again) == bar
    assert [row[2] for row in again] == [row[2] for row in tokens]
    for voice in (0, 1):
        struck = [(step, row[voice]) for step, row in enumerate(tokens) if row[voice] < NOTE_OFF]
        assert [(step, row[voice]) for step, row in enumerate(again) if row[voice] < NOTE_OFF] == struck


@given(GRID)
def test_notes_of_a_bar_lie_in_it_and_one_voice_never_overlaps_itself(
    tokens: list[tuple[int, int, int]],
) -> None:
    bar = TRIO.to_bar(tokens)
    assert list(bar.notes) == sorted(bar.notes)
    for note in bar.notes:
        assert 0 <= note.tick < note.tick + note.duration <= TICKS_PER_BAR
        assert 1 <= note.velocity <= 127
    for voice in (0, 1):
        notes = [note for note in bar.notes if note.voice == voice]
        for before, after in pairwise(notes):
            assert before.tick + before.duration <= after.tick
        assert bar.held[voice] <= (notes[0].tick if notes else TICKS_PER_BAR)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((130, 129, 0), "melody token 130 at step 3, allowed 0 to 129"),
        ((129, -1, 0), "bass token -1 at step 3, allowed 0 to 129"),
        ((129, 129, 512), "drums token 512 at step 3, allowed 0 to 511"),
    ],
)
def test_a_token_of_no_vocabulary_is_refused(row: tuple[int, int, int], reason: str) -> None:
    tokens = [(HOLD, HOLD, 0)] * 3 + [row] + [(HOLD, HOLD, 0)] * 12
    with pytest.raises(ValueError, match=reason):
        TRIO.to_bar(tokens)


@pytest.mark.parametrize("tokens", [[], [(HOLD, HOLD, 0)] * 15, [(HOLD, HOLD)] * 16])
def test_a_shape_that_is_no_bar_is_refused(tokens: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="a bar is 16 steps of 3 tokens"):
        TRIO.to_bar(tokens)


def test_every_pitch_of_general_midi_percussion_has_one_class() -> None:
    pitches = [pitch for _, pitches in DRUM_CLASSES for pitch in pitches]
    assert len(pitches) == len(set(pitches))
    assert set(pitches) == {22} | set(range(26, 88))


def struck(**columns: dict[int, int]) -> Bar:
    rest = {"melody": HOLD, "bass": HOLD, "drums": 0}
    return TRIO.to_bar(
        [tuple(columns.get(name, {}).get(step, rest[name]) for name in rest) for step in range(STEPS_PER_BAR)]
    )


def velocity(bar: Bar, step: int) -> int:
    return next(note.velocity for note in bar.notes if note.tick == step * TICKS_PER_STEP)


def test_each_voice_has_an_accent_pattern_of_its_own() -> None:
    melody = struck(melody=dict.fromkeys(range(16), 60))
    bass = struck(bass=dict.fromkeys(range(16), 40))
    snare = struck(drums=dict.fromkeys(range(16), 2))
    hat = struck(drums=dict.fromkeys(range(16), 4))
    assert velocity(melody, 0) > velocity(melody, 8) > velocity(melody, 4) > velocity(melody, 2)
    assert velocity(bass, 0) - velocity(bass, 3) < velocity(melody, 0) - velocity(melody, 3)
    assert velocity(snare, 4) == velocity(snare, 12) > velocity(snare, 0)
    assert velocity(hat, 0) == velocity(hat, 4) > velocity(hat, 2) > velocity(hat, 3)


def test_a_syncopation_carries_the_accent_of_the_beat_that_it_takes_ahead() -> None:
    held = struck(melody={7: 60, 12: NOTE_OFF})
    short = struck(melody={7: 60, 8: NOTE_OFF})
    assert velocity(held, 7) == velocity(struck(melody={8: 60}), 8) > velocity(short, 7)
    assert accent(METRE, 15, steps=9) == accent(METRE, 15)  # what follows the bar line is not known


@given(st.sampled_from([METRE, PULSE, BACKBEAT]), st.integers(0, 15), st.floats(0.0, 1.0))
def test_the_dynamics_knob_flattens_and_widens(
    weights: tuple[float, ...], step: int, dynamics: float
) -> None:
    written = accent(weights, step)
    assert shape(written, 0.5) == written
    assert 1 <= shape(written, dynamics) <= 127
    flat, wide = shape(accent(weights, step), 0.0), shape(accent(weights, step), 1.0)
    assert flat == shape(accent(weights, 0), 0.0)
    assert abs(wide - flat) >= abs(written - flat)
