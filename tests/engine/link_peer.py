"""The other peer of a Link session, in a process of its own: does what it is told on a pipe, says how it is.

Its times are those of time.monotonic, which every process on a machine shares.
"""

import sys
import time
from multiprocessing.connection import Connection
from typing import Any

from link import Link

QUANTUM = 4.0
CLOSE = 20.0  # microseconds between two readings of our clock that make a comparison


def difference(link: Link) -> float:
    """Return by how many microseconds Link's clock is ahead of time.monotonic."""
    clock = link.clock()
    while True:
        before = time.monotonic()
        micros = clock.micros()
        width = 1e6 * (time.monotonic() - before)
        if width < CLOSE:
            return micros - 1e6 * before - width / 2


def answer(link: Link, word: str, value: Any) -> Any:
    """Do what `word` says and return what there is to say about it."""
    state, zero = link.captureAppSessionState(), difference(link)
    now = link.clock().micros()
    if word == "tempo":
        state.setTempo(value, now)
    elif word == "playing":
        state.setIsPlayingAndRequestBeatAtTime(value, now, 0.0, QUANTUM)
    elif word == "phases":  # in beats, at times
        return [state.phaseAtTime(round(1e6 * moment + zero), QUANTUM) for moment in value]
    else:
        return {"peers": link.numPeers(), "bpm": state.tempo(), "playing": state.isPlaying()}
    link.commitAppSessionState(state)
    return None


if __name__ == "__main__":
    link = Link(float(sys.argv[2]))
    link.startStopSyncEnabled = True
    link.enabled = True
    with Connection(int(sys.argv[1])) as orders:
        while (order := orders.recv()) is not None:
            orders.send(answer(link, *order))
