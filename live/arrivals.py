"""What the thread of the link posts to the stage."""

from dataclasses import dataclass

from textual.message import Message

from engine.snapshot import Snapshot


@dataclass
class Arrived(Message):
    """The newest snapshot; one that was not looked at yet gives way to it."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Stale snapshots collapse."""
        return isinstance(message, Arrived)


@dataclass
class Lost(Message):
    """The link to the player broke."""

    reason: str
