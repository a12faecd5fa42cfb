"""Drum hits out of MIDI files: what is struck where and how, the way back, hostile files."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_song import TICKS, Track, damaged, midi, trio

from engine.codec import DRUM_PITCHES
from training.data import hits
from training.data.midi import UnusableError
from training.data.readers import READERS
from training.vrnn.frames import CLASS, CLASSES, FRAMES, GAP, OFFSET, STEP, TOKEN, VELOCITY

TICK = 4 / TICKS  # steps


def beats(*notes: tuple[float, int]) -> bytes:
    return midi([Track([(beat, 0.1, pitch) for beat, pitch in notes], channel=9)])


def test_hits_tell_what_is_struck_where_and_how():
    early, late = 1 - 0.01, 2 + 0.02  # beats
    notes = [(0, 36), (0, 42), (early, 38), (late, 36), (2.5, 42), (3, 40), (3, 38), (4, 36), (4, 49)]
    ((piece,), remarks) = hits.read(beats(*notes))
    assert remarks == []
    rows = piece.rows
    assert rows[:, 2].tolist() == [0, 2, 1, 0, 2, 1, 0, 7]  # one of the two snares at beat 3
    assert rows[:, 3].tolist() == [0, 0, 4, 8, 10, 12, 0, 0]
    assert rows[:, 4].tolist() == [0, 0, 4, 4, 2, 2, 4, 0]
    assert rows[0, 5] == 0b101
    np.testing.assert_allclose(rows[2, 1], -0.04, atol=0.006)
    np.testing.assert_allclose(rows[3, 1], 0.08, atol=0.006)
    assert ((rows[:, 0] >= 79 / 127) & (rows[:, 0] <= 80 / 127)).all()
    again, _ = hits.read(beats(*notes))
    np.testing.assert_array_equal(again[0].rows, rows)


def test_a_file_without_drums_is_refused():
    with pytest.raises(UnusableError, match="no drums"):
        hits.read(midi([Track([(beat, 1, 60) for beat in range(16)])]))


HITS = st.dictionaries(  # by step and class: velocity, and ticks off the grid
    st.tuples(st.integers(1, 100), st.integers(0, CLASSES - 1)),
    st.tuples(st.integers(1, 127), st.integers(-TICKS // 8, TICKS // 8 - 1)),
    min_size=hits.FEWEST,
    max_size=60,
)


@given(HITS)
def test_what_rows_say_is_what_was_struck(struck):
    order = sorted(struck)
    notes = [
        (step / 4 + struck[step, drum][1] / TICKS, 1 / TICKS, DRUM_PITCHES[drum]) for step, drum in order
    ]
    end = 26.0  # beats: beyond all of them
    velocities = [struck[hit][0] for hit in order]
    data = midi([Track(notes, 9, velocities=velocities), Track([(0, end, 60)])])
    ((piece,), remarks) = READERS["feel"].read("song.mid", data)
    rows = piece.rows
    assert remarks == []
    places = order[0][0] + np.cumsum(rows[:, GAP]).astype(int)
    assert list(zip(places.tolist(), rows[:, CLASS].astype(int).tolist(), strict=True)) == order
    assert rows[0, GAP] == 0
    assert (rows[:, STEP] == places % 16).all()
    loud = 1 + 127 * rows[:, VELOCITY].astype(float) - velocities  # where in its last place a velocity lies
    assert ((loud > -1e-4) & (loud < 1 + 1e-4)).all()
    np.testing.assert_allclose(rows[:, OFFSET], [TICK * struck[hit][1] for hit in order], atol=0.51 * TICK)
    tokens = [sum(1 << drum for step, drum in order if step == place) for place in places]
    assert rows[:, TOKEN].tolist() == tokens


def in_their_ranges(rows):
    """Assert that a model can be given `rows`, whatever file they are from."""
    assert np.isfinite(rows).all()
    assert (rows[:, GAP] >= 0).all()
    x, condition = FRAMES["feel"].split(torch.from_numpy(rows))
    assert ((x[:, 0] >= 0) & (x[:, 0] <= 1) & (x[:, 1].abs() <= 0.5)).all()
    assert condition.shape[1] == FRAMES["feel"].condition
    assert (condition[:, :9].sum(1) == 1).all()
    assert (condition[:, 9:18] * condition[:, :9]).sum(1).eq(1).all()  # a class is among its step's
    assert (condition[:, 18:34].sum(1) == 1).all()


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 127)), min_size=1, max_size=40))
def test_hits_of_any_file_stay_in_their_ranges(notes):
    try:
        read, _ = hits.read(beats(*notes))
    except UnusableError:
        return
    for piece in read:
        in_their_ranges(piece.rows)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_damaged_files_are_refused_or_give_valid_rows(seed, damage):
    chance = random.Random(seed)
    data = damaged(midi(trio(8, 1)), damage, chance)
    try:
        pieces, _ = READERS["feel"].read("x.mid", data[: chance.randrange(1, 2 * len(data))])
    except UnusableError:
        return
    for piece in pieces:
        in_their_ranges(piece.rows)


@given(st.binary(max_size=200))
def test_any_bytes_in_a_track_are_hits_or_a_refusal(tail):
    data = midi([trio(8)[2]])
    track = data.rindex(b"MTrk")
    body = data[track + 8 : -4] + tail  # in place of the track's end
    try:
        pieces, _ = READERS["feel"].read("x.mid", data[: track + 4] + len(body).to_bytes(4, "big") + body)
    except UnusableError:
        return
    for piece in pieces:
        in_their_ranges(piece.rows)
