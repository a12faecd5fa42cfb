"""A controller and a synthesizer that are unplugged and plugged in again in the middle of a performance.

usage: python replug.py API
"""

import sys
import time
from collections.abc import Callable

import rtmidi
import toy_composer

from engine.messages import Learn
from engine.midi import APIS
from engine.port import open_output
from engine.session import Session
from engine.snapshot import Snapshot

PATIENCE = 240.0  # seconds: an emulated machine takes long to load what it runs
QUEUE = 1024  # messages that RtMidi keeps


class Synth:
    """A synthesizer's input, while it is plugged in."""

    def __init__(self, api: str) -> None:
        self._input = rtmidi.MidiIn(APIS[api], "usb-synth")
        self._input.open_virtual_port("in")

    def heard(self) -> bool:
        """Return whether anything has come since it was last asked."""
        return bool([1 for _ in range(QUEUE) if self._input.get_message()])

    def unplug(self) -> None:
        """Take it away."""
        self._input.delete()


def replug(api: str) -> None:
    """Assert that both are heard of, and hear, again."""
    synth, pad = Synth(api), open_output(api, None, "keys", client="usb-pad")
    setup = toy_composer.setup(api=api, port="usb-synth:in", control="usb-pad:keys", bpm=240.0)
    with Session(setup, toy_composer.run) as session:

        def until(holds: Callable[[Snapshot], bool]) -> None:
            deadline, last = time.monotonic() + PATIENCE, None
            while last is None or not holds(last):
                assert time.monotonic() < deadline, last
                last = session.poll(0.2) or last

        def said(line: str) -> Callable[[Snapshot], bool]:
            return lambda snapshot: any(notice == line for notice in snapshot.notices)

        until(lambda snapshot: snapshot.playing and "1 client" in snapshot.out_port)  # the guard has looked
        until(lambda snapshot: synth.heard())
        for end in (synth.unplug, pad.close):
            end()
        for name in ("usb-synth:in", "usb-pad:keys"):
            until(said(f"{name} is gone; it is connected again when it is back"))
        synth, pad = Synth(api), open_output(api, None, "keys", client="usb-pad")
        for name in ("usb-synth:in", "usb-pad:keys"):
            until(said(f"{name} is back"))
        session.send(Learn("knob1"))
        until(lambda snapshot: snapshot.learning == "knob1")
        pad.send([0xB0, 74, 1])
        until(lambda snapshot: snapshot.bound == {"knob1": "ch 1 CC 74"})
        until(lambda snapshot: synth.heard())
    synth.unplug()
    pad.close()


if __name__ == "__main__":
    replug(sys.argv[1])
    print("REPLUGGED")
