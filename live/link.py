"""The screen's end of the engine: a thread sends commands and takes snapshots; the screen never waits."""

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from engine.messages import Command
from engine.snapshot import Snapshot

INTERVAL = 1 / 30  # seconds between looks at the engine: about one frame of the screen


class Link(Protocol):
    """What the screen needs of a session; `latest` returns at once, None where nothing new came."""

    def send(self, command: Command) -> None:
        """Pass `command` to the player."""

    def latest(self) -> Snapshot | None:
        """Return the newest snapshot not yet taken."""

    def close(self) -> None:
        """End the player and the composer and wait for them, within bounds."""


class Reader:
    """Owns a Link from one thread of its own: sends what is queued, passes on each new snapshot.

    `arrived` and `lost` are called from that thread. `lost` gets the reason, once, after which nothing
    more is sent; a snapshot equal to the last one is not passed on.
    """

    def __init__(
        self, link: Link, arrived: Callable[[Snapshot], object], lost: Callable[[str], object]
    ) -> None:
        self._link = link
        self._arrived = arrived
        self._lost = lost
        self._outbox: deque[Command] = deque()
        self._wake = threading.Event()
        self._leaving = False
        self._busy = False
        self._heard = monotonic()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._heard = monotonic()
        self._thread.start()

    def send(self, command: Command) -> None:
        """Queue `command`; returns at once."""
        self._outbox.append(command)
        self._wake.set()

    def stop(self, seconds: float) -> bool:
        """Send what is queued, close the link and wait for at most `seconds`; True if that was enough."""
        self._leaving = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def idle(self) -> bool:
        """Return whether every command has been handed over."""
        return not self._outbox and not self._busy

    def silence(self) -> float:
        """Return the seconds since the player was last heard."""
        return monotonic() - self._heard

    def _run(self) -> None:
        last: Snapshot | None = None
        try:
            while not self._leaving:
                self._flush()
                snapshot = self._link.latest()
                if snapshot is not None:
                    self._heard = monotonic()
                    if snapshot != last:
                        last = snapshot
                        self._arrived(snapshot)
                self._wake.wait(INTERVAL)
                self._wake.clear()
            self._flush()
        except (OSError, EOFError, RuntimeError) as error:  # a pipe that broke, a process that died
            self._lost(str(error) or type(error).__name__)
        try:
            self._link.close()
        except (OSError, EOFError, RuntimeError) as error:
            self._lost(str(error) or type(error).__name__)

    def _flush(self) -> None:
        while self._outbox:
            self._busy = True  # before the command leaves the outbox: `idle` never misses it
            self._link.send(self._outbox.popleft())
        self._busy = False
