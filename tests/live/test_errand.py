"""Ctrl-C while an errand runs: it reaches every process of the terminal at once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LONG = "1000000"  # bars, more than anybody waits for
PATIENCE = 60.0  # seconds until a render has begun, on a busy machine


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind")
def test_ctrl_c_in_a_render_leaves_one_line_and_no_file(tmp_path: Path) -> None:
    part = tmp_path / "song.mid.part"
    process = subprocess.Popen(
        [sys.executable, "-m", "live.cli", "render", "--bars", LONG, "--output", "song.mid"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        cwd=tmp_path,
        start_new_session=True,
    )
    deadline = time.monotonic() + PATIENCE
    while not part.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    printed, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert (printed, said) == ("", "live: interrupted; song.mid is not written\n")
    assert list(tmp_path.iterdir()) == []
