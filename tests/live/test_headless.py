"""Playing without a screen: how it ends, what it says, and the exit code that goes with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import pytest
from toy_link import ToyLink, toy_preset

from live.headless import tell

SCRIPT = str(Path(__file__).parent / "headless_toy.py")


def begin(
    bars: int, take: Path, compose: str = "toy", under: tuple[str, ...] = (), **how: Any
) -> subprocess.Popen[str]:
    command = [*under, sys.executable, SCRIPT, str(bars), str(take), compose]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, **how
    )


def notes(take: Path) -> tuple[int, int]:
    messages = [message for track in mido.MidiFile(take).tracks for message in track]
    on = sum(m.type == "note_on" and m.velocity > 0 for m in messages)
    off = sum(m.type == "note_off" or (m.type == "note_on" and m.velocity == 0) for m in messages)
    return on, off


def test_a_performance_of_so_many_bars_ends_by_itself(tmp_path: Path) -> None:
    with begin(1, tmp_path / "take.mid") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    lines = said.splitlines()
    assert lines[0] == "live: toy, seed 5, 240 bpm"
    assert f"recording: {tmp_path / 'take.mid'}" in lines
    assert any(line.startswith("port: ") for line in lines)
    assert "playing" in lines
    assert any(line.startswith("ended; late bars: ") for line in lines)
    on, off = notes(tmp_path / "take.mid")
    assert on == off > 0
    assert lines[-1] == f"recorded {tmp_path / 'take.mid'}, {on} notes"


def test_a_model_that_cannot_be_loaded_ends_it_with_code_1_and_the_reason(tmp_path: Path) -> None:
    with begin(0, tmp_path / "take.mid", "broken") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert f"live: the performance failed: {tmp_path / 'take.mid.ts'}: not a model" in said.splitlines()
    assert "Traceback" not in said


def test_a_composer_that_dies_before_the_first_note_is_replaced_and_it_plays(tmp_path: Path) -> None:
    with begin(1, tmp_path / "take.mid", "dying") as process:
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "the composer's process ended with code 7; starting another" in said.splitlines()
    assert "playing" in said.splitlines()


def test_a_notice_that_comes_again_is_printed_again(capsys: pytest.CaptureFixture[str]) -> None:
    state = ToyLink(toy_preset()).state
    notices = ("it went wrong", "it is well again", "it went wrong")
    steps = [replace(state, notices=notices[:number]) for number in (1, 2, 2, 3)]
    steps.append(replace(state, notices=notices[1:]))  # the oldest has fallen off
    for before, now in pairwise((None, *steps)):
        assert now is not None
        tell(before, now)
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("it ")]
    assert printed == list(notices)


def test_a_killed_player_is_a_failure_and_its_take_is_there(tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("finds the player in /proc")
    with begin(0, tmp_path / "take.mid") as process:
        until_playing(process)
        os.kill(player_of(process.pid), signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 1, rest
    assert "live: the performance failed: the player's process ended with code -9" in rest
    on, off = notes(tmp_path / "take.mid")
    assert on == off


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_the_music_goes_on_while_ctrl_z_suspends_live(tmp_path: Path) -> None:
    journal = tmp_path / "take.mid.part"
    # A group of its own, as a shell gives to a job; one in a session of its own could not be stopped.
    with begin(0, tmp_path / "take.mid", process_group=0) as process:
        until_playing(process)
        try:
            os.killpg(process.pid, signal.SIGTSTP)
            wait_for(lambda: state_of(process.pid) == "T", "live is suspended")
            time.sleep(0.1)  # what the signal has reached has felt it
            for _ in range(3):
                size = journal.stat().st_size
                wait_for(lambda size=size: journal.stat().st_size > size, "more notes are played")
            assert ignoring(process.pid, signal.SIGTSTP) >= 2  # player and guard; the toy's composer does not
        finally:
            os.killpg(process.pid, signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    on, off = notes(tmp_path / "take.mid")
    assert on == off > 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_under_nohup_the_music_goes_on_when_the_terminal_closes(tmp_path: Path) -> None:
    journal = tmp_path / "take.mid.part"
    with begin(0, tmp_path / "take.mid", under=("nohup",), stdin=subprocess.DEVNULL) as process:
        until_playing(process)
        try:
            assert ignoring(process.pid, signal.SIGHUP) == len(children_of(process.pid))
            for pid in (*children_of(process.pid), process.pid):
                os.kill(pid, signal.SIGHUP)
            for _ in range(3):
                size = journal.stat().st_size
                wait_for(lambda size=size: journal.stat().st_size > size, "more notes are played")
        finally:
            process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, rest
    assert "SIGTERM: ending every note" in rest
    assert "SIGHUP" not in rest
    on, off = notes(tmp_path / "take.mid")
    assert on == off > 0


def wait_for(look: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.01)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ignoring(pid: int, number: signal.Signals) -> int:
    """Return how many processes that `pid` started ignore a signal."""
    states = [Path(f"/proc/{child}/status").read_text() for child in children_of(pid)]
    masks = [int(state.partition("SigIgn:")[2].split()[0], 16) for state in states]
    return sum(bool(mask >> (number - 1) & 1) for mask in masks)


def player_of(pid: int) -> int:
    """Return the first of the processes that `pid` started which has loaded RtMidi: the guard comes later."""
    return next(child for child in children_of(pid) if "_rtmidi" in Path(f"/proc/{child}/maps").read_text())


def until_playing(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1] == "playing":
            break
    return lines


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_it_with_every_note_ended(tmp_path: Path, name: str) -> None:
    if not hasattr(signal, name) or sys.platform == "win32":
        pytest.skip(f"this platform has no {name}")
    with begin(0, tmp_path / "take.mid") as process:
        lines = until_playing(process)
        process.send_signal(getattr(signal, name))
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (lines, rest)
    assert f"{name}: ending every note" in rest
    on, off = notes(tmp_path / "take.mid")
    assert on == off
