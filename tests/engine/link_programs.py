"""The programs of a Link session, each with a pipe to it: a player, and somebody else."""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pytest

from engine.messages import Acknowledge, Command, Quit
from engine.snapshot import Snapshot

HERE = Path(__file__).parent
PATIENCE = 90.0  # seconds for something to happen that always does, on a machine that is busy
HELD = 0.2  # seconds from which on the music is rightly moved rather than rushed
OLDER = 2.0  # seconds; of two sessions that are about as old as each other, chance chooses
Rows = list[tuple[float, float, tuple[int, ...]]]  # time, tick and message of each note
needs_link = pytest.mark.skipif(
    importlib.util.find_spec("link") is None, reason="Ableton Link is an extra: pip install -e '.[link]'"
)


class Program:
    """A program of the test in that network, with a pipe to it."""

    def __init__(self, network: list[str], script: str, *words: object) -> None:
        self.pipe, there = Pipe()
        command = [*network, sys.executable, str(HERE / script), str(there.fileno()), *map(str, words)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
        self._process = subprocess.Popen(command, pass_fds=[there.fileno()], env=environment)
        there.close()

    def receive(self) -> Any:
        """Return what it says next."""
        assert self.pipe.poll(PATIENCE), "it does not answer"
        return self.pipe.recv()

    def end(self) -> None:
        """See it leave."""
        self.pipe.close()
        self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()


class Other(Program):
    """Somebody else, whose session is the older one."""

    def begin(self) -> None:
        """Wait until its session is there."""
        self.ask("state")
        time.sleep(OLDER)

    def ask(self, word: str, value: object = None) -> Any:
        """Have it do something; return its answer."""
        self.pipe.send((word, value))
        return self.receive()

    def has(self, **wanted: object) -> None:
        """Wait until it is as `wanted`."""
        until(lambda: self.ask("state").items() >= wanted.items(), lambda: f"{self.ask('state')} is {wanted}")

    def leave(self) -> None:
        """Have it leave the session."""
        self.pipe.send(None)
        self.end()


class Instrument(Program):
    """The player, seen as the screen sees it."""

    now: Snapshot

    def begin(self) -> None:
        """Wait until there is something to see."""
        self.look()

    def look(self) -> Snapshot:
        """Return the next snapshot."""
        snapshot = self.receive()
        assert isinstance(snapshot, Snapshot)
        assert not snapshot.failed, snapshot.notices
        if not snapshot.finished:
            self.pipe.send(Acknowledge())
        self.now = snapshot
        return snapshot

    def shows(self, sync: str, playing: bool = True) -> None:
        """Wait until the screen says so."""
        until(
            lambda: (self.look().sync, self.now.playing) == (sync, playing),
            lambda: f"the screen says {sync}, instead of {self.now.sync}, playing {self.now.playing}",
        )

    def reaches(self, tick: int) -> None:
        """Wait until `tick` is played."""
        until(lambda: self.look().tick >= tick, lambda: f"tick {tick} is played, not {self.now.tick}")

    def do(self, command: Command) -> None:
        """Have the performer do something."""
        self.pipe.send(command)

    def leave(self) -> Rows:
        """Leave; return time, tick and message of every note."""
        self.do(Quit())
        while not self.look().finished:
            pass
        rows: Rows
        rows, held = self.receive()
        self.end()
        if held > HELD:
            pytest.skip(f"this machine held the player up for {held:.1f} s: its notes tell nothing")
        return rows


def until(look: Callable[[], object], what: Callable[[], str]) -> None:
    """Wait until `look` returns something true."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain until {what()}"
        time.sleep(0.005)
