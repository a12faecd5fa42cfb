"""A player in a Link session, in a process of its own, with the test in the place of the screen.

At its end it sends a row for each note: the time at which it was sent, the tick at which the music was then,
and its message; and for how long at most this machine held the process up.
"""

import sys
import threading
import time
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import toy_composer

from engine.clock import MonotonicClock
from engine.desk import Desk
from engine.link import Peer
from engine.midi import NOTE_OFF, NOTE_ON
from engine.player import Player

NAP = 0.02  # seconds


class Rows:
    """A sink that keeps what it is sent."""

    def __init__(self) -> None:
        self.kept: list[tuple[float, float, tuple[int, ...]]] = []
        self.player: Player | None = None

    def send(self, message: list[int]) -> None:
        """Keep `message`, if it is a note."""
        if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF) and self.player is not None:
            now = time.monotonic()
            self.kept.append((now, self.player.performance.transport.tick_at(now), tuple(message)))


def watch(held: list[float]) -> None:
    """Keep in `held` by how many seconds at most a short sleep was too long."""
    while True:
        before = time.monotonic()
        time.sleep(NAP)
        held[0] = max(held[0], time.monotonic() - before - NAP)


if __name__ == "__main__":
    held = [0.0]
    threading.Thread(target=watch, args=(held,), daemon=True).start()
    bpm = float(sys.argv[2])
    with Connection(int(sys.argv[1])) as live:
        peer = Peer(bpm)
        peer.join(5.0 if "--others" in sys.argv else 0.0)
        rows = Rows()
        setup = toy_composer.setup(bpm=bpm, sync="link")
        bars, composer = Pipe()
        threading.Thread(target=toy_composer.run, args=(composer, ""), daemon=True).start()
        desk = Desk(sinks=[rows], composer=bars, live=live, peer=peer)
        rows.player = Player(setup, MonotonicClock(), desk)
        rows.player.run()
        peer.close()
        live.send((rows.kept, held[0]))
