"""Hostile and damaged files, alone or in an archive: each is refused with a reason."""

import contextlib
import random
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_song import Track, damaged, midi, trio, tune
from read_pieces import pieces, reason

from training.data.corpus import read_files
from training.data.midi import MAX_BYTES, UnusableError


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
    data = damaged(midi(trio(bars=2)), hits, chance)
    found = []
    with contextlib.suppress(UnusableError):
        found = pieces(data[: chance.randrange(1, len(data) + 1)])
    assert all(-1 <= piece.rows.min() <= piece.rows.max() < 512 for piece in found)


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
