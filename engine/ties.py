"""Connections to ports that were asked for by name: said when one breaks, and made anew when it can be."""

import errno
import importlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from engine import alsa
from engine.ledger import Ledger, Notice
from engine.systems import OURS, PortError, choose


@dataclass(frozen=True, slots=True)
class Tie:
    """What connects our port `ours`, by its address, to the port called `wanted` on the MIDI system `api`."""

    api: str
    sends: bool  # ours does; else it listens
    wanted: str  # as the performer calls it
    ours: str


def keep(ledger: Ledger, ties: list[Tie]) -> None:
    """Write `ties` into the ledger, for the guard to look after."""
    ledger.write("ties", json.dumps([astuple(tie) for tie in ties]))


class Ties:
    """Looks after the ties in the ledger; each `look` returns what is news to the performer."""

    def __init__(self, ledger: Ledger, jack: Callable[[], Any], clients: Path = alsa.CLIENTS) -> None:
        """`jack` returns a client of JACK's or None, `clients` is where the kernel lists ALSA's ports."""
        self._ledger = ledger
        self._jack = jack
        self._clients = clients
        self._there: dict[Tie, str | None] = {}  # the full name of the other end, None while it is gone

    def look(self) -> list[Notice]:
        """See whether the other ends are there, connect those that are back, and return what has changed."""
        news: list[str] = []
        for tie in (Tie(*fields) for fields in json.loads(self._ledger.read("ties") or "[]")):
            with suppress(ImportError, OSError):  # who cannot be asked is not looked after
                news += self._look(tie)
        return [Notice(line) for line in news]

    def _look(self, tie: Tie) -> list[str]:
        names = self._names(tie)
        before = self._there.get(tie)
        if names is None or before in names:
            return []
        try:
            now = names[choose(names, tie.wanted, tie.api) or 0]
        except PortError:
            now = None
        known = tie in self._there
        self._there[tie] = now
        news = [f"{tie.wanted} is gone; it is connected again when it is back"] if before else []
        if known and now is not None:
            news.append(f"{tie.wanted} is back{self._connect(tie, now)}")
        return news

    def _names(self, tie: Tie) -> list[str] | None:
        """Return the ports that the other end may be, None if they cannot be told; ImportError, OSError."""
        if tie.api == "ALSA":
            lines = self._clients.read_text(encoding="utf-8", errors="replace").splitlines()
            names = list(alsa.names(lines, takes=tie.sends))
        elif (jack := self._jack()) is not None:
            ports = jack.get_ports(is_midi=True, is_input=tie.sends, is_output=not tie.sends)
            names = [port.name for port in ports]
        else:
            return None
        return names if tie.sends else [name for name in names if not OURS.match(name)]

    def _connect(self, tie: Tie, theirs: str) -> str:
        """Connect the other end; return why that cannot be."""
        ends = (tie.ours, theirs) if tie.sends else (theirs, tie.ours)
        try:
            if tie.api == "ALSA":
                sender, receiver = (name.rpartition(" ")[2] for name in ends)
                alsa.connect(sender, receiver)
            else:
                _connect(self._jack(), *ends)
        except OSError as error:
            return f" and cannot be connected: {error}"
        return ""


def _connect(client: Any, sender: str, receiver: str) -> None:
    """Connect two ports of JACK's; OSError: it refuses."""
    jack = importlib.import_module("jack")
    try:
        client.connect(sender, receiver)
    except jack.JackErrorCode as error:
        if error.code != errno.EEXIST:  # a patchbay was quicker
            raise OSError(str(error)) from error
