"""Where MIDI messages go: what a sink is, and the one that only remembers."""

from typing import Protocol


class Sink(Protocol):
    """Takes raw MIDI messages as lists of bytes; `send` takes microseconds, never waits or raises."""

    def send(self, message: list[int]) -> None:
        """Send `message` now."""


class MemoryPort:
    """A port that keeps what is sent: renders and tests read it; with no MIDI system it swallows."""

    def __init__(self, keep: bool = True) -> None:
        self._keep = keep
        self.messages: list[list[int]] = []

    def send(self, message: list[int]) -> None:
        """Keep `message`."""
        if self._keep:
            self.messages.append(message)
