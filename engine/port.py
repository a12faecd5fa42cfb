"""MIDI outputs, virtual or existing, on whichever system there is."""

import time
from contextlib import suppress
from typing import Any

from engine.libraries import bounded, quiet
from engine.midi import APIS
from engine.systems import CLIENT, PortError, candidates, choose, explain, names_of, rtmidi, senders

DRAIN = 0.1  # seconds for what was sent last to leave: two periods of a slow JACK server


class Port:
    """An open output; `address` is the name that others know it by, `text` says which it is and why."""

    def __init__(self, out: Any, api: str, address: str, text: str) -> None:
        self._out = out
        self.api = api
        self.address = address
        self.text = text

    def send(self, message: list[int]) -> None:
        """Send a raw `message` now; a port whose system is gone swallows it."""
        with suppress(OSError):
            self._out.send_message(message)

    def close(self) -> None:
        """Let the last messages leave, then close."""
        time.sleep(DRAIN)
        bounded(self._out.close_port, self._out.delete)


def open_output(api: str | None, connect: str | None, name: str, client: str = CLIENT) -> Port:
    """Open the virtual output port `name`, or one connected to the existing port called `connect`.

    Without `api` (a key of APIS, any case) the first that can be opened is taken.
    PortError: none can, or there is no port called `connect`.
    """
    failures: list[str] = []
    systems = candidates(api)
    for label, number in systems:
        try:
            with quiet():
                before = senders(number)
                out, target = _open(label, number, connect, name, client)
                address = next((p for p in senders(number) if p not in before), f"{client}:{name}")
        except (OSError, ValueError, NotImplementedError, PortError) as error:
            failures.append(explain(label, error))
            continue
        rest = [other for other, _ in systems if other != label]
        chosen = "asked for" if api else f"taken before {', '.join(rest)}" if rest else "all there is"
        why = "; ".join(failures) or chosen
        return Port(out, label, address, f"{label}: {address}{target} ({why})")
    raise PortError("; ".join(failures))


def open_direct(api: str, receiver: str) -> Port:
    """Open an output connected to `receiver`, as fast as can be: its notes hang. PortError: it is gone."""
    try:
        with quiet():
            out, _ = _open(api, APIS[api], receiver, "rescue", "live-rescue")
    except (OSError, ValueError) as error:
        raise PortError(explain(api, error)) from error
    return Port(out, api, "live-rescue:rescue", receiver)


def _open(label: str, number: int, connect: str | None, name: str, client: str) -> tuple[Any, str]:
    """Return an open output and, as " -> NAME", what it is connected to if it is no virtual port."""
    out = rtmidi().MidiOut(number, client)
    if connect is None and label == "WinMM":
        connect = "loopMIDI"
    names = names_of(out)
    chosen = choose(names, connect, label)
    if chosen is None:
        out.open_virtual_port(name)
        return out, ""
    out.open_port(chosen, name)
    return out, f" -> {names[chosen]}"
