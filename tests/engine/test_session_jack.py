"""Sessions on a real JACK server: what is lost comes back, and no note outlives the player."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
import toy_composer
from jack_server import jack_server
from replug import replug
from sessions import PATIENCE, needs_signals, wait_for

from engine.bar import TICKS_PER_BAR
from engine.inlet import open_input
from engine.session import Session

pytestmark = [needs_signals, pytest.mark.parts]


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A private JACK server that this process and its children reach."""
    with jack_server():
        yield


def test_a_jack_server_that_dies_is_noticed_and_the_music_goes_on() -> None:
    setup = toy_composer.setup(bpm=300.0, api="JACK", sound=None, sound_device="null")
    server = contextlib.ExitStack()
    server.enter_context(jack_server(f"engine-dies-{os.getpid()}"))
    with server, Session(setup, toy_composer.run) as session:
        deadline = time.monotonic() + PATIENCE
        while "nobody yet + built-in sound (Null)" not in wait_for(session, "playing", True).out_port:
            assert time.monotonic() < deadline
        server.close()
        while "no MIDI port" not in wait_for(session, "playing", True).out_port:
            assert time.monotonic() < deadline + PATIENCE
        before = wait_for(session, "playing", True)
        assert any("the JACK server is gone" in notice for notice in before.notices)
        assert "built-in sound (Null)" in before.out_port
        while wait_for(session, "playing", True).tick < before.tick + 3 * TICKS_PER_BAR:
            assert time.monotonic() < deadline + 2 * PATIENCE


@pytest.mark.usefixtures("jack")
def test_what_is_unplugged_and_plugged_in_again_is_connected_again() -> None:
    replug("JACK")


@pytest.mark.usefixtures("jack")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_no_note_stays_on_at_a_receiver_when_the_player_is_told_to_end(number: signal.Signals) -> None:
    heard: list[list[int]] = []
    ear = open_input("JACK", heard.append, clock=True)
    with Session(toy_composer.setup(bpm=40.0, api="JACK"), compose=toy_composer.run) as session:
        wait_for(session, "playing", True)
        connect = ["jack_connect", "live:toy", "live-in:control"]
        subprocess.run(connect, check=True, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not (_on(heard) and "1 client" in wait_for(session, "playing", True).out_port):
            assert time.monotonic() < deadline
        player = session.pids["player"]
        assert player is not None
        os.kill(player, number)
        with contextlib.suppress(ConnectionError):
            wait_for(session, "finished", True)
    assert _on(heard) == set()
    ear.close()


def _on(heard: list[list[int]]) -> set[tuple[int, int]]:
    on: set[tuple[int, int]] = set()
    for message in list(heard):
        key = (message[0] & 0x0F, message[1])
        if message[0] & 0xF0 == 0x90:
            on.add(key)
        elif message[0] & 0xF0 == 0x80:
            on.discard(key)
    return on
