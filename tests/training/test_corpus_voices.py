"""Which tracks of a MIDI file become melody, bass and drums, and the tokens that spell their notes."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_song import Track, midi, trio, tune
from read_pieces import pieces, reason, steps

from engine.codec import DRUM_CLASS_OF_PITCH, HOLD, NOTE_OFF


def test_a_trio_becomes_one_song_of_three_voices():
    (piece,) = pieces(midi(trio(bars=2)))
    assert piece.voices == (True, True, True)
    assert piece.rows.shape == (2, 16, 3)
    first, second = (pitch for _, _, pitch in tune(1)[:2])
    assert steps(piece, 0)[:5] == [first, HOLD, HOLD, HOLD, second]
    assert steps(piece, 1)[:9] == [36, *[HOLD] * 7, 37]
    assert steps(piece, 2)[:9] == [1, 0, 0, 0, 2, 0, 0, 0, 1]


def test_a_note_that_ends_in_silence_is_switched_off_and_the_next_onset_cuts():
    notes = [
        (0, 0.5, 60),
        (1, 1.25, 62),
        (2, 1, 64),
        (4, 1, 60),
        (5, 1, 62),
        (6, 1, 64),
        (7, 1, 65),
        (8, 1, 60),
    ]
    (piece,) = pieces(midi([Track(notes)]))
    assert piece.voices == (True, False, False)
    expected = [60, HOLD, NOTE_OFF, HOLD, 62, HOLD, HOLD, HOLD, 64, HOLD, HOLD, HOLD, NOTE_OFF]
    assert steps(piece, 0)[:13] == expected
    assert set(steps(piece, 1)) == set(steps(piece, 2)) == {-1}


def test_of_equal_onsets_the_melody_keeps_the_highest_and_the_bass_the_lowest():
    pair = [(0, 1, 55), (0, 1, 67)]
    line = [(beat, 1, 60 + beat % 3) for beat in range(1, 32)]
    low = [(beat, 1, 36 + beat % 3) for beat in range(1, 32)]
    drums = [(beat, 0.25, pitch) for beat in range(8) for pitch in (36, 42, 49)]
    tracks = [Track(pair + line, 0, 80), Track([(0, 1, 40), (0, 1, 28), *low], 1, 32), Track(drums, 9)]
    (piece,) = pieces(midi(tracks))
    assert piece.rows[0, 0].tolist() == [67, 28, 0b10000101]


def test_every_percussion_pitch_of_the_codec_sets_its_bit():
    for pitch, bit in DRUM_CLASS_OF_PITCH.items():
        (piece,) = pieces(midi([Track([(beat, 0.25, pitch) for beat in range(4)], 9)]))
        assert steps(piece, 2)[0] == 1 << bit


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6), st.integers(40, 90)), min_size=12, max_size=40)
)
def test_tokens_spell_the_notes_that_were_written(rows):
    notes, step = [], 0
    for rest, length, pitch in [*rows, (0, 1, 91), (0, 1, 92), (0, 1, 93)]:
        notes.append(((step + rest) / 4, length / 4, pitch))
        step += rest + length
    (piece,) = pieces(midi([Track(notes)]))
    tokens = np.array([*steps(piece, 0), NOTE_OFF])
    events = np.flatnonzero(tokens != HOLD)
    spelt = [
        (start / 4, (end - start) / 4, tokens[start])
        for start, end in itertools.pairwise(events)
        if tokens[start] < NOTE_OFF
    ]
    assert spelt == notes


def test_a_chord_track_is_no_melody_and_the_track_named_melody_goes_first():
    chords = [(beat, 1, pitch) for beat in range(16) for pitch in (60, 64, 67)]
    assert reason(midi([Track(chords)])) == "no usable voice"
    tracks = [
        Track(tune(4, 1)),
        Track(tune(4, 2), 1),
        Track(tune(4, 3), 2),
        Track(tune(4, 4), 3, name="MELODY"),
    ]
    found = pieces(midi(tracks))
    assert len(found) == 3
    assert steps(found[0], 0)[0] == tune(4, 4)[0][2]


def test_three_trios_at_most_little_overlap_first_then_the_longest():
    def lead(seed, bars, overlap):
        return Track([(beat, 1 + overlap, pitch) for beat, _, pitch in tune(bars, seed)], seed, 80)

    leads = [lead(4, 4, 0.08), lead(3, 3, 0), lead(2, 4, 0), lead(0, 3, 0.08)]
    found = pieces(midi([*leads, Track([(b, 1, 36) for b in range(16)], 8, 35), Track(trio(4)[2].notes, 9)]))
    assert [steps(piece, 0)[0] for piece in found] == [tune(1, seed)[0][2] for seed in (2, 3, 4)]
    assert all(piece.voices == (True, True, True) for piece in found)
