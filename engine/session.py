"""A performance as its owner sees it: spawns player, composer and guard, and keeps them going."""

from types import TracebackType
from typing import Self

from engine.messages import Command, Snapshot
from engine.setup import Setup, VoiceSetup, from_preset

__all__ = ["Session", "Setup", "VoiceSetup", "from_preset"]


class Session:
    """The processes of one performance; use it as a context manager, or call `close`."""

    def __init__(self, setup: Setup) -> None:
        """Spawn the processes; returns at once, the first snapshot says how they fare."""
        raise NotImplementedError

    def send(self, command: Command) -> None:
        """Hand `command` to the player; dropped silently once the player has left."""
        raise NotImplementedError

    def poll(self, timeout: float = 0.0) -> Snapshot | None:
        """Return the newest snapshot not yet taken, waiting up to `timeout` seconds, or None; acknowledges it.

        The last one has `finished` set, also when the player was killed.
        """
        raise NotImplementedError

    def latest(self) -> Snapshot | None:
        """Return the newest snapshot not yet taken, at once; `poll` without waiting."""
        raise NotImplementedError

    def fileno(self) -> int:
        """Return a descriptor that turns readable when `poll` has something to return (not on Windows)."""
        raise NotImplementedError

    def close(self, timeout: float = 5.0) -> None:
        """End every note, finish the recording and wait up to `timeout` seconds for each process to leave."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
