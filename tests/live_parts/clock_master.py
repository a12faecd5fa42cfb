"""A second program that is the master: sends MIDI clock without pause, and what it is told to.

usage: python clock_master.py CONTROL BPM   (CONTROL is a JACK port name, such as live-in:control)
It prints "connected". Each line on its standard input is a message to send behind the next pulse, as
numbers; it leaves at the end of input.
"""

import sys
import threading
import time
from collections import deque

import rtmidi
from receiver import connect

CLOCK = 0xF8


def main(control: str, bpm: float) -> None:
    """Send pulses until standard input ends."""
    sender = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "master")
    connect(sender, control, "out")
    print("connected", flush=True)
    words: deque[list[int]] = deque()
    over = threading.Event()

    def read() -> None:
        for line in sys.stdin:
            words.append([int(word) for word in line.split()])
        over.set()

    threading.Thread(target=read, daemon=True).start()
    start, number = time.monotonic(), 0
    while not over.is_set():
        sender.send_message([CLOCK])
        while words:
            sender.send_message(words.popleft())
        number += 1
        time.sleep(max(0.0, start + number * 60.0 / (24 * bpm) - time.monotonic()))
    sender.delete()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
