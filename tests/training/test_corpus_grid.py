"""Bar lines and sixteenths of a MIDI file: which of its bars are read, and which voices are on the grid."""

import random

from midi_song import Track, midi, tune
from read_pieces import pieces, reason, steps

from training.data.extract import pieces_of
from training.data.midi import read_score


def test_only_the_regions_in_common_time_are_read_each_from_its_own_bar_line():
    notes = [(beat, 1, 60 + beat % 7) for beat in range(19)]
    (before, after) = pieces(midi([Track(notes)], metres=[(0, 4, 4), (8, 3, 4), (11, 4, 4)]))
    assert [len(before.rows), len(after.rows)] == [2, 2]
    assert steps(after, 0)[0] == notes[11][2]
    assert reason(midi([Track(notes)], metres=[(0, 6, 8)])) == "not in 4/4"


def test_a_bar_that_another_metre_cuts_short_is_left_out_and_the_one_that_ends_the_music_is_filled_up():
    notes = [(beat, 1, 60 + beat % 7) for beat in range(19)]
    short = [(0, 4, 4), (10, 3, 4)]  # the last region of 4/4, but not the end of the music
    assert [len(piece.rows) for piece in pieces(midi([Track(notes)], metres=short))] == [2]
    first = [(0, 4, 4), (10, 4, 4)]  # the same metre again in mid-bar
    assert [len(piece.rows) for piece in pieces(midi([Track(notes)], metres=first))] == [2, 3]
    (whole,) = pieces(midi([Track(notes[:10])]))
    assert len(whole.rows) == 3


def test_common_time_said_again_on_a_bar_line_changes_nothing():
    (piece,) = pieces(midi([Track(tune(4))], metres=[(0, 4, 4), (8, 4, 4)]))
    assert len(piece.rows) == 4


def test_a_melody_off_the_grid_is_refused_but_a_lagging_one_is_moved_and_drums_are_human():
    triplets = [(index / 3, 1 / 3, 60 + index % 5) for index in range(48)]
    assert reason(midi([Track(triplets)])) == "off the grid"
    (late,) = pieces(midi([Track([(onset + 0.08, beats, pitch) for onset, beats, pitch in tune(4)])]))
    (straight,) = pieces(midi([Track(tune(4))]))
    assert steps(late, 0)[:60] == steps(straight, 0)[:60]
    chance = random.Random(1)
    human = [(beat + chance.uniform(0, 0.12), 0.1, 38) for beat in range(16)]
    (drums,) = pieces(midi([Track(human, 9)]))
    assert steps(drums, 2) == [2 if step % 4 == 0 else 0 for step in range(64)]


def shuffled(beat, loose):
    """Return bass and drums on the beat and its last third, `loose` beats late."""
    onsets = [b + third + loose for b in range(beat) for third in (0, 2 / 3)]
    return Track([(onset, 0.2, 36) for onset in onsets], 1, 33), Track(
        [(onset, 0.1, 36) for onset in onsets], 9
    )


def test_a_bass_as_loose_as_its_drums_is_rounded_like_them_beside_a_melody_on_the_grid():
    bass, drums = shuffled(16, 0.02)
    ((piece,), remarks) = pieces_of(read_score(midi([Track(tune(4)), bass, drums])))
    assert piece.voices == (True, True, True)
    struck = [step for step, token in enumerate(steps(piece, 1)) if token == 36]
    assert (
        struck
        == [step for step, token in enumerate(steps(piece, 2)) if token]
        == [step for step in range(64) if step % 4 in (0, 3)]
    )
    assert [remark.what for remark in remarks] == ["rounded: bass near the grid"]
    assert remarks[0].detail == "50% of 32 onsets near a sixteenth"


def test_a_dropped_voice_is_remarked_upon():
    triplets = [(index / 3, 1 / 3, 60 + index % 5) for index in range(48)]
    bass, drums = shuffled(16, 0)
    (alone, remarks) = pieces_of(read_score(midi([Track(triplets), bass, drums])))
    assert [piece.voices for piece in alone] == [(False, False, True)]
    assert [remark.what for remark in remarks] == [
        "dropped: melody off the grid",
        "dropped: bass off the grid",
    ]
    (alone, remarks) = pieces_of(
        read_score(midi([Track(tune(4)), Track([(i / 3, 0.2, 36) for i in range(48)], 1, 33), drums]))
    )
    assert [piece.voices for piece in alone] == [(True, False, False), (False, False, True)]
    assert [remark.what for remark in remarks] == ["dropped: bass off the grid"]
