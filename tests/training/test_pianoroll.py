"""Piano rolls out of MIDI files: the frames of notes, hostile files, the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from midi_song import TICKS, Track, midi, trio, tune

from engine.pianoroll import LOWEST
from training.data.midi import UnusableError, read_score
from training.data.pianoroll import rolls_of
from training.data.prepare import prepare
from training.data.readers import READERS
from training.data.rollnotes import FRAMES_PER_BAR, roll_of
from training.data.store import Store


def notes_of(roll):
    """Return the notes (N, 3) that `roll` (frames, 88) spells: first frame, the one after the last, pitch."""
    sounding = np.pad(np.asarray(roll) > 0, ((1, 1), (0, 0))).astype(np.int8)
    change = np.diff(sounding, axis=0).T  # (88, frames + 1): 1 where a note begins, -1 where it ends
    pitch, first = np.nonzero(change == 1)
    end = np.nonzero(change == -1)[1]
    return np.stack([first, end, pitch + LOWEST], axis=1).astype(np.int64)


def rolls(data):
    pieces, _ = READERS["roll"].read("song.mid", data)
    return [piece.rows for piece in pieces]


def test_a_quarter_is_ten_frames_at_any_tempo_and_resolution():
    notes = [(beat, 1, 60 + beat) for beat in range(8)]
    for ticks in (96, TICKS, 960):
        (roll,) = rolls(midi([Track(notes)], ticks=ticks))
        assert roll.shape == (2 * FRAMES_PER_BAR, 88)
        assert roll.dtype == np.uint8
        assert notes_of(roll).tolist() == [[10 * beat, 10 * beat + 10, 60 + beat] for beat in range(8)]


def test_a_note_struck_again_can_be_told_from_one_that_is_held():
    (roll,) = rolls(midi([Track([(beat, 1, 60) for beat in range(8)])]))
    assert [row[0] for row in notes_of(roll).tolist()] == [10 * beat for beat in range(8)]


def test_all_that_has_pitches_sounds_and_drums_do_not():
    (roll,) = rolls(midi(trio(4)))
    (melody,) = rolls(midi([Track(tune(4))]))
    assert (roll >= melody).all()
    assert set(notes_of(np.clip(roll - melody, 0, 1))[:, 2].tolist()) <= set(range(36, 41))
    with pytest.raises(UnusableError, match="no pitches"):
        rolls(midi([Track([(beat, 1, 38) for beat in range(16)], channel=9)]))


def test_only_whole_bars_of_common_time_are_pieces():
    data = midi([Track(tune(20))], [(0, 4, 4), (10, 3, 4), (16, 4, 4)])
    first, second = rolls(data)
    assert len(first) == 2 * FRAMES_PER_BAR  # 10 beats hold two bars
    assert len(second) == 16 * FRAMES_PER_BAR
    with pytest.raises(UnusableError, match="not in 4/4"):
        rolls(midi([Track(tune(4))], [(0, 3, 4)]))


def test_notes_beyond_the_piano_are_told():
    pieces, remarks = rolls_of(read_score(midi([Track([*tune(4), (1, 1, 10), (2, 1, 120)])])))
    assert remarks[0].detail == "2 of 18 notes"
    assert len(pieces) == 1


@pytest.mark.parametrize(
    "data", [b"", b"MThd", b"MThd" + b"\xff" * 200, midi(trio(4))[:150], b"x" * 3000, midi([Track([])])]
)
def test_a_hostile_file_is_refused_with_a_reason(data):
    with pytest.raises(UnusableError) as error:
        rolls(data)
    assert error.value.reason


NOTES = st.lists(
    st.tuples(st.integers(0, 79), st.integers(1, 100), st.integers(21, 108)), min_size=1, max_size=40
)


@given(NOTES)
def test_every_onset_comes_back_unless_another_frame_of_its_pitch_hides_it(notes):
    given = np.array([(first, first + length, pitch) for first, length, pitch in notes], np.int64)
    roll = roll_of(given, 80)
    found = notes_of(roll)
    starts = {(first, pitch) for first, _, pitch in found.tolist()}
    for first, _, pitch in notes:
        struck_before = any(p == pitch and f == first - 1 for f, _, p in notes)
        assert struck_before or (first, pitch) in starts
    assert np.array_equal(roll_of(found, 80), roll)  # what a roll spells is that roll


@given(st.binary(max_size=200))
def test_any_bytes_after_a_header_are_a_roll_or_a_refusal(tail):
    try:
        (roll, *_) = rolls(midi([Track(tune(2))])[:60] + tail)
        assert set(np.unique(roll).tolist()) <= {0, 1}
    except UnusableError:
        pass


def test_a_folder_becomes_a_store_of_rolls(tmp_path):
    folder = tmp_path / "songs"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.mid").write_bytes(midi(trio(4, seed)))
    (folder / "broken.mid").write_bytes(b"MThd")
    report = prepare([folder], tmp_path / "store", form="roll")
    store = Store.open(tmp_path / "store")
    assert store.form == "roll"
    assert [source["frames_a_bar"] for source in store.meta["sources"]] == [FRAMES_PER_BAR]
    assert store.rows.shape == (3 * 4 * FRAMES_PER_BAR, 88)
    assert [song.rows for song in store.songs] == [4 * FRAMES_PER_BAR] * 3
    assert any("not a MIDI file" in line for line in report.lines())
