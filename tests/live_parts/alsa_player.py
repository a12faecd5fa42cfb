"""The player on a real ALSA port, with the toy composer in place of torch; run inside the ALSA guest.

usage: python alsa_player.py take      plays BARS bars, then leaves
       python alsa_player.py session   plays for ever, in all its processes, and prints the player's number
"""

import sys
import time

import toy_composer

from engine.clock import MonotonicClock
from engine.desk import Desk
from engine.player import Player
from engine.port import open_output
from engine.render import DirectLink
from engine.session import Session

BARS, BPM = 2, 100.0
DELAY = 15.0  # seconds for the recorder to connect, in an emulated machine


def take() -> None:
    """Play into a new virtual port of the ALSA sequencer."""
    setup = toy_composer.setup(bars=BARS, bpm=BPM, delay=DELAY)
    port = open_output("ALSA", None, setup.preset)
    print(port.text, flush=True)
    desk = Desk(sinks=[port], composer=DirectLink(toy_composer.decode))
    Player(setup, MonotonicClock(spin=False), desk).run()
    port.close()


def session() -> None:
    """Play until the player is gone."""
    setup = toy_composer.setup(bpm=BPM, api="ALSA", delay=DELAY, headless=True)
    with Session(setup, toy_composer.run) as playing:
        print(playing.pids["player"], flush=True)
        while True:
            snapshot = playing.poll(0.2)
            if snapshot is not None and snapshot.finished:
                print(snapshot.notices[-1], file=sys.stderr)
                time.sleep(1.0)
                return


if __name__ == "__main__":
    {"take": take, "session": session}[sys.argv[1]]()
