"""The programs that the tests with real parts start and stop, and what to do where one is missing."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

PACKAGES = {  # Debian's packages of the programs that are not called like them
    "jackd": "jackd2",
    "jack_wait": "jackd2",
    "jack_connect": "jackd2",
    "jack_lsp": "jackd2",
    "jack_rec": "jackd2",
    "ardour7-lua": "ardour",
    "aconnect": "alsa-utils",
    "aseqdump": "alsa-utils",
    "arecordmidi": "alsa-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "modprobe": "kmod",
}
PATIENCE = 40.0  # seconds for something to happen that always does, on a busy machine
T = TypeVar("T")


def lacking(reason: str) -> None:
    """Skip the test for `reason`; where everything must be tested, on CI, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI skips nothing: {reason}")
    pytest.skip(reason)


def need(*programs: str) -> None:
    """Skip the test unless `programs` are installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        packages = sorted({PACKAGES.get(program, program) for program in missing})
        lacking(f"no {', '.join(missing)}: apt-get install {' '.join(packages)}")


def until(look: Callable[[], T], what: str) -> T:
    """Return the first true value of `look`, asked again and again."""
    deadline = time.monotonic() + PATIENCE
    while not (value := look()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain until {what}"
        time.sleep(0.005)
    return value


def stop(process: "subprocess.Popen[str]", seconds: float = 10.0) -> None:
    """End `process`, gently and then not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Live:
    """`live --preset trio --headless --api jack`, running, with its processes."""

    def __init__(self, environment: dict[str, str], *arguments: object) -> None:
        command = [str(live_script()), "--preset", "trio", "--headless", "--api", "jack"]
        self.process = subprocess.Popen(
            [*command, *(str(word) for word in arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # as in a terminal of its own
        )

    def pid(self, role: str) -> int:
        """Return the process number of "live", "player", "composer" or "guard"."""
        if role == "live":
            return self.process.pid
        return until(lambda: self._roles().get(role, 0), f"the {role} runs")

    def _roles(self) -> dict[str, int]:
        roles = {}
        for child in _children(self.process.pid):
            try:
                command = Path(f"/proc/{child}/cmdline").read_text()
                mapped = Path(f"/proc/{child}/maps").read_text()
            except OSError:
                continue
            if "resource_tracker" in command:
                continue
            # Each is known by the library that only it loads.
            if "libtorch" in mapped:
                roles["composer"] = child
            elif "_rtmidi" in mapped:
                roles["player"] = child
            elif "libjack" in mapped:
                roles["guard"] = child
        return roles

    def finish(self, seconds: float = 90.0) -> str:
        """Wait for it to leave by itself, without an error, and return what it printed."""
        printed, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, printed
        return printed

    def left(self) -> None:
        """Wait until none of its processes is there any more."""
        group = self.process.pid
        self.process.communicate(timeout=PATIENCE)
        until(lambda: not _in_session(group), "every process of live has left")

    def kill(self) -> None:
        """End whatever is left of it."""
        for pid in [*_in_session(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        print("live said:", self.process.communicate()[0])  # pytest shows it if the test failed


def live_script() -> Path:
    """Return the console script of the environment that the tests run in."""
    script = Path(sys.executable).with_name("live")
    if not script.exists():
        lacking("the console script live is not installed: pip install -e '.[test]'")
    return script


def _children(pid: int) -> list[int]:
    return [child for child, parent, _ in _processes() if parent == pid]


def _in_session(session: int) -> list[int]:
    return [child for child, _, own in _processes() if own == session]


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield (pid, parent, session) of each process that is no zombie."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, _, session = (entry / "stat").read_text().rpartition(") ")[2].split()[:4]
            except OSError:
                continue
            if state != "Z":
                yield int(entry.name), int(parent), int(session)
