"""What other processes print stays off the screen and can be read afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

from live import log

NOISE = [sys.executable, "-c", "import sys; print('a library chatters', file=sys.stderr)"]


def test_what_a_child_prints_goes_to_the_log_and_the_screen_stays_where_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "deep" / "live.log"
    original = sys.__stderr__
    with log.aside(file) as kept:
        assert kept
        subprocess.run(NOISE, check=True)
        print("drawn", file=sys.__stderr__, flush=True)
    subprocess.run([sys.executable, "-c", "import sys; print('after', file=sys.stderr)"], check=True)
    assert capfd.readouterr().err == "drawn\nafter\n"
    assert file.read_text().splitlines()[1:] == ["a library chatters"]
    assert sys.__stderr__ is original


def test_a_log_that_cannot_be_written_costs_the_log_only(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    with log.aside(tmp_path / "file" / "live.log") as kept:
        assert not kept
        subprocess.run(NOISE, check=True)
    assert capfd.readouterr().err == ""


def test_a_full_log_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "live.log"
    file.write_bytes(b"x" * (log.FULL + 1))
    for _ in range(2):
        with log.aside(file):
            pass
    assert file.stat().st_size < 100
    assert file.read_text().count("---") == 2
