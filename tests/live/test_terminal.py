"""The stage in a real terminal: it leaves when told to, and when the terminal itself goes away."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals of this kind", allow_module_level=True)

import fcntl
import pty
import struct
import termios

SCRIPT = str(Path(__file__).parent / "stage_toy.py")


@pytest.fixture
def terminal() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Return the near end of a terminal and the stage on it, once it has drawn."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, SCRIPT],
        stdin=far,
        stdout=far,
        stderr=far,
        env=environment,
        start_new_session=True,
    )
    os.close(far)
    read_until(near, b"DENSITY")
    yield near, process
    if process.poll() is None:
        process.kill()
        process.wait()


def read_until(near: int, word: bytes) -> None:
    seen = b""
    while word not in seen:
        assert select.select([near], [], [], 30.0)[0], seen[-500:]
        seen += os.read(near, 65536)


def leaves(near: int, process: subprocess.Popen[bytes]) -> int:
    """Read what the stage still writes until it has left, and return its exit code."""
    while True:
        try:
            if not os.read(near, 65536):
                break
        except OSError:  # the far end is closed
            break
    os.close(near)
    return process.wait(30)


def test_q_leaves_and_gives_the_terminal_back(terminal: tuple[int, subprocess.Popen[bytes]]) -> None:
    near, process = terminal
    os.write(near, b"q")
    assert leaves(near, process) == 0


def test_sigterm_leaves(terminal: tuple[int, subprocess.Popen[bytes]]) -> None:
    near, process = terminal
    process.send_signal(signal.SIGTERM)
    assert leaves(near, process) == 0


def test_a_terminal_that_goes_away_takes_the_stage_with_it(
    terminal: tuple[int, subprocess.Popen[bytes]],
) -> None:
    near, process = terminal
    os.close(near)
    assert process.wait(30) == 0
