"""Tracks of notes: what passes the filters, what becomes of a MIDI file, and what cannot be read."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_song import Track, damaged, midi, trio

from training.data.midi import UnusableError, read_score
from training.data.notes import (
    MEDIAN,
    PAUSES,
    PROGRAM,
    RATIOS,
    SIZES,
    STEPS,
    STEPS_PER_BEAT,
    delays,
    entropy,
    middle,
    pitches_of,
)
from training.data.prepare import prepare
from training.data.readers import READERS
from training.data.songs import FORMS
from training.data.store import Store
from training.data.tracks import FOURTH, tracks_of


def read(tracks, **how):
    return READERS["note"].read("song.mid", midi(tracks, **how))


def line(pauses, pitches, start=0.0, length=1):
    """Return notes (onset beat, beats, pitch) that are so many steps apart."""
    onsets = start + np.concatenate([[0], np.cumsum(pauses)]) / STEPS_PER_BEAT
    return [
        (float(onset), length / STEPS_PER_BEAT, pitch) for onset, pitch in zip(onsets, pitches, strict=True)
    ]


def melody(notes=40, seed=0):
    chance = random.Random(seed)
    return [chance.choice((60, 62, 64, 65, 67, 69)) for _ in range(notes)]


def test_a_row_is_delay_pitch_class_octave_pause_and_program():
    pauses = [12, 12, 6, 6, 24, 12, 12, 18, 6, 12, 12, 36, 12, 12, 12, 12]
    pitches = [60, 62, 64, 65, 67, 71, 72, 59, 60, 62, 64, 65, 67, 71, 72, 48, 60]
    pieces, remarks = read([Track(line(pauses, pitches), 0, 73, "Flute")])
    assert remarks == []
    rows = pieces[0].rows
    assert rows.dtype == FORMS["note"].dtype
    assert rows.shape == (16, *FORMS["note"].row)
    assert rows[:, STEPS].tolist() == pauses
    assert rows[:, 0].tolist() == [RATIOS.index(pause / 12) for pause in pauses]
    assert pitches_of(rows).tolist() == pitches[1:]  # the first note has none before it
    assert set(rows[:, PROGRAM]) == {73}
    assert pieces[0].label == "FLUTE"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 10), min_size=20, max_size=60),
    st.lists(st.integers(1, 200), min_size=11, max_size=11, unique=True),
    st.integers(-4, 4),
    st.integers(0, 2**32),
    st.sampled_from([24, 96, 120, 480]),
)
def test_what_rows_say_is_the_track_that_was_written(choices, kinds, octaves, seed, ticks):
    chance = random.Random(seed)
    pauses = [kinds[choice] for choice in choices]
    pitches = [60 + 12 * octaves + chance.randrange(12) for _ in range(len(pauses) + 1)]
    if entropy(np.array(pitches)) < 1.5:
        return
    pieces, _ = read([Track(line(pauses, pitches), 2, 5)], ticks=ticks)
    rows = pieces[0].rows
    assert rows[:, STEPS].tolist() == pauses
    assert ((rows[:, :3] >= 0) & (rows[:, :3] < SIZES)).all()
    moved = np.array(pitches) - 12 * octaves  # the octave from middle C holds them all
    assert pitches_of(rows).tolist() == moved[1:].tolist()
    assert np.median(moved) // 12 == FOURTH
    ratio = np.array(pauses) / middle(np.array(pauses))
    nearest = [min(range(PAUSES), key=lambda k: abs(np.log(r) - np.log(RATIOS[k]))) for r in ratio]
    assert np.allclose(np.array(RATIOS)[rows[:, 0]], np.array(RATIOS)[nearest])


def test_delays_are_told_by_proportion():
    assert delays(np.array([12]), 12).tolist() == [MEDIAN]
    assert delays(np.array([1, 200]), 12).tolist() == [0, PAUSES - 1]  # beyond the table its ends are nearest
    assert [RATIOS[k] for k in delays(np.array([7, 9, 16, 30]), 12)] == [2 / 3, 3 / 4, 3 / 2, 3.0]


def test_tracks_of_all_metres_are_read_and_drums_and_effects_are_not():
    notes = line([12] * 39, melody())
    pieces, _ = read([Track(notes), Track(notes, 9), Track(notes, 3, 120)], metres=[(0, 6, 8)])
    assert len(pieces) == 1
    with pytest.raises(UnusableError, match="no pitches"):
        read([Track(notes, 9)])


def test_of_notes_struck_together_the_highest_stays():
    notes = line([12] * 39, melody())
    doubled = [(onset, beats, pitch - 12) for onset, beats, pitch in notes[:3]]
    pieces, _ = read([Track([*notes, *doubled])])
    assert pitches_of(pieces[0].rows).tolist() == [pitch for _, _, pitch in notes[1:]]


BAD = {
    "too short": line([12] * 10, melody(11)),
    "too many pauses": line(range(1, 40), melody()),
    "little pitch entropy": line([12] * 39, [60] * 38 + [62, 64]),
    "too wide": line([12] * 39, [1, *[64 + 12 * 4 + k % 5 for k in range(39)]]),
    "not one note at a time": line([12] * 39, melody(), length=40),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_track_that_does_not_pass_a_filter_is_left_out_with_the_reason(reason):
    with pytest.raises(UnusableError, match=reason):
        read([Track(BAD[reason], name="bad")])
    pieces, remarks = read([Track(line([12] * 39, melody())), Track(BAD[reason], 1, name="bad")])
    assert len(pieces) == 1
    assert [remark.what for remark in remarks] == [f"dropped: {reason}"]
    assert remarks[0].detail.startswith("BAD: ")


def test_eleven_pauses_are_allowed_and_twelve_are_not():
    for count, passes in ((PAUSES, True), (PAUSES + 1, False)):
        track = Track(line([*range(4, 4 + count), *[4] * 10], melody(count + 11)))
        if passes:
            assert len(read([track])[0]) == 1
        else:
            with pytest.raises(UnusableError, match="too many pauses"):
                read([track])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_damaged_files_are_refused_or_give_valid_rows(seed, damage):
    data = damaged(midi(trio(8, 1)), damage, random.Random(seed))
    try:
        pieces, _ = READERS["note"].read("x.mid", data)
    except UnusableError:
        return
    for piece in pieces:
        assert ((piece.rows[:, :3] >= 0) & (piece.rows[:, :3] < SIZES)).all()
        assert (piece.rows[:, STEPS] > 0).all()
        assert (pitches_of(piece.rows) < 128).all()


def test_a_store_of_notes_opens_with_one_song_a_track(tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for seed in range(3):
        parts = [
            Track(line([12] * 39, melody(seed=seed)), name="one"),
            Track(line([24] * 29, melody(30, seed)), 1, 33),
        ]
        (folder / f"{seed}.mid").write_bytes(midi(parts))
    (folder / "drums.mid").write_bytes(midi([Track(BAD["too short"], 9)]))
    report = prepare([folder], tmp_path / "store", form="note")
    store = Store.open(tmp_path / "store")
    assert store.form == "note"
    assert [song.label for song in store.songs] == ["ONE", "program 33"] * 3
    assert store.rows.shape == (3 * (39 + 29), 5)
    assert report.sources[0].refused == {"no pitches": 1}
    assert "6 songs, 204 notes" in report.lines()[0]


def test_the_trios_reader_still_asks_for_four_quarters():
    data = midi([Track(line([12] * 39, melody()))], metres=[(0, 6, 8)])
    with pytest.raises(UnusableError, match="not in 4/4"):
        read_score(data)
    assert len(tracks_of(read_score(data, any_metre=True))[0]) == 1
