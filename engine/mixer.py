"""Raw MIDI messages to blocks of audio: the built-in sound without its device."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.midi import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    CONTROL,
    DRUM_CHANNEL,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    SUSTAIN,
)
from engine.soundfont import DRUMS, LONG, RATE, SHORT, Key, Samples, lasts

POLYPHONY = 48  # voices; beyond it the oldest ends
RELEASE_SECONDS = 0.09  # a released note fades by a factor of e in this time
STALE_SECONDS = 0.15  # a drum, or a note already over, whose samples come later than this stays silent
HELD_SECONDS = 0.7  # a note that is held this long gets the long form of its samples
LEVEL = 1.6 / 32767  # of int16 samples; a busy trio then peaks near 0.7
CHOKED = {42: 46, 44: 46}  # a closed hat ends the open one


@dataclass(slots=True)
class Voice:
    """A note that sounds; `fade` falls from 1 once it is released and ends it near 0."""

    channel: int
    pitch: int
    key: Key
    gain: float
    delay: int  # frames into the next block at which it is due
    age: int = 0  # frames since it was struck
    position: int = 0  # frames of its samples already heard
    samples: Samples | None = None
    fade: float = 1.0
    releasing: bool = False
    pedalled: bool = False


class Mixer:
    """Plays what `send` brings from the samples that `lookup` finds, one block after the other.

    A sample that `lookup` has not got yet is asked for again with each block, so the note starts late
    rather than the block. Messages are heard one block after their stamp, where they fell within it:
    the delay is constant, so the rhythm survives large blocks.
    """

    def __init__(self, lookup: Callable[[Key], Samples | None], programs: Mapping[int, int]) -> None:
        self._lookup = lookup
        self._programs = dict(programs)
        self._inbox: deque[tuple[int, Sequence[int]]] = deque()
        self._voices: list[Voice] = []
        self._pedals: set[int] = set()
        self.dropped = 0  # notes that never sounded: their samples came too late

    def send(self, stamp: int, message: Sequence[int]) -> None:
        """Take a raw MIDI `message` sent at `stamp`, in ns of `time.perf_counter_ns`; from any thread."""
        self._inbox.append((stamp, message))

    def sounding(self) -> int:
        """Return the number of voices that are not yet silent."""
        return len(self._voices)

    def render_block(self, frames: int, now: int) -> NDArray[np.float32]:
        """Return the next block (frames, 2), within -1 to 1; `now` is in the stamps' nanoseconds."""
        while self._inbox:
            stamp, message = self._inbox.popleft()
            since = frames - (now - stamp) * RATE // 1_000_000_000
            self._apply(message, max(0, min(frames - 1, since)))
        out = np.zeros((frames, 2), np.float32)
        self._voices = [voice for voice in self._voices if self._add(voice, out)]
        return np.tanh(out)

    def _apply(self, message: Sequence[int], delay: int) -> None:
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == NOTE_ON and message[2]:
            self._strike(channel, message[1], message[2], delay)
        elif kind in (NOTE_OFF, NOTE_ON):
            for voice in self._voices:
                if (voice.channel, voice.pitch) == (channel, message[1]) and channel != DRUM_CHANNEL:
                    voice.pedalled = channel in self._pedals
                    voice.releasing = voice.releasing or not voice.pedalled
        elif kind == PROGRAM:
            self._programs[channel] = message[1]
        elif kind == CONTROL and message[1] == SUSTAIN:
            self._pedal(channel, message[2] >= 64)
        elif kind == CONTROL and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
            for voice in self._voices:
                voice.releasing = voice.releasing or voice.channel == channel

    def _strike(self, channel: int, pitch: int, velocity: int, delay: int) -> None:
        drums = channel == DRUM_CHANNEL
        choked = CHOKED.get(pitch) if drums else None
        for voice in self._voices:
            if voice.channel == channel and voice.pitch in (pitch, choked):
                voice.releasing = True
        for voice in self._voices[: max(0, len(self._voices) - POLYPHONY + 1)]:
            voice.releasing = True
        key = (DRUMS if drums else self._programs.get(channel, 0), pitch, SHORT)
        self._voices.append(Voice(channel, pitch, key, LEVEL * (velocity / 127) ** 2, delay))

    def _pedal(self, channel: int, down: bool) -> None:
        if down:
            self._pedals.add(channel)
            return
        self._pedals.discard(channel)
        for voice in self._voices:
            voice.releasing = voice.releasing or (voice.pedalled and voice.channel == channel)

    def _add(self, voice: Voice, out: NDArray[np.float32]) -> bool:
        """Add `voice` to `out` and say whether it goes on."""
        if voice.samples is None:
            voice.samples = self._lookup(voice.key)
            if voice.samples is None:
                voice.age += len(out)
                voice.delay = max(0, voice.delay - len(out))
                over = voice.releasing or voice.channel == DRUM_CHANNEL
                stale = over and voice.age > STALE_SECONDS * RATE
                self.dropped += stale
                return not stale
        self._prolong(voice, voice.samples)
        frames = min(len(out) - voice.delay, len(voice.samples) - voice.position)
        chunk = voice.samples[voice.position : voice.position + frames] * np.float32(voice.gain)
        if voice.releasing:
            envelope = voice.fade * np.exp(
                np.arange(1, frames + 1, dtype=np.float32) / (-RELEASE_SECONDS * RATE)
            )
            voice.fade = float(envelope[-1]) if frames else 0.0
            chunk *= envelope[:, np.newaxis]
        out[voice.delay : voice.delay + frames] += chunk
        voice.position += frames
        voice.delay = 0
        return voice.position < len(voice.samples) and voice.fade > 1e-3

    def _prolong(self, voice: Voice, samples: Samples) -> None:
        """Go over to the long form of what `voice` plays, which begins alike, once it is needed and there."""
        program, pitch, form = voice.key
        held = not voice.releasing and voice.position > HELD_SECONDS * RATE
        if held and form == SHORT and lasts(samples):
            longer = self._lookup((program, pitch, LONG))
            if longer is not None:
                voice.samples, voice.key = longer, (program, pitch, LONG)
