"""What is done in a process of its own, so that its owner loads neither torch nor rtmidi.

Each errand answers on the connection that is its first argument: ("done", result) or ("refused", why).
"""

from dataclasses import astuple
from multiprocessing.connection import Connection
from pathlib import Path

from engine.setup import Setup

CHECK_CLIENT = "live-check"


def ports(reply: Connection) -> None:
    """List the MIDI ports of other programs as (system, name, takes notes)."""
    from engine.port import PortError, list_ports  # loads rtmidi

    try:
        reply.send(("done", [astuple(port) for port in list_ports()]))
    except PortError as error:
        reply.send(("refused", str(error)))


def check_port(reply: Connection, api: str | None, port: str | None) -> None:
    """Open and close an output as a performance would; refused says what there is instead."""
    from engine.port import PortError, open_output  # loads rtmidi

    try:
        output = open_output(api, port, "check", CHECK_CLIENT)
        output.close()
        reply.send(("done", output.text))
    except PortError as error:
        reply.send(("refused", str(error)))


def render(reply: Connection, setup: Setup, bars: int, output: str) -> None:
    """Render `bars` bars of `setup` into the .mid file `output`."""
    from engine.composer import Composer  # loads torch
    from engine.decoder import DecoderError
    from engine.recorder import RecordError
    from engine.render import render as perform

    try:
        reply.send(("done", str(perform(setup, Composer(setup.model).reply, bars, Path(output)))))
    except (DecoderError, RecordError) as error:
        reply.send(("refused", str(error)))
