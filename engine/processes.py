"""The processes of a performance: what each runs, how it is started, and how it is parted from."""

import multiprocessing
import time
from collections import deque
from collections.abc import Callable
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from engine import interrupt
from engine.priority import giving_way
from engine.setup import Setup

RESTARTS, RESTART_SECONDS = 3, 60.0  # a composer or guard that dies more often than that is left alone
CONTEXT = multiprocessing.get_context("spawn")


def play(setup: Setup, live: Connection, composer: Connection, guard: Connection, ledger: str) -> None:
    """Run a player on its ends of the pipes."""
    from engine import host  # loads rtmidi, for the player's process only

    host.run(setup, live, composer, guard, ledger)


def compose(connection: Connection, model: str, feel: str) -> None:
    """Run a composer on its end of the pipe, with the model and the feel at these paths, "" for none."""
    giving_way(import_module, "engine.composer")  # loads torch, for the composer's process only
    from engine import composer

    composer.run(connection, model, feel)


def guard(connection: Connection, ledger: str) -> None:
    """Run a guard on its end of the pipe."""
    from engine import rescue  # loads rtmidi, for the guard's process only

    rescue.run(connection, ledger)


def start(target: Callable[..., None], *arguments: object) -> SpawnProcess:
    """Return a new process that runs `target` with `arguments`."""
    # Daemons: should the owner end without `part`, they are told to leave, not waited for.
    process = CONTEXT.Process(target=target, args=arguments, daemon=True)
    with interrupt.held_back():
        process.start()
    return process


def part(process: SpawnProcess, timeout: float) -> None:
    """Wait up to `timeout` seconds for `process` to leave, then make it."""
    process.join(timeout)
    if process.exitcode is None:
        process.terminate()
        process.join(1.0)
    if process.exitcode is None:
        process.kill()
        process.join()


class Deaths:
    """How often a process that is replaced when it dies has died."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=RESTARTS)

    def too_many(self) -> bool:
        """Note that it has died; return whether it does so too often."""
        now = time.monotonic()
        often = len(self._times) == RESTARTS and now - self._times[0] < RESTART_SECONDS
        self._times.append(now)
        return often
