"""Tokens and bars: what one spells the other reads back; and the velocities that a bar is given."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP, Bar
from engine.codec import CODECS, DRUM_CLASSES, HOLD, MELODY_VOCABULARY, NOTE_OFF, Codec
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


ROW = (HOLD, HOLD, 0)


@pytest.mark.parametrize(
    "tokens",
    [[], [ROW] * 7, [ROW] * 1921, [(HOLD, HOLD)] * 16, [ROW] * 15 + [(HOLD,)], [5] * 16, [None] * 16],
)
def test_a_shape_that_is_no_bar_is_refused(tokens: list[tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="a bar is steps of 3 tokens, as many as divide 1920"):
        TRIO.to_bar(tokens)


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@pytest.mark.parametrize("token", [0.0, 1.0, float("nan"), True, None, "1", -1, 512, 2**70])
def test_what_is_no_token_is_refused_in_any_column(codec: Codec, token: object) -> None:
    width = len(codec.vocabularies)
    for column in {0, width // 2, width - 1}:
        row = [0] * width
        row[column] = token
        with pytest.raises(ValueError, match=rf"codec {codec.name}: .* token .* at step 2, allowed 0 to "):
            codec.to_bar([[0] * width, [0] * width, row, [0] * width])


MELODIES = st.one_of(st.sampled_from([HOLD, HOLD, HOLD, NOTE_OFF]), st.integers(0, 127))
# What a step of each codec may hold; of a roll, the keys that are down.
STEPS = {
    "melody": MELODIES.map(lambda token: (token,)),
    "drums": st.integers(0, 511).map(lambda token: (token,)),
    "trio": st.tuples(MELODIES, MELODIES, st.integers(0, 511)),
    "roll": st.frozensets(st.sampled_from([0, 1, 40, 44, 86, 87])).map(
        lambda keys: tuple(int(key in keys) for key in range(88))
    ),
}


@pytest.mark.parametrize("steps", [1, 12, 16, 40, 96])
@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_any_bar_of_any_grid_is_written_back(codec: Codec, steps: int, data: st.DataObject) -> None:
    tokens = data.draw(st.lists(STEPS[codec.name], min_size=steps, max_size=steps))
    bar = codec.to_bar(tokens)
    again = codec.to_tokens(bar, steps)
    assert codec.to_bar(again) == bar
    for note in (*bar.notes, *bar.tied):
        assert note.tick % (TICKS_PER_BAR // steps) == 0
        assert 0 <= note.tick < note.tick + note.duration <= TICKS_PER_BAR
    for column, vocabulary in enumerate(codec.vocabularies):
        if vocabulary != MELODY_VOCABULARY:  # which has several ways to write a rest
            assert [row[column] for row in again] == [row[column] for row in tokens]


@pytest.mark.parametrize("steps", [0, -4, 7, 1921])
def test_a_grid_that_no_bar_has_is_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f"{steps} steps a bar, allowed what divides 1920"):
        TRIO.to_tokens(Bar((), (0, 0, 0)), steps)


def roll(*steps: set[int]) -> Bar:
    """Return a bar in which these pitches are down, step by step."""
    rows = [tuple(int(21 + key in pitches) for key in range(88)) for pitches in steps]
    return CODECS["roll"].to_bar(rows)


def test_a_key_that_stays_down_is_one_note_and_one_down_at_first_may_go_on() -> None:
    bar = roll({60, 64}, {60}, {60, 108}, {21, 108})
    assert [(n.tick, n.pitch, n.duration) for n in bar.tied] == [(0, 60, 1440), (0, 64, 480)]
    assert [(n.tick, n.pitch, n.duration) for n in bar.notes] == [(960, 108, 960), (1440, 21, 480)]
    assert bar.held == (0,)


def test_accents_are_those_of_the_sixteenth_that_a_step_lies_in() -> None:
    fine = CODECS["melody"].to_bar([(60 if step % 6 in (0, 5) else NOTE_OFF,) for step in range(96)])
    coarse = CODECS["melody"].to_bar([(60,)] * 16)
    velocities = {note.tick // TICKS_PER_STEP: note.velocity for note in coarse.notes}
    assert len(fine.notes) == 32
    assert [note.velocity for note in fine.notes] == [
        velocities[note.tick // TICKS_PER_STEP] for note in fine.notes
    ]
    assert [note.velocity for note in roll({60}, {62}, {60}, {62}).notes] == [
        velocity(struck(melody={step: 60}), step) - 8 for step in (4, 8, 12)
    ]


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
