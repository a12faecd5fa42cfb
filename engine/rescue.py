"""The guard: watches who hears the player, writes its takes, and ends its notes if it is killed."""

import importlib
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from engine.ledger import Finish, Ledger, Notice, Receivers
from engine.port import PortError, open_direct
from engine.recorder import RecordError, finish
from engine.scheduler import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, NOTE_OFF, SUSTAIN

WATCH = 0.25  # seconds between looks at who is connected
ALSA_CLIENTS = Path("/proc/asound/seq/clients")


def run(link: Connection, ledger_name: str) -> None:
    """Serve the player until it is gone, then clean up after it if it could not itself."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # it leaves when the player does
    ledger = Ledger(ledger_name)
    watch = _Watch(ledger)
    while True:
        try:
            if not link.poll(WATCH):
                watch.look(link)
                continue
            message = link.recv()
        except (EOFError, OSError):
            break
        if isinstance(message, Finish):
            _reply(link, Notice(write_take(message.journal)))
    watch.close()
    if not ledger.clean:
        silence(ledger, watch.heard_by())
        if ledger.read("journal"):
            write_take(ledger.read("journal"))
    ledger.close()


def write_take(journal: str) -> str:
    """Make the .mid of a journal; return what to tell the performer."""
    try:
        return f"recorded {finish(journal)}"
    except RecordError as error:
        return str(error)


def silence(ledger: Ledger, receivers: list[str]) -> None:
    """End every note in `ledger` at each of `receivers`, by their names on the player's MIDI system."""
    ports = []
    for receiver in receivers:
        with suppress(PortError):
            ports.append(open_direct(ledger.read("api"), receiver))
    for port in ports:
        for channel, pitch in ledger.sounding():
            port.send([NOTE_OFF | channel, pitch, 0])
        for channel in ledger.channels():
            for control in (SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF):
                port.send([CONTROL | channel, control, 0])
    for port in ports:
        port.close()
    for channel, pitch in list(ledger.sounding()):
        ledger.clear(channel, pitch)
    ledger.clean = True


class _Watch:
    """Knows which ports hear the player's output."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._jack: Any = None
        self._blind = False  # this machine cannot tell, and that has been said
        self._now: tuple[str, ...] = ()
        self._before: tuple[str, ...] = ()
        self._told: tuple[str, ...] | None = None

    def look(self, link: Connection) -> None:
        """See who is connected and tell the player if that has changed."""
        if self._blind:
            return
        api, port = self._ledger.read("api"), self._ledger.read("port")
        try:
            names = self._receivers(api, port)
        except (ImportError, OSError) as error:  # OSError: JACK-Client without the system's libjack
            self._blind = True
            _reply(link, Notice(f"were the player killed, its notes would stay on ({error})"))
            return
        if names is None:
            return
        # A dying player's connections go before its process does: the look before the last one counts too.
        self._before, self._now = self._now, names
        if names != self._told:
            self._told = names
            _reply(link, Receivers(names))

    def heard_by(self) -> list[str]:
        """Return the receivers of the last two looks."""
        return sorted({*self._before, *self._now})

    def close(self) -> None:
        """Leave the MIDI system."""
        if self._jack is not None:
            self._jack.close()

    def _receivers(self, api: str, port: str) -> tuple[str, ...] | None:
        """Return what is connected to `port`, None if it is not there; ImportError, OSError: cannot tell."""
        if not api:
            return None
        if api == "ALSA":
            lines = ALSA_CLIENTS.read_text(encoding="utf-8", errors="replace").splitlines()
            return alsa_receivers(lines, port.rpartition(" ")[2])
        if api != "JACK":
            raise OSError(f"{api} does not say who listens")
        jack = importlib.import_module("jack")
        try:
            if self._jack is None:
                jack.set_error_function(lambda _: None)
                jack.set_info_function(lambda _: None)
                self._jack = jack.Client("live-watch", no_start_server=True)
            found = self._jack.get_all_connections(self._jack.get_port_by_name(port))
            return tuple(sorted(receiver.name for receiver in found))
        except jack.JackError:
            return None


def alsa_receivers(lines: list[str], address: str) -> tuple[str, ...] | None:
    """Return the addresses that `address` ("128:0") is connected to, None if there is no such port.

    `lines` are those of /proc/asound/seq/clients.
    """
    client = port = ""
    found: tuple[str, ...] | None = None
    for line in lines:
        words = line.replace(",", " ").split()
        if words[:1] == ["Client"] and words[2:3] == [":"]:
            client, port = words[1], ""
        elif words[:1] == ["Port"]:
            port = words[1]
            if f"{client}:{port}" == address:
                found = ()
        elif words[:2] == ["Connecting", "To:"] and f"{client}:{port}" == address:
            found = tuple(word.partition("[")[0] for word in words[2:])
    return found


def _reply(link: Connection, message: object) -> None:
    with suppress(OSError):
        link.send(message)
