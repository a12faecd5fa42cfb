"""Takes: exactly what was sent, nothing overwritten, nothing lost."""

import subprocess
import sys
from pathlib import Path

import mido
import pytest
from full_disk import full_disk
from toy_composer import VOICES

from engine.midifile import finish
from engine.recorder import SUFFIX, Recorder, RecordError, recording
from engine.setup import VoiceSetup

ON, OFF, TEMPO = [0x90, 60, 80], [0x80, 60, 0], 500_000


def take(path: Path, origin: int = 0) -> Recorder:
    """Return a recorder at 120 beats per minute."""
    return Recorder(str(path), "toy", VOICES, 120.0, origin)


def left(recorder: Recorder, more: bytes = b"") -> str:
    """Return the journal of a take at `after.mid` that a crash would have left now, with `more` behind it."""
    recorder.flush()
    journal = Path(recorder.journal).with_name("after.mid.part")
    journal.write_bytes(Path(recorder.journal).read_bytes() + more)
    return str(journal)


def absolute(track: mido.MidiTrack) -> list[tuple[int, str, int]]:
    """Return (tick, type, pitch) of the notes of a track."""
    tick, found = 0, []
    for message in track:
        tick += message.time
        if message.type in ("note_on", "note_off"):
            found.append((tick, message.type, message.note))
    return found


