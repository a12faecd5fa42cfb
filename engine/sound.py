"""The built-in sound as the player holds it: a pipe to a process of its own, so the clock never starves."""

import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What goes through the pipe: when it was sent (perf_counter, ns), the length of the message, its bytes.
RECORD = struct.Struct("<qB3s")
OPEN_SECONDS = 15.0
CLOSE_SECONDS = 2.0


class SoundError(Exception):
    """The built-in sound cannot play; the message says why."""


@dataclass(frozen=True, slots=True)
class SoundReport:
    """What was heard from opening to closing.

    `peak` is 0 to 1, `worst_block_ms` the longest that one block took to mix, and `dropped` counts the
    notes that could not be rendered in time.
    """

    frames: int
    peak: float
    dropped: int
    worst_block_ms: float


class Sound:
    """A General MIDI synthesizer that takes raw MIDI messages; made by `Sound.open`."""

    def __init__(self, process: "subprocess.Popen[bytes]", backend: str, pipe: int) -> None:
        self._process = process
        self._pipe = pipe
        self._broken = False
        self.backend = backend  # such as "ALSA", or "Null" for the device "null"

    @classmethod
    def open(
        cls, programs: Mapping[int, int], device: str = "default", capture: Path | None = None
    ) -> "Sound":
        """Start the sound and return it once the device plays, about half a second later.

        `programs` maps channels 0-15 to General MIDI programs 0-127; channel 9 is the drum kit. The device
        "null" keeps time without a sound card. `capture` is a .wav file that gets all that is played.
        SoundError: no audio device, or the sound font is gone.
        """
        # The child finds the packages where this process found them, whatever folder it was started in.
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "engine.speaker",
                json.dumps(dict(programs)),
                device,
                str(capture or ""),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # the audio libraries chatter there, across the screen
            env=environment,
        )
        assert process.stdin is not None
        pipe = process.stdin.fileno()
        if sys.platform != "win32":
            os.set_blocking(pipe, False)
        sound = cls(process, "", pipe)
        answer = sound._read(OPEN_SECONDS)
        if "backend" not in answer:
            sound.close()
            code = process.returncode
            raise SoundError(answer.get("error", f"no built-in sound: its process ended with code {code}"))
        sound.backend = answer["backend"]
        return sound

    @property
    def alive(self) -> bool:
        """Whether messages are still heard."""
        return not self._broken and self._process.poll() is None

    def send(self, message: Sequence[int]) -> None:
        """Play a raw MIDI `message` of up to three bytes now; takes microseconds, never waits or raises."""
        if self._broken or len(message) > 3:
            return
        try:
            os.write(self._pipe, RECORD.pack(time.perf_counter_ns(), len(message), bytes(message)))
        except OSError:  # the process is gone, or has not read for thousands of messages
            self._broken = True

    def close(self) -> SoundReport | None:
        """Let the last notes fade and end the process; return what was heard, None if it had died."""
        process = self._process
        self._broken = True
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        answer = self._read(CLOSE_SECONDS) if not process.stdout.closed else {}
        try:
            process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        return SoundReport(**answer) if "frames" in answer else None

    def _read(self, seconds: float) -> dict[str, Any]:
        """Return the next JSON line of the process, {} if it ends or says nothing for `seconds`."""
        assert self._process.stdout is not None
        if sys.platform != "win32" and not select.select([self._process.stdout], [], [], seconds)[0]:
            return {}
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {}
        return answer
