"""From MIDI bytes to tokens, and from folders and archives to lists of files."""

import contextlib
import itertools
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_song import Track, midi, trio, tune

from engine.codec import DRUM_CLASS_OF_PITCH, HOLD, NOTE_OFF
from training.data.archives import FIRST_WORDS, MANIFESTS, licence_of, recognise, restated
from training.data.corpus import MAX_MANIFEST, SourceError, open_source, read_files, split_of
from training.data.extract import pieces_of
from training.data.midi import MAX_BYTES, UnusableError, read_score


def pieces(data):
    return pieces_of(read_score(data))[0]


def reason(data):
    with pytest.raises(UnusableError) as caught:
        pieces(data)
    return caught.value.reason


def steps(piece, voice):
    return piece.rows[:, :, voice].reshape(-1).tolist()


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


def header(kind=1, tracks=1, ticks=480):
    return b"MThd" + (6).to_bytes(4, "big") + b"".join(v.to_bytes(2, "big") for v in (kind, tracks, ticks))


def chunk(body):
    return b"MTrk" + len(body).to_bytes(4, "big") + body


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty file"),
        (b"RIFF....", "not a MIDI file"),
        (b"MThd", "not a MIDI file"),
        (b"MThd" + bytes(MAX_BYTES), "too large"),
        (header(kind=2) + chunk(b"\x00\xff\x2f\x00"), "asynchronous tracks"),
        (header(ticks=0) + chunk(b"\x00\xff\x2f\x00"), "no beat"),
        (header(ticks=0xE728) + chunk(b"\x00\xff\x2f\x00"), "no beat"),
        (header(tracks=0), "no notes"),
        (header(tracks=0xFFFF) + chunk(b"\x00\xff\x2f\x00"), "no notes"),
        (header(tracks=0x7FFF) + chunk(b"\x00\xff\x2f\x00"), "broken"),
        (header() + chunk(b"\x00\xff\x2f\x00"), "no notes"),
        (header() + b"MTrk\xff\xff\xff\xff\x00\x90\x3c", "broken"),
        (header() + chunk(b"\x00\xff\x58\x04\x04\xff\x18\x08\x00\x90\x3c\x40\x60\x80\x3c\x00"), "not in 4/4"),
        (header() + chunk(b"\x00\xff\x51\x03\x00\x00\x00\x00\xff\x2f\x00"), "no notes"),
        (header() + chunk(b"\x00\x90\x3c\x40" + b"\xff" * 30 + b"\x7f\x80\x3c\x00"), "too long"),
        (header() + chunk(b"\x00\x90\x3c\x40\xff\xff\xff\x7f\x80\x3c\x00"), "too long"),
    ],
)
def test_hostile_bytes_have_a_reason(data, expected):
    assert reason(data) == expected


def test_too_many_changes_of_metre_are_refused():
    metres = [(4 * bar, 4 if bar % 2 else 3, 4) for bar in range(600)]
    assert reason(midi([Track(tune(600))], metres)) == "too many changes of metre"


def test_too_many_parts_are_refused():
    assert reason(midi([Track([(0, 1, 60)], index % 9) for index in range(300)])) == "too many parts"


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_no_damage_to_a_file_raises_anything_but_a_reason(seed, hits):
    chance = random.Random(seed)
    data = bytearray(midi(trio(bars=2)))
    for _ in range(hits):
        data[chance.randrange(len(data))] = chance.randrange(256)
    found = []
    with contextlib.suppress(UnusableError):
        found = pieces(bytes(data[: chance.randrange(1, len(data) + 1)]))
    assert all(-1 <= piece.rows.min() <= piece.rows.max() < 512 for piece in found)


def test_a_source_lists_its_files_in_order_with_what_the_manifest_says(tmp_path: Path):
    archive = tmp_path / "songs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("b/two.MID", "a/one.midi", "notes.txt", "z.mid"):
            file.writestr(name, b"x")
        file.writestr(
            "MANIFEST.csv", "path,sha1,split,group\nz.mid,,test,g\ngone.mid,,train,h\nnotes.txt,,train,\n"
        )
    source = open_source(archive)
    assert source.name == "songs"
    assert [entry.path for entry in source.entries] == ["a/one.midi", "b/two.MID", "z.mid"]
    assert [entry.split for entry in source.entries] == ["", "", "test"]
    assert source.absent == ("gone.mid",)
    folder = tmp_path / "folder"
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    assert [entry.path for entry in open_source(folder).entries] == [entry.path for entry in source.entries]
    assert list(read_files(folder, ["z.mid"])) == list(read_files(archive, ["z.mid"])) == [b"x"]


def test_a_manifest_in_the_folder_that_wraps_a_data_set_is_honoured(tmp_path: Path):
    archive = tmp_path / "songs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("ds/", "ds/a/one.mid", "ds/two.mid", "outside.mid"):
            file.writestr(name, b"")
        file.writestr("ds/MANIFEST.csv", "path,split\na/one.mid,valid\ntwo.mid,test\ngone.mid,train\n")
        file.writestr("ds/notes/MY-MANIFEST.csv", "not one")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "songs")
    for source in (open_source(archive), open_source(tmp_path / "songs")):
        splits = {entry.path: entry.split for entry in source.entries}
        assert splits == {"ds/a/one.mid": "valid", "ds/two.mid": "test", "outside.mid": ""}
        assert source.absent == ("ds/gone.mid",)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("other/MANIFEST.csv", "path,split\n")
    with pytest.raises(
        SourceError, match=r"2 manifests \('ds/MANIFEST.csv', 'other/MANIFEST.csv'\), expected"
    ):
        open_source(archive)


