"""What is around the player: sinks for its notes, and links to the other processes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.clock import Wake
from engine.ledger import Ledger
from engine.link import Peer
from engine.outlet import Outlet
from engine.sinks import Sink


class Link(Protocol):
    """One end of a pipe: a Connection, or what behaves like one."""

    def poll(self) -> bool:
        """Return whether `recv` would return at once."""

    def recv(self) -> Any:
        """Return the next object; EOFError or OSError when the other end is gone."""

    def send(self, obj: Any, /) -> None:
        """Send `obj`; OSError when the other end is gone."""


class Ear(Protocol):
    """An input that keeps what comes."""

    def take(self) -> Iterator[tuple[float, list[int]]]:
        """Yield what has come, each with its time in seconds of the clock."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A raw message of a controller or a master clock, and when it came, in seconds of the clock."""

    time: float
    message: list[int]


@dataclass(slots=True, eq=False)
class Desk:
    """Everything that the player is given; None where there is nobody."""

    sinks: Sequence[Sink]
    composer: Link
    live: Link | None = None
    guard: Link | None = None
    ledger: Ledger | None = None
    wake: Wake | None = None  # set when `controls` or `leave` has changed
    controls: deque[Arrival] = field(default_factory=deque)  # from inputs that say when something comes
    ears: Sequence[Ear] = ()  # those that do not
    pulse: Callable[[list[int]], None] | None = None  # takes the messages of our own clock
    peer: Peer | None = None  # of a Link session
    leave: str | None = None  # the name of the signal that asks to end
    outlet: Outlet | None = None  # the one of `sinks` that tells who hears it
    in_port: str = ""
    notices: tuple[str, ...] = ()  # how the opening of the ports went
