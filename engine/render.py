"""Performances without waiting: the player's own loop on a clock that jumps, into a .mid file."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.clock import ManualClock
from engine.desk import Desk
from engine.player import Player
from engine.recorder import RecordError
from engine.request import BarReply, BarRequest, ComposerState
from engine.setup import Setup
from engine.sinks import MemoryPort


class DirectLink:
    """A link to a composer in this very process: each request is answered before `send` returns."""

    def __init__(self, decode: Callable[[BarRequest], BarReply]) -> None:
        self._decode = decode
        self._replies: deque[Any] = deque([ComposerState("ready")])

    def poll(self) -> bool:
        """Return whether `recv` has something to return."""
        return bool(self._replies)

    def recv(self) -> Any:
        """Return the next reply."""
        return self._replies.popleft()

    def send(self, request: BarRequest, /) -> None:
        """Answer `request`; `recv` returns the reply."""
        self._replies.append(self._decode(request))


def render(setup: Setup, decode: Callable[[BarRequest], BarReply], bars: int, output: Path) -> Path:
    """Play `bars` bars of `setup` into the .mid file `output`; the same bytes every time.

    RecordError: `output` exists or cannot be written, or a bar could not be decoded; it gives the reason.
    """
    port = MemoryPort()
    setup = replace(setup, bars=bars, record=str(output), play=True, delay=0.0, headless=True)
    player = Player(setup, ManualClock(), Desk(sinks=[port], composer=DirectLink(decode)))
    take = player.performance.take.recorder
    if take is None:
        raise RecordError(player.report.notices[-1])
    player.run()
    whole = player.performance.over and not player.performance.arranger.late_bars
    if take.broken or not whole:
        output.unlink(missing_ok=True)  # half a performance is none
    if take.broken:
        raise RecordError(f"{output}: {take.broken}")
    if not output.exists():
        raise RecordError(player.failure or player.report.notices[-1])
    return output
