"""Closes an input again and again while messages hail upon it; it hangs or crashes if that is unsafe."""

import subprocess
import sys
import time

from engine.inlet import open_input
from engine.port import open_direct

TIMES = 10


def send() -> None:
    """Send to the input, without pause, whenever it is there."""
    port = open_direct("JACK", "live-in:control")
    print("sending", flush=True)
    while True:
        for _ in range(100):
            port.send([0xB0, 74, 1])
        time.sleep(0.001)


def main() -> None:
    """Open, hear and close."""
    for _ in range(TIMES):
        heard: list[list[int]] = []

        def arrived(message: list[int], heard: list[list[int]] = heard) -> None:
            heard.append(message)
            time.sleep(0.01)  # it is here that RtMidi's thread is met

        source = open_input("JACK", arrived, clock=True)  # which says what comes, as on other systems
        with subprocess.Popen([sys.executable, __file__, "send"], stdout=subprocess.PIPE) as sender:
            assert sender.stdout is not None
            sender.stdout.readline()
            while not heard:
                time.sleep(0.001)
            source.close()
            sender.kill()


if __name__ == "__main__":
    send() if sys.argv[1:] else main()
