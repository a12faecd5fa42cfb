"""Processes of a performance that are killed or of no use: the music goes on, and no take is lost."""

import contextlib
import os
import signal
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import mido
import pytest
import sessions
import toy_composer
from sessions import PATIENCE, needs_signals, quiet, wait_for

from engine.bar import STEPS_PER_BAR
from engine.messages import Quit, Record, SetMute
from engine.processes import RESTARTS
from engine.request import ComposerState
from engine.session import Session

pytestmark = [needs_signals, pytest.mark.usefixtures("no_jack")]
no_jack = sessions.no_jack


def test_a_composer_that_is_killed_is_replaced_and_the_music_goes_on() -> None:
    with quiet() as session:
        wait_for(session, "playing", True)
        for _ in range(2):
            before = session.pids["composer"]
            assert before is not None
            os.kill(before, signal.SIGKILL)
            deadline = time.monotonic() + PATIENCE
            while session.pids["composer"] == before and time.monotonic() < deadline:
                session.poll(0.05)
            snapshot = wait_for(session, "composer", "ready")
            assert snapshot.playing
            assert any("code -9; starting another" in notice for notice in snapshot.notices)


def nonsense(connection: Connection, model: str, _: str) -> None:
    """Be a composer that writes a bar that is none after a few good ones, once in this folder."""
    connection.send(ComposerState("ready"))
    bad = not Path(model).exists()
    with contextlib.suppress(EOFError, OSError):
        while True:
            reply = toy_composer.decode(connection.recv())
            if bad and reply.number == 3:
                Path(model).touch()
                reply = replace(reply, tokens=((999, 0, 0),) * STEPS_PER_BAR)
            connection.send(reply)


def test_a_composer_that_lives_but_cannot_be_used_is_replaced(tmp_path: Path) -> None:
    setup = toy_composer.setup(bpm=300.0, model=str(tmp_path / "once"))
    with Session(setup, compose=nonsense) as session:
        before = session.pids["composer"]
        deadline = time.monotonic() + PATIENCE
        while session.pids["composer"] == before and time.monotonic() < deadline:
            session.poll(0.05)
        snapshot = wait_for(session, "composer", "ready")
        assert any("bar that is none" in notice for notice in snapshot.notices)
        assert any("starting another" in notice for notice in snapshot.notices)
        assert snapshot.playing


def test_a_killed_player_leaves_a_last_snapshot_and_its_take(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet(record=str(path)) as session:
        wait_for(session, "playing", True)
        session.send(SetMute(0, True))
        player = session.pids["player"]
        assert player is not None
        os.kill(player, signal.SIGKILL)
        last = wait_for(session, "finished", True)
        assert "ended with code -9" in last.notices[-1]
        assert not last.playing
        assert last.failed
        assert all(voice.sounding == () for voice in last.voices)
        session.send(Quit())
    assert len(mido.MidiFile(path).tracks) == 4
    assert not Path(f"{path}.part").exists()


def test_a_take_that_takes_longer_to_write_than_the_close_allows_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet(record=str(path)) as session:
        wait_for(session, "playing", True)
        player = session.pids["player"]
        assert player is not None
        os.kill(player, signal.SIGSTOP)
        with Path(f"{path}.part").open("a") as journal:  # as if it had played for an hour
            journal.writelines(
                f"{90000 + tick} 0 {'80' if tick % 2 else '90'}3c50\n" for tick in range(100_000)
            )
        os.kill(player, signal.SIGKILL)
        session.close(timeout=0.5)
    assert sum(message.type == "note_on" for message in mido.MidiFile(path).tracks[1]) >= 50_000


def test_player_and_guard_killed_together_leave_their_take_written(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet(record=str(path)) as session:
        wait_for(session, "playing", True)
        for who in ("guard", "player"):
            victim = session.pids[who]
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
        last = wait_for(session, "finished", True)
        assert last.failed
        assert "have been ended" not in last.notices[-1] or Path("/dev/snd/seq").exists()
    assert len(mido.MidiFile(path).tracks) == 4
    assert [file.name for file in tmp_path.iterdir()] == ["take.mid"]


def test_a_guard_that_dies_too_often_is_not_started_again_and_takes_are_written_without(
    tmp_path: Path,
) -> None:
    path = tmp_path / "take.mid"
    with quiet() as session:
        wait_for(session, "playing", True)
        session.send(Record(str(path)))
        wait_for(session, "recording", str(path))
        for _ in range(RESTARTS + 1):
            before = session.pids["guard"]
            assert before is not None
            os.kill(before, signal.SIGKILL)
            deadline = time.monotonic() + PATIENCE
            said = False
            while session.pids["guard"] == before and not said and time.monotonic() < deadline:
                snapshot = session.poll(0.05)
                said = snapshot is not None and any("not started again" in n for n in snapshot.notices)
        assert said
        assert wait_for(session, "playing", True).composer == "ready"
        session.send(Record(None))
        while not any("recorded" in notice for notice in wait_for(session, "recording", None).notices):
            assert time.monotonic() < deadline + PATIENCE
        assert len(mido.MidiFile(path).tracks) == 4
