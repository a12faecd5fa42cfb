"""A performance as its owner sees it: spawns player, composer and guard, and keeps them going."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from engine import processes
from engine.keeper import Keeper
from engine.ledger import Ledger
from engine.messages import Acknowledge, Command, Quit
from engine.processes import CONTEXT, Deaths, part, start
from engine.request import ComposerState
from engine.setup import Setup
from engine.snapshot import Measured, Snapshot
from engine.watch import TELLING

LOOK = 0.5  # seconds between looks at whether the player has given its composer up
SILENCING = 4.0  # seconds that a guard may take to end the notes of a player that died
Compose = Callable[[Connection, str, str], None]


class Session:
    """The processes of one performance; use it as a context manager, or call `close`.

    The ends of the pipes that composer and guard hold are kept here as well, so that one that died is
    replaced by another on the same pipe: the player is told, and plays on with the bars that it has.
    """

    def __init__(self, setup: Setup, compose: Compose = processes.compose) -> None:
        """Spawn the processes; returns at once, the first snapshot says how they fare.

        `compose` is what the composer's process runs, on its end of the pipe, the path of the model and
        that of the feel, "" for none.
        """
        self._setup = setup
        self._target = compose
        self._ledger = Ledger()
        self._live, live = CONTEXT.Pipe()
        bars, self._bars = CONTEXT.Pipe()
        house, kept = CONTEXT.Pipe()
        self._player = start(processes.play, setup, live, bars, house, self._ledger.name)
        for end in (live, bars, house):
            end.close()  # from now on only the player holds them: its death is felt by all
        self._composer = self._start_composer()
        self._keeper = Keeper(kept, self._ledger)
        self._deaths = Deaths()  # of composers
        self._last: Snapshot | None = None
        self.measured: Measured | None = None  # once the player has said it, where the setup asks for it
        self._over = self._closed = False
        self._stop_watching, stop = CONTEXT.Pipe()
        self._watcher = threading.Thread(target=self._watch, args=(stop,), name="session", daemon=True)
        self._watcher.start()

    def send(self, command: Command) -> None:
        """Hand `command` to the player; dropped silently once the player has left."""
        with suppress(OSError):
            self._live.send(command)

    def poll(self, timeout: float = 0.0) -> Snapshot | None:
        """Return the newest snapshot not yet taken, waiting up to `timeout` seconds, or None.

        The last one has `finished` set, also when the player was killed.
        ConnectionError: the player died before it said anything.
        """
        if self._over or not self._live.poll(timeout):
            return None
        try:
            said: Snapshot | Measured = self._live.recv()
        except (EOFError, OSError):
            return self._bereft()
        if isinstance(said, Measured):
            self.measured = said
            return None
        snapshot = said
        self.send(Acknowledge())
        self._last, self._over = snapshot, snapshot.finished
        return snapshot

    def latest(self) -> Snapshot | None:
        """Return the newest snapshot not yet taken, at once; `poll` without waiting."""
        return self.poll()

    def fileno(self) -> int:
        """Return a descriptor that turns readable when `poll` has something to return (not on Windows)."""
        return self._live.fileno()

    @property
    def pids(self) -> dict[str, int | None]:
        """The process numbers of "player", "composer" and "guard"."""
        return {"player": self._player.pid, "composer": self._composer.pid, "guard": self._keeper.process.pid}

    @property
    def port(self) -> tuple[str, str]:
        """The MIDI system of the output port and its address there; empty while or where there is none."""
        return self._ledger.read("api"), self._ledger.read("port")

    def close(self, timeout: float = 5.0) -> None:
        """End every note and wait up to `timeout` seconds for each process; a take is written whole."""
        if self._closed:
            return
        self._closed = True
        self.send(Quit())
        with suppress(OSError):
            self._stop_watching.send(None)
        self._watcher.join()  # it waits within bounds for whoever cleans up after a player that died
        part(self._player, timeout)
        self._live.close()
        self._bars.close()
        self._keeper.clean_up(timeout)
        self._keeper.close()
        part(self._composer, timeout)
        self._ledger.close()
        with suppress(FileNotFoundError):
            self._ledger.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start_composer(self) -> SpawnProcess:
        return start(self._target, self._bars, self._setup.model, self._setup.feel_file)

    def _bereft(self) -> Snapshot:
        """Return a last snapshot on behalf of a player that died without one."""
        self._over = True
        self._player.join(1.0)
        end = time.monotonic() + SILENCING
        # The code may come late: the watching thread may have reaped the process and not said so yet.
        while (self._player.exitcode is None or not self._ledger.clean) and time.monotonic() < end:
            time.sleep(0.02)
        silent = self._ledger.clean and self._ledger.read("api") in TELLING
        notes = "its notes have been ended" if silent else "its notes may sound on: silence the instrument"
        if not self._ledger.read("api"):
            notes = "no MIDI port was open"
        reason = f"the player's process ended with code {self._player.exitcode}; {notes}"
        if self._last is None:
            raise ConnectionError(reason)
        voices = tuple(replace(voice, sounding=()) for voice in self._last.voices)
        notices = (*self._last.notices, reason)
        return replace(self._last, playing=False, voices=voices, notices=notices, finished=True, failed=True)

    def _watch(self, stop: Connection) -> None:
        """Replace composer and guard when they die, until `stop` or the player's end."""
        resting = False  # a composer that left of its own accord, or died too often, is not replaced
        while True:
            watched = [self._player] + [self._keeper.process] * (not self._keeper.given_up)
            watched += [self._composer] * (not resting)
            ready = wait([stop, *(process.sentinel for process in watched)], LOOK)
            dead = [process for process in watched if process.sentinel in ready]
            for process in dead:
                process.join()
            if stop in ready:
                return
            if self._player in dead:
                self._keeper.clean_up(SILENCING)
                return
            if self._ledger.hung:
                self._ledger.hung = False
                self._composer.kill()  # it is found dead at the next look
            if self._keeper.process in dead:
                self._keeper.replace()
            if self._composer in dead:
                resting = self._composer.exitcode == 0 or not self._replace_composer()

    def _replace_composer(self) -> bool:
        """Start another composer and return True, unless they die too often."""
        often = self._deaths.too_many()
        what = "not started again" if often else "starting another"
        with suppress(OSError):  # said in its place, on its end of the pipe
            reason = f"the composer's process ended with code {self._composer.exitcode}; {what}"
            self._bars.send(ComposerState("failed" if often else "dead", reason))
        if not often:
            self._composer = self._start_composer()
        return not often
