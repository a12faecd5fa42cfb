"""A performance on real ALSA ports, with the toy composer in place of torch; run inside the ALSA guest.

usage: python alsa_player.py [BARS]   prints the player's process number, then plays; without BARS for ever
"""

import sys

import toy_composer

from engine.session import Session

BPM = 100.0
DELAY = 20.0  # seconds for others to connect, in an emulated machine


def main(bars: int | None) -> None:
    """Play until the player is gone; print its last words."""
    setup = toy_composer.setup(bars=bars, bpm=BPM, api="ALSA", delay=DELAY, headless=True)
    with Session(setup, toy_composer.run) as session:
        print(session.pids["player"], flush=True)
        while True:
            snapshot = session.poll(0.2)
            if snapshot is not None and snapshot.finished:
                print(snapshot.out_port, *snapshot.notices, sep="\n", file=sys.stderr)
                return


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else None)
