"""The second program on the instrument's ports, as tests hold it."""

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from heard import NOTE_OFF, NOTE_ON, sounding, ticks_heard
from parts import until


class Receiver:
    """`receiver.py`, running: what it has heard so far."""

    def __init__(self, environment: dict[str, str], *ports: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("receiver.py")), *ports],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.heard: list[tuple[int, list[int]]] = []  # (monotonic ns, message), as they came
        self.sent: list[int] = []  # monotonic ns of each message it sent
        self._connected = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if "m" in said:
                self.heard.append((said["t"], said["m"]))
            elif "sent" in said:
                self.sent.append(said["t"])
            else:
                self._connected.set()

    def connected(self) -> None:
        """Wait until it hears the instrument."""
        until(
            lambda: self._connected.is_set() or self.process.poll() is not None, "the receiver is connected"
        )
        assert self._connected.is_set(), "the receiver found no port"

    def send(self, *message: int) -> None:
        """Have it send `message` to the instrument's control input."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, message)) + "\n")
        self.process.stdin.flush()

    def messages(self) -> list[list[int]]:
        """Return what it heard, without the times."""
        return [message for _, message in self.heard]

    def struck(self) -> int:
        """Return how many notes have begun."""
        return sum(message[0] & 0xF0 == NOTE_ON and message[2] > 0 for message in self.messages())

    def sounding(self) -> Counter[tuple[int, int]]:
        """Return the (channel, pitch) that sound now."""
        return sounding(self.messages())

    def in_mid_note(self, notes: int = 8) -> None:
        """Wait until `notes` notes have begun and at least one sounds."""
        until(lambda: self.struck() >= notes and +self.sounding(), f"{notes} notes have begun")

    def tick_of(self, moment: int, recorded: list[tuple[int, list[int]]], bpm: float) -> float:
        """Return the tick at which `moment`, monotonic ns, fell in the take that it heard as `recorded`.

        The message that came with the least delay says when the take began, so the tick is never too late.
        """
        per_tick = 60e9 / bpm / 480
        heard = [(when, message) for when, message in self.heard if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF)]
        ticks = ticks_heard([message for _, message in heard], recorded)
        start = min(when - tick * per_tick for (when, _), tick in zip(heard, ticks, strict=True))
        return (moment - start) / per_tick

    def leave(self) -> None:
        """Let it close its ports and go."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join()
        for end in (self.process.stdin, self.process.stdout):
            if end is not None:
                end.close()
