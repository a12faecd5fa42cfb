"""A private JACK server for the tests that need one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def jack_server() -> Iterator[None]:
    """Run a JACK server without a sound card that clients of this process and its children reach.

    Skips the test where jackd is not installed.
    """
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed (Debian: jackd2)")
    before = {key: os.environ.get(key) for key in ("JACK_DEFAULT_SERVER", "JACK_NO_START_SERVER")}
    name = f"engine-{os.getpid()}"
    os.environ |= {"JACK_DEFAULT_SERVER": name, "JACK_NO_START_SERVER": "1"}
    command = ["jackd", "-n", name, "-R", "-P", "70", "-S", "-d", "dummy", "-r", "48000", "-p", "512"]
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            waiting = subprocess.run(["jack_wait", "-s", name, "-w", "-t", "10"], check=False, stdout=log)
            log.seek(0)
            assert waiting.returncode == 0, log.read()
            yield
        finally:
            server.terminate()  # never killed: it would leave its place in JACK's registry taken
            server.wait()
            for key, value in before.items():
                if value is None:
                    os.environ.pop(key, None)
                else:
                    os.environ[key] = value
