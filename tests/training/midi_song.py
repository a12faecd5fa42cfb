"""Tiny MIDI files, written with mido, for the tests of what reads them."""

import io
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mido

TICKS = 480


@dataclass(frozen=True, slots=True)
class Track:
    """Notes as (onset beat, beats, pitch) on one channel."""

    notes: Sequence[tuple[float, float, int]]
    channel: int = 0
    program: int | None = None
    name: str = ""
    velocities: Sequence[int] = ()  # one a note, or 80 of all


def midi(
    tracks: Iterable[Track], metres: Iterable[tuple[float, int, int]] = ((0, 4, 4),), ticks: int = TICKS
) -> bytes:
    """Return a MIDI file's bytes; `metres` are (beat, numerator, denominator)."""
    file = mido.MidiFile(ticks_per_beat=ticks)
    events = [
        (round(beat * ticks), mido.MetaMessage("time_signature", numerator=over, denominator=under))
        for beat, over, under in metres
    ]
    file.tracks.append(_track(events))
    for track in tracks:
        events = [] if not track.name else [(0, mido.MetaMessage("track_name", name=track.name))]
        if track.program is not None:
            events.append((0, mido.Message("program_change", channel=track.channel, program=track.program)))
        velocities = track.velocities or [80] * len(track.notes)
        for (onset, beats, pitch), velocity in zip(track.notes, velocities, strict=True):
            on = mido.Message("note_on", channel=track.channel, note=pitch, velocity=velocity)
            off = mido.Message("note_off", channel=track.channel, note=pitch)
            events += [(round(onset * ticks), on), (round((onset + beats) * ticks), off)]
        file.tracks.append(_track(events))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def damaged(data: bytes, places: int, chance: random.Random) -> bytes:
    """Return `data` with a random byte at as many random places."""
    spoilt = bytearray(data)
    for _ in range(places):
        spoilt[chance.randrange(len(spoilt))] = chance.randrange(256)
    return bytes(spoilt)


def _track(events: list[tuple[int, mido.Message]]) -> mido.MidiTrack:
    track = mido.MidiTrack()
    now = 0
    for tick, message in sorted(events, key=lambda event: (event[0], event[1].type != "note_off")):
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def tune(bars: int, seed: int = 0) -> list[tuple[float, float, int]]:
    """Return a melody of quarters, the same beginning for the same seed."""
    chance = random.Random(seed)
    return [(beat, 1, chance.randrange(55, 85)) for beat in range(4 * bars)]


def trio(bars: int = 16, seed: int = 0) -> list[Track]:
    """Return three tracks, melody, bass (program 33) and drums, of `bars` bars."""
    bass = [(2 * half, 2, 36 + (half + seed) % 5) for half in range(2 * bars)]
    beat = [(quarter, 0.25, 36 if quarter % 2 == 0 else 38) for quarter in range(4 * bars)]
    return [
        Track(tune(bars, seed), 0, 80, "Lead"),
        Track(bass, 1, 33),
        Track(beat, 9),
    ]


def folder(path: Path, files: dict[str, bytes], manifest: str = "") -> Path:
    """Write `files`, bytes by name, and a manifest into the folder `path`; return it."""
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    if manifest:
        (path / "MANIFEST.csv").write_text(manifest)
    return path
