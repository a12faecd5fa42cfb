"""The process of the built-in sound: raw MIDI messages come in on standard input, audio goes to a device.

It is run by `engine.sound` and says one JSON line on standard output when the device plays, one when it
leaves. It leaves at the end of its input, so it never outlives the player.
"""

import contextlib
import gc
import json
import os
import queue
import signal
import sys
import threading
import time
import wave
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

import miniaudio
import numpy as np
from numpy.typing import NDArray

from engine.codec import DRUM_PITCHES
from engine.midi import ALL_NOTES_OFF, CONTROL, DRUM_CHANNEL
from engine.mixer import Mixer
from engine.sound import RECORD
from engine.soundfont import DRUMS, RATE, SHORT, Bank, Key

BLOCK_MS = 15  # three of them are the device's buffer: longer than rendering one note holds the GIL
DRAIN_SECONDS = 0.3  # for the last notes to fade out
BASSES = range(32, 40)
BASS_PITCHES = range(28, 56)
MELODY_PITCHES = range(55, 85)

Blocks = Generator[NDArray[np.float32], int, None]


class Speaker:
    """Feeds the device from a Mixer and keeps count of what it heard."""

    def __init__(self, mixer: Mixer, capture: "queue.SimpleQueue[NDArray[np.float32] | None] | None") -> None:
        self._mixer = mixer
        self._capture = capture
        self.frames = 0
        self.peak = 0.0
        self.worst_block_ms = 0.0

    def blocks(self) -> Blocks:
        """Yield the block of as many frames as the device sends; runs in the device's thread."""
        frames = yield np.zeros((0, 2), np.float32)
        while True:
            began = time.perf_counter_ns()
            block = self._mixer.render_block(frames, began)
            self.frames += frames
            self.peak = max(self.peak, float(np.abs(block).max(initial=0.0)))
            if self._capture is not None:
                self._capture.put(block)
            self.worst_block_ms = max(self.worst_block_ms, (time.perf_counter_ns() - began) / 1e6)
            frames = yield block


def usual(programs: Mapping[int, int]) -> Iterator[Key]:
    """Yield the keys that voices with these programs mostly play, from the middle of each range outwards."""
    if DRUM_CHANNEL in programs:
        yield from ((DRUMS, pitch, SHORT) for pitch in DRUM_PITCHES)
    for channel, program in programs.items():
        if channel != DRUM_CHANNEL:
            pitches = BASS_PITCHES if program in BASSES else MELODY_PITCHES
            outwards = sorted(pitches, key=lambda pitch: abs(2 * pitch - pitches.start - pitches.stop))
            yield from ((program, pitch, SHORT) for pitch in outwards)


def open_device(name: str) -> miniaudio.PlaybackDevice:
    """Return the first device that opens, silent yet, or the "null" one; MiniaudioError: there is none.

    miniaudio settles on an audio system before it looks for a device there, and without a list ends at its
    null device: so each system is tried by itself.
    """
    null, custom = miniaudio.Backend.NULL, miniaudio.Backend.CUSTOM
    systems = [system for system in miniaudio.Backend if system in miniaudio.get_enabled_backends()]
    for system in [null] if name == "null" else systems:
        if system is custom or (system is null and name != "null"):
            continue
        with contextlib.suppress(miniaudio.MiniaudioError):
            return miniaudio.PlaybackDevice(
                miniaudio.SampleFormat.FLOAT32,
                nchannels=2,
                sample_rate=RATE,
                buffersize_msec=BLOCK_MS,
                callback_periods=3,
                backends=[system],
                app_name="live",
            )
    tried = ", ".join(system.name for system in systems if system not in (null, custom))
    raise miniaudio.MiniaudioError(f"no audio device on this machine (looked for {tried})")


def write_wav(path: Path, blocks: "queue.SimpleQueue[NDArray[np.float32] | None]") -> None:
    """Write blocks to a 16-bit stereo .wav until None comes."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        while (block := blocks.get()) is not None:
            file.writeframes((block * 32767).astype("<i2").tobytes())


def receive(mixer: Mixer) -> None:
    """Pass what comes on standard input to `mixer` until it ends."""
    left = b""
    while chunk := os.read(0, 65536):
        left += chunk
        whole = len(left) - len(left) % RECORD.size
        for stamp, length, message in RECORD.iter_unpack(left[:whole]):
            mixer.send(stamp, message[:length])
        left = left[whole:]


def say(**fields: object) -> None:
    """Tell the player one JSON line; it may be gone."""
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps(fields).encode() + b"\n")


def main(arguments: list[str]) -> int:
    """Play until standard input ends; `arguments` are programs as JSON, device, path of a .wav or nothing."""
    # Ctrl-C and Ctrl-Z reach the whole process group: the player decides when the sound ends.
    for name in ("SIGINT", "SIGHUP", "SIGTSTP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    programs = {int(channel): int(program) for channel, program in json.loads(arguments[0]).items()}
    try:
        device = open_device(arguments[1])
        bank = Bank()
    except miniaudio.MiniaudioError as error:
        say(error=str(error))
        return 1
    except (OSError, RuntimeError) as error:
        say(error=f"no sound font: {error}")
        return 1
    for channel, program in programs.items():
        # The first note of a program also reads its samples from the font: too long for a note that plays.
        drums = channel == DRUM_CHANNEL
        bank.render((DRUMS, DRUM_PITCHES[0], SHORT) if drums else (program, MELODY_PITCHES.start, SHORT))
    mixer = Mixer(bank.get, programs)
    capture: queue.SimpleQueue[NDArray[np.float32] | None] | None = None
    if arguments[2]:
        capture = queue.SimpleQueue()
        writer = threading.Thread(target=write_wav, args=(Path(arguments[2]), capture))
        writer.start()
    speaker = Speaker(mixer, capture)
    blocks = speaker.blocks()
    next(blocks)
    sys.setswitchinterval(0.0005)  # the callback waits at most this long for the other threads' GIL
    gc.freeze()
    gc.disable()
    device.start(blocks)
    bank.start()
    bank.warm(usual(programs))
    say(backend=device.backend)
    receive(mixer)
    for channel in range(16):
        mixer.send(time.perf_counter_ns(), (CONTROL | channel, ALL_NOTES_OFF, 0))
    time.sleep(DRAIN_SECONDS)
    device.close()
    if capture is not None:
        capture.put(None)
        writer.join()
    say(
        frames=speaker.frames, peak=speaker.peak, dropped=mixer.dropped, worst_block_ms=speaker.worst_block_ms
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
