"""What was heard and what was written, made comparable: notes, ticks, channels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import mido

NOTE_OFF, NOTE_ON = 0x80, 0x90


def notes(messages: Iterable[Sequence[int]]) -> list[tuple[int, int, int]]:
    """Return (channel, pitch, velocity) of each note on and off, velocity 0 for off, in their order."""
    return [
        (message[0] & 0x0F, message[1], message[2] if message[0] & 0xF0 == NOTE_ON else 0)
        for message in messages
        if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF)
    ]


def sounding(messages: Iterable[Sequence[int]]) -> Counter[tuple[int, int]]:
    """Return how often each (channel, pitch) was struck and not ended."""
    on: Counter[tuple[int, int]] = Counter()
    for channel, pitch, velocity in notes(messages):
        if velocity:
            on[channel, pitch] += 1
        else:
            on[channel, pitch] = 0
    return +on


def written(path: Path) -> list[tuple[int, list[int]]]:
    """Return (tick, raw message) of each channel message of a .mid file, at 480 ticks a beat, in order."""
    file = mido.MidiFile(path)
    timed = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if not message.is_meta and message.type != "sysex":
                timed.append((tick * 480 // file.ticks_per_beat, message.bytes()))
    return sorted(timed, key=lambda pair: pair[0])  # stable: a track's order stays


def ticks_heard(heard: Iterable[Sequence[int]], recorded: list[tuple[int, list[int]]]) -> list[int]:
    """Return the tick of each note on and off in `heard`, found by its place among those of its channel."""
    ticks: dict[int, list[int]] = {}
    for tick, message in recorded:
        for channel, _, _ in notes([message]):
            ticks.setdefault(channel, []).append(tick)
    return [ticks[channel].pop(0) for channel, _, _ in notes(heard)]


def by_channel(messages: Iterable[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    """Return the (pitch, velocity) of `notes`, in their order, channel by channel."""
    split: dict[int, list[tuple[int, int]]] = {}
    for channel, pitch, velocity in messages:
        split.setdefault(channel, []).append((pitch, velocity))
    return split
