"""Sessions of the toy, fast and without JACK, and how to wait for what they say."""

import sys
import time

import pytest
import toy_composer

from engine.session import Session
from engine.snapshot import Snapshot

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="kills processes by POSIX signals")
PATIENCE = 30.0  # seconds that a loaded machine may take for what takes one


def wait_for(session: Session, state: str, value: object) -> Snapshot:
    """Return the first snapshot in which `state` is `value`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        snapshot = session.poll(0.2)
        if snapshot is not None and getattr(snapshot, state) == value:
            return snapshot
        assert snapshot is None or not snapshot.finished, snapshot.notices
    raise AssertionError(f"{state} never became {value!r}")


@pytest.fixture
def no_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the processes of a session look for a JACK server that does not exist."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")


def quiet(**changes: object) -> Session:
    """Return a fast session of the toy; with `no_jack`, it plays into nothing where there is no ALSA."""
    fields = {"bpm": 300.0, "sound": None, "sound_device": "null"} | changes
    return Session(toy_composer.setup(**fields), compose=toy_composer.run)
