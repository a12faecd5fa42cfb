"""Who hears the player's output, and whether that output is still there."""

import importlib
import threading
from pathlib import Path
from typing import Any

from engine import alsa
from engine.ledger import Ledger, Notice, PortLost, Receivers

MISSED = 2  # looks in vain after which a port that was there is gone
TELLING = ("ALSA", "JACK")  # the systems that say who is connected to whom


class Watch:
    """Looks at the player's port in the ledger; each `look` returns what is news to the player."""

    def __init__(self, ledger: Ledger, alsa_clients: Path = alsa.CLIENTS) -> None:
        """`alsa_clients` is where the kernel lists who is connected to whom."""
        self._ledger = ledger
        self._alsa_clients = alsa_clients
        self._jack: Any = None
        self._shut = threading.Event()  # by JACK, on a thread of its own
        self._unanswered = False  # no JACK server was there to open a client on
        self._over = False  # this machine cannot tell, or the port is gone; that has been said
        self._missed = 0  # looks in a row
        self._now: tuple[str, ...] | None = None
        self._told: tuple[str, ...] | None = None

    def look(self) -> list[Receivers | PortLost | Notice]:
        """See who is connected and return what has changed since the last look."""
        if self._over:
            return []
        api, port = self._ledger.read("api"), self._ledger.read("port")
        try:
            names = self._receivers(api, port)
        except (ImportError, OSError) as error:  # OSError: JACK-Client without the system's libjack
            self._over = True
            self._ledger.seen(False)
            return [Notice(f"were the player killed, its notes would stay on ({error})")]
        if names is None:
            # It was opened on the server that is not there, even if the server died before it was seen.
            self._missed += self._now is not None or (api == "JACK" and self._unanswered)
            gone = self._missed >= MISSED or (self._now is not None and self._shut.is_set())
            return [self._lose(api, port)] if gone else []
        self._missed = 0
        if api == "JACK":  # the one on which sending to what is gone never returns
            self._ledger.seen(True)
        # A dying player's connections go before its process does: the look before the last one counts too.
        self._ledger.write("heard", "\n".join(sorted({*(self._now or ()), *names})))
        self._now = names
        if names == self._told:
            return []
        self._told = names
        return [Receivers(names)]

    def glance(self) -> tuple[str, ...] | None:
        """Return who is connected, None where that cannot be told; a look that makes no news."""
        try:
            return self._receivers(self._ledger.read("api"), self._ledger.read("port"))
        except (ImportError, OSError):
            return None

    def close(self) -> None:
        """Leave the MIDI system."""
        if self._jack is not None:
            self._jack.close()
            self._jack = None

    def _lose(self, api: str, port: str) -> PortLost:
        self._over = True
        dead = self._shut.is_set() or self._unanswered
        gone = f"the JACK server is gone, and {port} with it" if dead else f"{port} is gone"
        if dead:  # whoever heard it is gone as well
            self._ledger.write("heard", "")
        self.close()
        return PortLost(f"{api}: {gone}")

    def _receivers(self, api: str, port: str) -> tuple[str, ...] | None:
        """Return what is connected to `port`, None if it is not there; ImportError, OSError: cannot tell."""
        if not api:
            return None
        if api == "ALSA":
            lines = self._alsa_clients.read_text(encoding="utf-8", errors="replace").splitlines()
            return alsa_receivers(lines, port.rpartition(" ")[2])
        if api not in TELLING:
            raise OSError(f"{api} does not say who listens")
        jack = importlib.import_module("jack")
        if (client := self.jack()) is None:
            return None
        try:
            found = client.get_all_connections(client.get_port_by_name(port))
            return tuple(sorted(receiver.name for receiver in found))
        except jack.JackError:
            return None

    def jack(self) -> Any:
        """Return a client of the JACK server, None if it is gone or none runs; ImportError, OSError."""
        jack = importlib.import_module("jack")
        # Never a second client once a server died: closing the first one then would be a segmentation fault.
        if self._jack is None and not self._shut.is_set():
            jack.set_error_function(lambda _: None)
            jack.set_info_function(lambda _: None)
            try:
                self._jack = jack.Client("live-watch", no_start_server=True)
                self._jack.set_shutdown_callback(lambda *_: self._shut.set())
                self._unanswered = False
            except jack.JackOpenError as error:
                self._unanswered = error.status.server_failed  # else it refused, as one that is full
            except jack.JackError:
                pass
        return None if self._shut.is_set() else self._jack


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
