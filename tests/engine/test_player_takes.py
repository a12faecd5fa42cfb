"""Takes of a performance: on a full disk, without a guard, and with the tempo as it was."""

from pathlib import Path

import mido
from full_disk import full_disk
from stage import BAR, Stage, undisturbed

from engine.ledger import Alone, Finish
from engine.messages import (
    Acknowledge,
    Quit,
    Record,
    SetBpm,
    SetChannel,
)


def test_a_full_disk_ends_the_take_and_not_the_music(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    stage = Stage(record=str(path))
    stage.until(BAR)
    with full_disk(Path(f"{path}.part").stat().st_size + 30):
        stage.live.send(Acknowledge())
        stage.until(2 * BAR)
        stage.live.send(Acknowledge())
        stage.until(3 * BAR)
    assert stage.player.performance.take.recorder is None
    assert any("broke off" in notice for notice in stage.player.report.notices)
    assert stage.notes() == undisturbed(3 * BAR)
    stage.live.send(Quit())
    stage.player.run()
    assert stage.hanging() == set()


def test_takes_that_a_guard_did_not_get_to_write_are_written_without_it(tmp_path: Path) -> None:
    stage = Stage(record=str(tmp_path / "one.mid"))
    stage.until(0.5 * BAR)
    stage.live.send(Record(str(tmp_path / "two.mid")))
    stage.until(BAR)
    asked = stage.guard.recv()
    assert asked == Finish(str(tmp_path / "one.mid.part"))
    stage.guard.send(Alone("no guard any more", (asked.journal,)))
    stage.until(1.5 * BAR)
    stage.live.send(Record(None))
    stage.until(2 * BAR)
    one, two = str(tmp_path / "one.mid"), str(tmp_path / "two.mid")
    assert stage.player.report.notices[-3:] == ("no guard any more", f"recorded {one}", f"recorded {two}")
    assert [len(mido.MidiFile(path).tracks) for path in (one, two)] == [4, 4]


def tempos(path: Path) -> list[tuple[int, float]]:
    """Return (tick, beats per minute) of a take's tempo map."""
    tick, found = 0, []
    for message in mido.MidiFile(path).tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            found.append((tick, round(mido.tempo2bpm(message.tempo), 3)))
    return found


def test_a_take_has_the_tick_on_which_the_tempo_changed(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    stage = Stage(bars=2, record=str(path))
    stage.desk.guard = None
    stage.until(0.4 * BAR + 0.0003)
    stage.live.send(SetBpm(60))
    while stage.player.performance.transport.bpm != 60:
        stage.player.turn()
    tick = stage.player.performance.transport.anchor_tick
    stage.player.run()
    assert tempos(path) == [(0, 120.0), (tick, 60.0)]


def test_what_is_changed_before_the_first_note_is_right_in_time_and_take(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    stage = Stage(bars=1, delay=2.0, record=str(path))
    stage.desk.guard = None
    while stage.clock.now() < 1.0:
        stage.player.turn()
    stage.live.send(SetBpm(60))
    stage.live.send(SetChannel(1, 5))
    stage.until(0.0)
    assert stage.player.performance.transport.time_of(0) == 2.0
    stage.player.run()
    assert tempos(path)[-1] == (0, 60.0)
    bass = [m for m in mido.MidiFile(path).tracks[2] if not m.is_meta]
    assert {m.channel for m in bass if m.type == "note_on"} == {5}
    assert [m.program for m in bass if m.type == "program_change" and m.channel == 5] == [33]
