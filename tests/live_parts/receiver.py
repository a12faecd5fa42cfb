"""A second program on the instrument's ports: hears every message, and moves controllers when told to.

usage: python receiver.py SOURCE [CONTROL]   (JACK port names, such as live:trio and live-in:control)
It says one JSON line when it is connected and one for each message: {"t": monotonic ns, "m": [bytes]}.
Each line on its standard input is a message to send to CONTROL, as numbers; it leaves at the end of input.
"""

import json
import select
import sys
import time
from typing import Any

import rtmidi

PATIENCE = 30.0  # seconds for the ports to appear
LISTEN = 0.0005  # seconds between looks at what has come


def connect(end: Any, wanted: str, name: str) -> None:
    """Open a port called `name` on `end` and connect it to the port `wanted`, once that exists."""
    deadline = time.monotonic() + PATIENCE
    while wanted not in (names := ports(end)):
        if time.monotonic() > deadline:
            sys.exit(f"no port {wanted}; there are: {', '.join(names)}")
        time.sleep(0.01)
    end.open_port(names.index(wanted), name)


def ports(end: Any) -> list[str]:
    """Return the ports that `end` can reach; one may vanish between being counted and being named."""
    try:
        names: list[str] = end.get_ports()
    except rtmidi.InvalidPortError:
        return []
    return names


def say(**fields: object) -> None:
    """Write one line, at once and whole."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def main(source: str, control: str | None = None) -> None:
    """Listen until standard input ends."""
    heard = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "receiver")
    heard.ignore_types(timing=False)
    connect(heard, source, "in")
    sender = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "mover")
    if control is not None:
        connect(sender, control, "out")
    say(connected=source)
    while True:
        while (event := heard.get_message()) is not None:
            say(t=time.monotonic_ns(), m=event[0])
        if not select.select([sys.stdin], [], [], LISTEN)[0]:
            continue
        if not (line := sys.stdin.buffer.raw.readline()):
            break
        words = line.decode().split()
        sender.send_message([int(word) for word in words])
        say(sent=words, t=time.monotonic_ns())
    sender.delete()
    heard.delete()


if __name__ == "__main__":
    main(*sys.argv[1:])
