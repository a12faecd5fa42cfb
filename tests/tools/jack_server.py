"""A private JACK server without a sound card, for the tests that need one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Milliseconds; the server waits ten times as long for a client in each cycle. Once it has given up one that
# was only slow (a busy machine, a Python that forks with its lock held), the graph never comes in step again.
CLIENT_TIMEOUT = 100


@contextmanager
def jack_server(name: str | None = None, period: int = 512) -> Iterator[str]:
    """Run a server called `name`, one of its own for this process unless told, and return that name.

    Clients of this process and its children reach it by default. `period` is in frames at 48 kHz.
    Skips the test where jackd is not installed.
    """
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: jackd2)")
    name = name or f"engine-{os.getpid()}"
    ours = {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1", "JACK_NO_AUDIO_RESERVATION": "1"}
    before = {key: os.environ.get(key) for key in ours}
    os.environ |= ours
    command = ["jackd", "-n", name, "-R", "-P", "70", "-S", "-t", str(CLIENT_TIMEOUT)]
    command += ["-d", "dummy", "-r", "48000", "-p", str(period)]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("a+") as log:
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
            died = server.poll()
            server.terminate()  # never killed: it would leave its place in JACK's registry taken
            server.wait()
            log.seek(0)  # pytest shows it if the test failed
            print("jackd", f"died with {died}:" if died is not None else "said:", log.read()[-4000:])
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value