def test_a_take_has_a_track_a_voice_names_programs_and_the_tempo_map(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(0, 0, ON)
    recorder.tempo(240, 60.0)
    recorder.message(480, 0, OFF)
    file = mido.MidiFile(finish(recorder.close(1920)))
    assert (file.type, file.ticks_per_beat) == (1, 480)
    assert [track.name for track in file.tracks] == ["toy", "melody", "bass", "drums"]
    assert [m.program for track in file.tracks for m in track if m.type == "program_change"] == [0, 33, 0]
    tempos = [(m.time, m.tempo) for m in file.tracks[0] if m.type == "set_tempo"]
    assert tempos == [(0, TEMPO), (240, 2 * TEMPO)]
    assert absolute(file.tracks[1]) == [(0, "note_on", 60), (480, "note_off", 60)]
    assert {sum(message.time for message in track) for track in file.tracks} == {1920}
    assert not (tmp_path / "take.mid.part").exists()


def test_a_take_begun_in_the_middle_counts_from_there(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid", origin=1920)
    recorder.message(1920, 0, OFF)  # of a note struck before
    recorder.message(2400, 0, ON)
    file = mido.MidiFile(finish(recorder.close(2880)))
    assert absolute(file.tracks[1]) == [(480, "note_on", 60), (960, "note_off", 60)]


def test_a_stop_leaves_neither_gap_nor_overlap(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(100, 0, ON)
    recorder.message(200, 0, OFF)
    recorder.jump(1920, 0)
    recorder.message(0, 0, ON)
    recorder.message(60, 0, OFF)
    file = mido.MidiFile(finish(recorder.close(60)))
    assert [tick for tick, _, _ in absolute(file.tracks[1])] == [100, 200, 1920, 1980]


@pytest.mark.parametrize(
    ("given", "kept"),
    [("Nacht \u2013 Ночь", "Nacht \u2013 Ночь"), ("夜", "夜"), ("no text \udce4", "no text ?")],
)
def test_a_name_in_any_script_is_kept(tmp_path: Path, given: str, kept: str) -> None:
    recorder = Recorder(str(tmp_path / "take.mid"), given, [VoiceSetup(given, 0)], 120.0, 0)
    recorder.message(0, 0, ON)
    file = mido.MidiFile(finish(recorder.close(480)), charset="utf-8")
    assert [track.name for track in file.tracks] == [kept, kept]
    assert [path.name for path in tmp_path.iterdir()] == ["take.mid"]


@pytest.mark.parametrize("torn", [0, 1, 4])
def test_a_journal_that_breaks_off_is_taken_as_far_as_it_goes(tmp_path: Path, torn: int) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(0, 0, ON)
    recorder.message(480, 1, [0x91, 40, 80])
    file = mido.MidiFile(finish(left(recorder, b"960 2 99247f"[:torn])))
    assert absolute(file.tracks[1]) == [(0, "note_on", 60), (480, "note_off", 60)]
    assert absolute(file.tracks[2]) == [(480, "note_on", 40), (480, "note_off", 40)]


def test_lines_are_written_when_there_is_time_and_at_the_end(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    header = Path(recorder.journal).stat().st_size
    for pitch in (60, 64, 67):
        recorder.message(0, 0, [0x90, pitch, 80])
    assert Path(recorder.journal).stat().st_size == header  # not between the notes of a chord
    recorder.flush()
    assert Path(recorder.journal).read_text().count("\n") == 4
    recorder.message(480, 0, OFF)
    assert Path(recorder.close(480)).read_text().endswith("480 end\n")


def test_a_take_in_progress_is_not_finished_by_others(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(0, 0, ON)
    assert recording(recorder.journal)
    with pytest.raises(RecordError, match="is being recorded right now"):
        finish(recorder.journal)
    recorder.message(480, 0, OFF)
    journal = recorder.close(480)
    assert not recording(journal)
    assert absolute(mido.MidiFile(finish(journal)).tracks[1]) == [(0, "note_on", 60), (480, "note_off", 60)]
    assert not recording(journal)  # there is none


def test_a_take_whose_process_was_killed_is_nobodys(tmp_path: Path) -> None:
    script = (
        "import os, sys\nfrom engine.recorder import Recorder\nfrom engine.setup import VoiceSetup\n"
        "take = Recorder(sys.argv[1], 'toy', [VoiceSetup('melody', 0)], 120.0, 0)\n"
        "take.message(0, 0, [0x90, 60, 80])\ntake.flush()\nos._exit(9)"
    )
    path = str(tmp_path / "take.mid")
    subprocess.run([sys.executable, "-c", script, path], check=False, env={"PYTHONPATH": ":".join(sys.path)})
    assert not recording(path + SUFFIX)
    assert absolute(mido.MidiFile(finish(path + SUFFIX)).tracks[1])[0] == (0, "note_on", 60)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "take.mid").write_bytes(b"precious")
    with pytest.raises(RecordError, match="exists and is not overwritten"):
        take(tmp_path / "take.mid")
    recorder = take(tmp_path / "other.mid")
    with pytest.raises(RecordError, match="unfinished take"):
        take(tmp_path / "other.mid")
    (tmp_path / "other.mid").write_bytes(b"precious")
    with pytest.raises(RecordError, match="the take stays in"):
        finish(recorder.close(0))
    assert (tmp_path / "other.mid").read_bytes() == b"precious"
    assert (tmp_path / "other.mid.part").exists()


def test_a_folder_that_is_not_there_and_a_file_that_is_no_journal(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="No such file"):
        take(tmp_path / "nowhere" / "take.mid")
    (tmp_path / "x.mid.part").write_text("[]\n1 2 3\n")
    with pytest.raises(RecordError, match="no journal"):
        finish(str(tmp_path / "x.mid.part"))


def test_a_full_disk_breaks_the_take_off_and_raises_nothing(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(0, 0, ON)
    recorder.flush()
    assert not recorder.broken
    with full_disk(Path(recorder.journal).stat().st_size + 4):
        for tick in range(480, 4800, 480):
            recorder.message(tick, 0, OFF if tick % 960 else ON)
            recorder.flush()
        journal = recorder.close(4800)
    assert recorder.broken
    assert absolute(mido.MidiFile(finish(journal)).tracks[1]) == [(0, "note_on", 60), (0, "note_off", 60)]


def test_a_disk_that_is_full_from_the_start_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with full_disk(0), pytest.raises(RecordError, match=r"not recording: .*take\.mid\.part: "):
        take(tmp_path / "take.mid")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_while_the_file_is_written_keeps_the_journal(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(0, 0, ON)
    journal = recorder.close(480)
    with full_disk(16), pytest.raises(RecordError, match="the take stays in"):
        finish(journal)
    assert [path.name for path in tmp_path.iterdir()] == ["take.mid.part"]


VOICE = '["melody", 0, 0, null]'


@pytest.mark.parametrize(
    ("bpm", "voices", "said"),
    [
        ("0", VOICE, "bpm is 0, allowed: 4 to 6e+07"),
        ("-120", VOICE, "bpm is -120, allowed"),
        ("1", VOICE, "bpm is 1, allowed"),
        ("NaN", VOICE, "bpm is nan, allowed"),
        ("Infinity", VOICE, "bpm is inf, allowed"),
        ("1e308", VOICE, "bpm is 1e+308, allowed"),
        ("1" + "0" * 400, VOICE, "int too large"),
        ("1" + "0" * 5000, VOICE, "integer string conversion"),
        ("null", VOICE, "its first line: "),
        ("120", "3", "its first line: "),
        ("120", "[3, 0]", "its first line: "),
        ("120", '["melody", "0"]', "channel is '0', allowed: 0 to 15"),
        ("120", '["melody", 16]', "channel is 16, allowed: 0 to 15"),
        ("120", '["melody", -1]', "channel is -1, allowed: 0 to 15"),
        ("120", '["melody", 0, 128]', ""),
        ("120", '["melody", 0, -1]', ""),
        ("120", '["melody", 0, 1.5]', "its first line: "),
        ("120", '["melody", 0, 0, 99999]', ""),
        ("120", "[" * 100_000, "its first line: "),
    ],
)
def test_a_journal_that_says_what_cannot_be_is_refused_in_a_line(
    tmp_path: Path, bpm: str, voices: str, said: str
) -> None:
    journal = tmp_path / "take.mid.part"
    journal.write_text(f'{{"title": "toy", "bpm": {bpm}, "voices": [{voices}]}}\n0 0 903c50\n')
    with pytest.raises(RecordError) as error:
        finish(str(journal))
    assert str(error.value).startswith(f"{journal} is no journal of a take: ")
    assert said in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["take.mid.part"]


def test_a_journal_whose_header_lacks_something_says_what(tmp_path: Path) -> None:
    journal = tmp_path / "take.mid.part"
    journal.write_text('{"title": "toy", "voices": []}\n')
    with pytest.raises(RecordError, match="its first line has no 'bpm'"):
        finish(str(journal))


@pytest.mark.parametrize(
    "junk",
    [
        *("", "480", "480 ", "480 0", "480 0 90", "480 7 903c50", "x 0 903c50", "\0\0"),
        *("-1 0 903c50", f"{10**30} 0 903c50", f"{'9' * 5000} 0 903c50", f"{10**30} end"),
        *("240 bpm 0", "240 bpm -1", "240 bpm nan", "240 bpm inf", "240 bpm 1e-320"),
    ],
)
def test_a_line_that_a_power_loss_spoilt_is_left_out(tmp_path: Path, junk: str) -> None:
    recorder = take(tmp_path / "take.mid")
    recorder.message(0, 0, ON)
    file = mido.MidiFile(finish(left(recorder, f"{junk}\n480 0 803c00\n480 end\n".encode())))
    assert [m.tempo for m in file.tracks[0] if m.type == "set_tempo"] == [TEMPO]
    assert absolute(file.tracks[1]) == [(0, "note_on", 60), (480, "note_off", 60)]


def test_writing_says_that_it_gets_on_and_refuses_what_is_no_journal_by_its_name(tmp_path: Path) -> None:
    recorder = take(tmp_path / "take.mid")
    for tick in range(5000):
        recorder.message(tick, 0, OFF if tick % 2 else ON)
    signs: list[None] = []
    path = finish(recorder.close(5000), lambda: signs.append(None))
    assert len(signs) >= 10
    with pytest.raises(RecordError, match=r"does not end in \.part"):
        finish(path)
