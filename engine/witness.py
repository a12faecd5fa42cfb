"""Processes beside a performance, on its real ports: they hear its notes, move its knobs, or are busy.

Each says ("ready", what it opened) or ("refused", why) on its connection, does its work until the other
side says or hangs up, and ends with ("done", result).
"""

import time
from array import array
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection

from engine.clock import read
from engine.midi import CLOCK, CONTROL, NOTE_OFF, NOTE_ON, note_number
from engine.priority import keep_memory, real_time
from engine.sweeps import Hand

SETTLE = 0.3  # seconds for the last messages to arrive
LISTEN = 0.0005  # seconds between looks at what has come


@dataclass(frozen=True, slots=True)
class Heard:
    """What came at a receiver: `times` float64 and `notes` as Measured has them, `pulses` of a clock float64.

    `left_on` is how many notes were on at the end.
    """

    times: bytes
    notes: bytes
    left_on: int = 0
    pulses: bytes = b""


def hear(link: Connection, api: str, source: str) -> None:
    """Hear the port `source` until told to stop; done: Heard.

    Like a synthesiser it has real-time scheduling where that is granted, so that its own waking is not
    taken for jitter.
    """
    from engine.inlet import open_ear  # loads rtmidi
    from engine.systems import PortError

    times, notes, pulses = array("d"), array("H"), array("d")
    on: set[int] = set()

    def take() -> None:
        for came, message in ear.take():
            if message[0] == CLOCK:
                pulses.append(came)
            elif message[0] & 0xF0 == NOTE_ON and message[2] > 0:
                times.append(came)
                notes.append(note_number(message))
                on.add(note_number(message))
            elif message[0] & 0xE0 == NOTE_OFF:  # or a note on without velocity, which is one
                on.discard(note_number(message))

    if real_time():
        keep_memory()
    try:
        ear = open_ear(api, source)
    except PortError as error:
        _say(link, "refused", str(error))
        return
    _say(link, "ready", ear.text)
    end = inf
    while read() < end:
        take()
        if link.poll() and end == inf:
            end = read() + SETTLE
        time.sleep(LISTEN)
    ear.close()
    _say(link, "done", Heard(times.tobytes(), notes.tobytes(), len(on), pulses.tobytes()))


def move(link: Connection, api: str, port: str, hand: Hand) -> None:
    """Do what `hand` does to knobs at `port`, on channel 1, from being told to begin.

    Done: how many control changes were sent before the other side said stop.
    """
    from engine.port import open_direct  # loads rtmidi
    from engine.systems import PortError

    try:
        out = open_direct(api, port)
    except PortError as error:
        _say(link, "refused", str(error))
        return
    _say(link, "ready", port)
    sent = 0
    if _until_told(link):
        begun = read()
        for at, control, position in hand.moves():
            if link.poll(max(0.0, begun + at - read())):
                break
            out.send([CONTROL, control, position])
            sent += 1
        else:
            _until_told(link)
    time.sleep(SETTLE)
    out.close()
    _say(link, "done", sent)


def burn(link: Connection) -> None:
    """Keep a core busy until told to stop."""
    _say(link, "ready", "")
    while not link.poll():
        sum(range(10_000))
    _say(link, "done", None)


def _until_told(link: Connection) -> bool:
    """Wait for a word from the other side; False if it has hung up."""
    try:
        link.recv()
    except (EOFError, OSError):
        return False
    return True


def _say(link: Connection, word: str, what: object) -> None:
    with suppress(OSError):  # the other side has gone
        link.send((word, what))