@pytest.mark.parametrize(
    ("path", "licence"),
    [
        ("openmsx/a.mid", "GPL-2 (OpenMSX)"),
        ("wrapping/openmsx/a.mid", "GPL-2 (OpenMSX)"),
        ("wrapping/a.mid", "not stated"),
        ("liquidwar-data/colossus.mid", "GPL-2+ (Liquid War)"),
        ("freedink-data/105.mid", "free replacements, licences not stated in the archive (FreeDink)"),
        ("wrapping/freedink-data/love.mid", "zlib-like, Seth A. Robinson (FreeDink)"),
        ("easyrpg-rtp/Town 1.mid", "CC BY 4.0, Juan Manuel Nigretti (EasyRPG RTP)"),
        ("easyrpg-rtp/Boss 3.mid", "CC0, Someoneman (EasyRPG RTP)"),
        ("tannerhelland/Fate.mid", "CC BY 4.0, Tanner Helland"),
    ],
)
def test_a_file_has_the_licence_of_its_folder_or_its_own(path, licence):
    assert licence_of("free-games", path) == licence


def test_what_older_runs_say_of_an_archive_is_put_in_todays_words():
    assert restated("groove", "CC BY 4.0") == "CC BY 4.0, Google Magenta (Groove MIDI Dataset)"
    assert restated("groove", "my own") == "my own"
    assert restated("drums", "CC BY 4.0") == "CC BY 4.0"
    ((first,),) = [[licence for name, licence in FIRST_WORDS if name == "free-games"]]
    games = restated("free-games", first)
    assert "GPL-2+ (Liquid War)" in games
    assert "CC BY 4.0, Tanner Helland" in games
    assert "zlib" not in games


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"path,group\nx.mid,g\n", r"MANIFEST.csv: columns .* expected path, split and group"),
        (b"path,split\nx.mid,dev\n", r"MANIFEST.csv line 2: split 'dev', expected train or valid or test"),
        (b"path,split\nx.mid,test\nx.mid,train\n", r"line 3: path 'x.mid' a second time"),
        (b"\xff\xfe", "expected UTF-8"),
    ],
)
def test_a_malformed_manifest_is_named_with_its_line(tmp_path: Path, manifest, message):
    (tmp_path / "MANIFEST.csv").write_bytes(manifest)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path)


def test_a_manifest_that_cannot_be_read_is_one_error_that_names_it(tmp_path: Path):
    damaged, locked = tmp_path / "damaged.zip", tmp_path / "locked.zip"
    for archive in (damaged, locked):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("MANIFEST.csv", "path,split\n" + "x.mid,train\n" * 50)
    data = damaged.read_bytes()
    start = 30 + len("MANIFEST.csv")  # of what is compressed, after the header and the name
    damaged.write_bytes(data[:start] + b"\xff" * 8 + data[start + 8 :])
    data = bytearray(locked.read_bytes())
    for flags in (6, data.index(b"PK\x01\x02") + 8):  # both headers say that the member is encrypted
        data[flags] |= 1
    locked.write_bytes(data)
    for archive, reason in ((damaged, "error"), (locked, "encrypted")):
        with pytest.raises(SourceError, match=f"{archive.name}: MANIFEST.csv: unreadable: .*{reason}"):
            open_source(archive)
    folder = tmp_path / "folder"
    folder.mkdir()
    with (folder / "MANIFEST.csv").open("wb") as file:
        file.truncate(MAX_MANIFEST + 1)
    with pytest.raises(SourceError, match=f"folder: MANIFEST.csv: too large: more than {MAX_MANIFEST} bytes"):
        open_source(folder)


def test_a_source_that_is_nothing_readable_says_so(tmp_path: Path):
    with pytest.raises(SourceError, match="no such file"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(SourceError, match="neither a folder nor a readable zip archive"):
        open_source(tmp_path / "bad.zip")


DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize("name", sorted(MANIFESTS.values()))
def test_a_known_archive_is_recognised_by_its_manifest(name, tmp_path: Path):
    if not (DATA / f"{name}.zip").is_file():
        pytest.skip(f"needs the archive {name}.zip beside the project")
    with zipfile.ZipFile(DATA / f"{name}.zip") as archive:
        manifest = archive.read("MANIFEST.csv")
    assert recognise(manifest) == name
    renamed = tmp_path / "songs"
    renamed.mkdir()
    (renamed / "MANIFEST.csv").write_bytes(manifest)
    (renamed / "mine.mid").write_bytes(b"")
    source = open_source(renamed)
    assert [(entry.path, entry.archive) for entry in source.entries] == [("mine.mid", "")]
    assert source.absent


def test_a_zip_bomb_is_refused_without_being_inflated(tmp_path: Path):
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb.mid", bytes(64 << 20))
    assert archive.stat().st_size < 1 << 20
    (refused,) = read_files(archive, ["bomb.mid"])
    assert isinstance(refused, UnusableError)
    assert refused.reason == "too large"


def test_a_damaged_member_is_unreadable_not_a_crash(tmp_path: Path):
    archive = tmp_path / "damaged.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("song.mid", midi(trio()))
    data = bytearray(archive.read_bytes())
    data[60:90] = bytes(30)
    archive.write_bytes(data)
    refused = list(read_files(archive, ["song.mid", "../../etc/passwd.mid"]))
    assert [error.reason for error in refused] == ["unreadable"] * 2


def test_the_split_by_hash_is_near_eighty_ten_ten():
    splits = [split_of(str(index)) for index in range(4000)]
    assert 0.77 < splits.count("train") / 4000 < 0.83
    assert 0.08 < splits.count("valid") / 4000 < 0.12
