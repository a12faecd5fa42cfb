"""A private JACK server without a sound card, for the tests that need one."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

REGISTRY = Path("/dev/shm/jack-shm-registry")


@contextlib.contextmanager
def jack_server(name: str | None = None, period: int = 512) -> Iterator[str]:
    """Run a server called `name`, one of its own for this process unless told, and return that name.

    Clients of this process and its children reach it by default. `period` is in frames at 48 kHz.
    Skips the test where jackd is not installed.
    """
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: jackd2)")
    _forget_the_dead()
    name = name or f"engine-{os.getpid()}"
    ours = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    before = {key: os.environ.get(key) for key in ours}
    os.environ |= ours
    command = ["jackd", "-n", name, "-R", "-P", "70", "-S", "-d", "dummy", "-r", "48000", "-p", str(period)]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            restore_signals=False,  # SIGPIPE stays ignored: a client that is killed must not take it along
        )
        try:
            waiting = subprocess.run(["jack_wait", "-s", name, "-w", "-t", "60"], check=False, stdout=log)
            log.seek(0)
            assert waiting.returncode == 0, log.read()
            yield name
        finally:
            server.terminate()  # never killed: it would leave its place in JACK's registry taken
            server.wait()
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value


def _forget_the_dead() -> None:
    """Remove JACK's list of servers if none runs: those that were killed stay in it, and it holds eight."""
    running = (path.read_text(errors="replace").strip() for path in Path("/proc").glob("[0-9]*/comm"))
    with contextlib.suppress(OSError):  # a process that ended meanwhile; a list of another user's
        if not any(command.startswith("jackd") for command in running):
            REGISTRY.unlink(missing_ok=True)
