"""Whatever ends the instrument in mid-note, no note stays on at whoever hears it."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
from heard import sounding, written
from listener import Receiver
from parts import Live, until

pytestmark = pytest.mark.parts
Start = Callable[..., Live]
Listen = Callable[..., Receiver]


@pytest.fixture
def playing(live: Start, receiver: Listen) -> tuple[Live, Receiver]:
    """The trio, heard by a second program, in mid-note."""
    player = live("--seed", 7, "--delay", 1)
    second = receiver("live:trio")
    second.connected()
    second.in_mid_note()
    return player, second


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_every_note(name: str, playing: tuple[Live, Receiver]) -> None:
    player, second = playing
    player.process.send_signal(getattr(signal, name))
    player.left()
    second.leave()
    assert not second.sounding()
    assert player.process.returncode == 0


def test_ctrl_c_in_a_terminal_reaches_every_process_and_ends_every_note(
    playing: tuple[Live, Receiver],
) -> None:
    player, second = playing
    os.killpg(player.process.pid, signal.SIGINT)
    player.left()
    second.leave()
    assert not second.sounding()


@pytest.mark.parametrize("role", ["live", "player"])
def test_a_killed_process_leaves_no_note_on(role: str, playing: tuple[Live, Receiver]) -> None:
    player, second = playing
    os.kill(player.pid(role), signal.SIGKILL)
    player.left()
    until(lambda: not second.sounding(), "every note has ended")
    struck = second.struck()
    second.leave()
    assert not second.sounding()
    assert second.struck() == struck


def test_the_music_survives_a_killed_composer(playing: tuple[Live, Receiver]) -> None:
    player, second = playing
    before = player.pid("composer")
    os.kill(before, signal.SIGKILL)
    struck = second.struck()
    until(lambda: player.pid("composer") != before, "another composer runs")
    until(lambda: second.struck() > struck + 30, "the music goes on")
    player.process.send_signal(signal.SIGTERM)
    player.left()
    second.leave()
    assert not second.sounding()


def test_a_killed_guard_is_replaced_and_still_ends_the_notes_of_a_killed_player(
    playing: tuple[Live, Receiver],
) -> None:
    player, second = playing
    before = player.pid("guard")
    os.kill(before, signal.SIGKILL)
    until(lambda: player.pid("guard") != before, "another guard runs")
    second.in_mid_note(second.struck() + 24)  # it looks four times a second who listens
    os.kill(player.pid("player"), signal.SIGKILL)
    player.left()
    until(lambda: not second.sounding(), "every note has ended")


def test_the_take_of_a_killed_player_is_written_with_every_note_ended(
    live: Start, receiver: Listen, tmp_path: Path
) -> None:
    take = tmp_path / "take.mid"
    player = live("--seed", 7, "--delay", 1, "--record", take)
    second = receiver("live:trio")
    second.connected()
    second.in_mid_note()
    os.kill(player.pid("player"), signal.SIGKILL)
    player.left()
    until(take.exists, "the take is written")
    until(lambda: not second.sounding(), "every note has ended")
    recorded = [message for _, message in written(take)]
    assert not sounding(recorded)
    struck = [message for message in recorded if message[0] & 0xF0 == 0x90]
    heard = [message for message in second.messages() if message[0] & 0xF0 == 0x90]
    assert len(struck) >= len(heard)
    assert sorted(struck[: len(heard)]) == sorted(heard)
    assert mido.MidiFile(take).ticks_per_beat == 480
