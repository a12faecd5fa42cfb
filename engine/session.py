"""A performance as its owner sees it: spawns player, composer and guard, and keeps them going."""

import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import TracebackType
from typing import Self

from engine import interrupt
from engine.ledger import Alone, Finish, Ledger
from engine.machine import give_way
from engine.messages import Acknowledge, Command, ComposerState, Measured, Quit, Snapshot
from engine.setup import Setup, VoiceSetup, from_preset
from engine.watch import TELLING

__all__ = ["Session", "Setup", "VoiceSetup", "from_preset"]

RESTARTS, RESTART_SECONDS = 3, 60.0  # a composer or guard that dies more often than that is left alone
LOOK = 0.5  # seconds between looks at whether the player has given its composer up
WRITING = 30.0  # seconds without progress after which a guard that writes a take is as good as gone
SILENCING = 4.0  # seconds that a guard may take to end the notes of a player that died
ALONE = "not started again: were the player killed, its notes might sound on"
Compose = Callable[[Connection, str, str], None]


def _play(setup: Setup, live: Connection, composer: Connection, guard: Connection, ledger: str) -> None:
    from engine import host  # loads rtmidi, for the player's process only

    host.run(setup, live, composer, guard, ledger)


def _compose(connection: Connection, model: str, feel: str) -> None:
    give_way()  # before it loads anything: the first note and the screen go first
    from engine import composer  # loads torch, for the composer's process only

    composer.run(connection, model, feel)


def _guard(connection: Connection, ledger: str) -> None:
    from engine import rescue  # loads rtmidi, for the guard's process only

    rescue.run(connection, ledger)


class Session:
    """The processes of one performance; use it as a context manager, or call `close`.

    The ends of the pipes that composer and guard hold are kept here as well, so that one that died is
    replaced by another on the same pipe: the player is told, and plays on with the bars that it has.
    """

    def __init__(self, setup: Setup, compose: Compose = _compose) -> None:
        """Spawn the processes; returns at once, the first snapshot says how they fare.

        `compose` is what the composer's process runs, on its end of the pipe, the path of the model and
        that of the feel, "" for none.
        """
        self._setup = setup
        self._target = compose
        self._context = multiprocessing.get_context("spawn")
        self._ledger = Ledger()
        self._live, live = self._context.Pipe()
        bars, self._bars = self._context.Pipe()
        house, self._house = self._context.Pipe()
        self._player = self._spawn(_play, setup, live, bars, house, self._ledger.name)
        for end in (live, bars, house):
            end.close()  # from now on only the player holds them: its death is felt by all
        self._composer = self._start_composer()
        self._keeper = self._spawn(_guard, self._house, self._ledger.name)
        self._restarts: dict[str, deque[float]] = {}
        self._last: Snapshot | None = None
        self.measured: Measured | None = None  # once the player has said it, where the setup asks for it
        self._over = self._closed = False
        self._unguarded = False  # too many guards have died
        self._stop_watching, stop = self._context.Pipe()
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
        return {"player": self._player.pid, "composer": self._composer.pid, "guard": self._keeper.pid}

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
        _part(self._player, timeout)
        self._live.close()
        self._bars.close()
        self._clean_up(timeout)
        self._house.close()
        _part(self._keeper, 0.0)
        _part(self._composer, timeout)
        self._ledger.close()
        with suppress(FileNotFoundError):
            self._ledger.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _spawn(self, target: Callable[..., None], *arguments: object) -> SpawnProcess:
        # Daemons: should the owner end without `close`, they are told to leave, not waited for.
        process = self._context.Process(target=target, args=arguments, daemon=True)
        with interrupt.held_back():
            process.start()
        return process

    def _start_composer(self) -> SpawnProcess:
        return self._spawn(self._target, self._bars, self._setup.model, self._setup.feel_file)

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
            watched = [self._player] + [self._keeper] * (not self._unguarded)
            watched += [self._composer] * (not resting)
            ready = wait([stop, *(process.sentinel for process in watched)], LOOK)
            dead = [process for process in watched if process.sentinel in ready]
            for process in dead:
                process.join()
            if stop in ready:
                return
            if self._player in dead:
                self._clean_up(SILENCING)
                return
            if self._ledger.hung:
                self._ledger.hung = False
                self._composer.kill()  # it is found dead at the next look
            if self._keeper in dead:
                self._replace_guard()
            if self._composer in dead:
                resting = self._composer.exitcode == 0 or not self._replace_composer()

    def _clean_up(self, timeout: float) -> None:
        """See to it that a guard has ended the notes and written the take of a player that is gone."""
        self._await_guard(timeout)
        undone = not self._ledger.clean or self._ledger.read("journal")
        if undone and self._keeper.exitcode not in (None, 0):  # the guard died as well
            self._keeper = self._spawn(_guard, self._house, self._ledger.name)
            self._await_guard(WRITING)

    def _await_guard(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the guard to leave, and for as long as it gets on with a take."""
        before, since = -1, time.monotonic()
        while self._keeper.exitcode is None:
            writing = self._ledger.writing
            if writing and self._ledger.progress != before:
                before, since = self._ledger.progress, time.monotonic()
            if time.monotonic() - since > (WRITING if writing else timeout):
                return
            self._keeper.join(0.1)

    def _often(self, who: str) -> bool:
        """Note that a process has died; return whether such ones die too often."""
        now, deaths = time.monotonic(), self._restarts.setdefault(who, deque(maxlen=RESTARTS))
        often = len(deaths) == RESTARTS and now - deaths[0] < RESTART_SECONDS
        deaths.append(now)
        return often

    def _replace_guard(self) -> None:
        """Start another guard, unless they die too often."""
        if not self._often("guard"):
            self._keeper = self._spawn(_guard, self._house, self._ledger.name)
            return
        self._unguarded = True
        self._ledger.seen(False)
        with suppress(EOFError, OSError):  # said in its place, on its end of the pipe
            asked = []
            while self._house.poll():
                asked.append(self._house.recv())
            journals = tuple(each.journal for each in asked if isinstance(each, Finish))
            reason = f"the guard's process ended with code {self._keeper.exitcode}; {ALONE}"
            self._house.send(Alone(reason, journals))

    def _replace_composer(self) -> bool:
        """Start another composer and return True, unless they die too often."""
        often = self._often("composer")
        what = "not started again" if often else "starting another"
        with suppress(OSError):  # said in its place, on its end of the pipe
            reason = f"the composer's process ended with code {self._composer.exitcode}; {what}"
            self._bars.send(ComposerState("failed" if often else "dead", reason))
        if not often:
            self._composer = self._start_composer()
        return not often


def _part(process: SpawnProcess, timeout: float) -> None:
    """Wait for `process` to leave, then make it."""
    process.join(timeout)
    if process.exitcode is None:
        process.terminate()
        process.join(1.0)
    if process.exitcode is None:
        process.kill()
        process.join()
