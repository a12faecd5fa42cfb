"""Fixtures of the tests that need real parts: a JACK server, a second program on the ports, `live` itself."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jack_server import jack_server
from listener import Receiver
from parts import Live, need

sys.path.append(str(Path(__file__).parents[1] / "engine"))  # for its toy_composer
_numbers = itertools.count()


@pytest.fixture
def jack(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a private JACK server, set as the default for every program that this test starts.

    Parametrise it indirectly with the period in frames at 48 kHz; 256 unless told.
    """
    need("jackd", "jack_wait", "jack_connect")
    name = f"live-parts-{os.getpid()}-{next(_numbers)}"
    with jack_server(name, getattr(request, "param", 256)):
        yield name


@pytest.fixture
def environment(jack: str, tmp_path: Path) -> dict[str, str]:
    """The environment for programs on that server, with a configuration folder of their own."""
    return os.environ | {
        "JACK_DEFAULT_SERVER": jack,
        "JACK_NO_START_SERVER": "1",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture
def live(environment: dict[str, str]) -> Iterator[Callable[..., Live]]:
    """Start `live --preset trio --headless --api jack` with more arguments; killed after the test."""
    started: list[Live] = []

    def start(*arguments: object) -> Live:
        started.append(Live(environment, *arguments))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def receiver(environment: dict[str, str]) -> Iterator[Callable[..., Receiver]]:
    """Start a second program that hears live:trio; it can move controllers on live-in:control."""
    started: list[Receiver] = []

    def start(*ports: str) -> Receiver:
        started.append(Receiver(environment, *(ports or ("live:trio", "live-in:control"))))
        return started[-1]

    yield start
    for one in started:
        one.leave()


@pytest.fixture
def run(environment: dict[str, str]) -> Callable[..., str]:
    """Run a program on the private server to its end and return what it printed."""

    def to_the_end(*command: object) -> str:
        done = subprocess.run(
            [str(word) for word in command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    return to_the_end
