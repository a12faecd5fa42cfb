"""The lines for the performer: one after the other, each long enough to be read, and all to look up."""

from collections import deque

SECONDS = 3.0  # that a line stays at least
SECONDS_A_CHARACTER = 0.04  # and longer the more there is to read
KEPT = 100


def news(before: tuple[str, ...], now: tuple[str, ...]) -> tuple[str, ...]:
    """Return the lines of the player that have come since `before`; as they come, the oldest fall off."""
    kept = next((n for n in range(len(now), 0, -1) if before[-n:] == now[:n]), 0)
    return now[kept:]


class Notices:
    """Takes lines in as they come; moments are in seconds of one clock."""

    def __init__(self) -> None:
        self.all: deque[str] = deque(maxlen=KEPT)  # newest last
        self._waiting: deque[str] = deque(maxlen=KEPT)
        self._until = 0.0
        self._shown = ""
        self._told: tuple[str, ...] = ()

    def say(self, line: str) -> None:
        """Add a line of the screen's own; what it answers is shown at once, before what waits."""
        self.all.append(line)
        self._waiting.appendleft(line)
        self._until = 0.0

    def told(self, notices: tuple[str, ...]) -> None:
        """Take in the newest lines of the player."""
        new = news(self._told, notices)
        self._told = notices
        self.all.extend(new)
        self._waiting.extend(new)

    def line(self, now: float) -> str:
        """Return the line to show at `now`, nothing when each was shown long enough."""
        if now >= self._until:
            self._shown = self._waiting.popleft() if self._waiting else ""
            self._until = now + (SECONDS + SECONDS_A_CHARACTER * len(self._shown) if self._shown else 0.0)
        return self._shown
