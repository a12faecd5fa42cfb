"""Playing without a screen: it ends by itself or by a signal, with a whole recording and code 0."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import mido
import pytest

SCRIPT = str(Path(__file__).parent / "headless_toy.py")


def begin(bars: int, take: Path) -> subprocess.Popen[str]:
    command = [sys.executable, SCRIPT, str(bars), str(take)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
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
    assert lines[-1].startswith("ended; late bars: ")
    on, off = notes(tmp_path / "take.mid")
    assert on == off > 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_ends_it_with_every_note_ended(tmp_path: Path, name: str) -> None:
    if not hasattr(signal, name) or sys.platform == "win32":
        pytest.skip(f"this platform has no {name}")
    with begin(0, tmp_path / "take.mid") as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line.strip() == "playing":
                break
        process.send_signal(getattr(signal, name))
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (lines, rest)
    assert f"{name}: ending every note" in rest
    on, off = notes(tmp_path / "take.mid")
    assert on == off
