"""The hand of a performer, for players on a clock that jumps."""

from collections import deque
from typing import Any

from engine.clock import ManualClock


class Hand:
    """The other end of `live`: moves knobs at given times and keeps what the player says."""

    def __init__(self, clock: ManualClock, commands: list[tuple[float, object]]) -> None:
        self._clock = clock
        self._commands = deque(commands)
        self.heard: list[Any] = []

    def poll(self) -> bool:
        """Return whether the next command's time has come."""
        return bool(self._commands) and self._clock.now() >= self._commands[0][0]

    def recv(self) -> object:
        """Return it."""
        return self._commands.popleft()[1]

    def send(self, said: object, /) -> None:
        """Keep what the player says."""
        self.heard.append(said)
