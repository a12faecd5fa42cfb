"""MIDI files read with suspicion: bytes in, parts of notes in ticks out, or the reason why not."""

import bisect
import io
import struct
from collections import defaultdict
from dataclasses import dataclass

import mido
import numpy as np
from numpy.typing import NDArray

from engine.bar import BEATS_PER_BAR

MAX_BYTES = 1 << 20  # five times the largest score among 10,000 files
MAX_BARS = 2000  # an hour and more of music
MAX_PARTS = 256  # tracks and channels with notes
MAX_REGIONS = 256  # changes of metre into 4/4
DRUM_CHANNEL = 9
BASS_PROGRAMS = range(32, 40)
EFFECT_PROGRAMS = range(112, 128)  # struck and sounding effects: no melodies


class UnusableError(Exception):
    """A file or a piece of one that gives no tokens: `reason` is a category, `detail` what was found."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Part:
    """The notes of one instrument: int64 (notes, 4) of onset tick, end tick, pitch, velocity, by onset.

    `kind` is "melody", "bass", "drums" or "effect", `program` General MIDI's at its first note, from 0.
    """

    name: str
    kind: str
    notes: NDArray[np.int64]
    program: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """A MIDI file's parts, its regions of 4/4 as (first tick, end tick), and the tick where the music ends.

    A region ends there or with the next time signature; a score in any metre is one region.
    """

    ticks_per_beat: int
    regions: tuple[tuple[int, int], ...]
    parts: tuple[Part, ...]
    end: int


def read_score(data: bytes, any_metre: bool = False) -> Score:
    """Return the score in a MIDI file's bytes.

    UnusableError: broken, empty, hostile, or never in 4/4 unless `any_metre` is as good.
    """
    if not data:
        raise UnusableError("empty file")
    if len(data) > MAX_BYTES:
        raise UnusableError("too large", f"more than {MAX_BYTES} bytes")
    if data[:4] != b"MThd" or len(data) < 14:
        raise UnusableError("not a MIDI file")
    kind, _, ticks_per_beat = struct.unpack(">hhh", data[8:14])
    if kind not in (0, 1):
        raise UnusableError("asynchronous tracks", f"MIDI format {kind}")
    if ticks_per_beat <= 0:
        raise UnusableError("no beat", "ticks per beat is 0 or SMPTE time")
    try:
        tracks = mido.MidiFile(file=io.BytesIO(data), clip=True).tracks
    except Exception as error:  # the parser raises whatever a broken byte leads it to
        raise UnusableError("broken", f"{type(error).__name__}: {error}"[:200]) from error
    parts, end = _parts(tracks)
    if not parts:
        raise UnusableError("no notes")
    if len(parts) > MAX_PARTS:
        raise UnusableError("too many parts", str(len(parts)))
    bar = ticks_per_beat * BEATS_PER_BAR
    if end > MAX_BARS * bar:
        raise UnusableError("too long", f"more than {MAX_BARS} bars")
    regions = ((0, end),) if any_metre else _regions(_metres(tracks), bar, end)
    if not regions:
        raise UnusableError("not in 4/4")
    if len(regions) > MAX_REGIONS:
        raise UnusableError("too many changes of metre", str(len(regions)))
    return Score(ticks_per_beat, regions, parts, end)


def _metres(tracks: list[mido.MidiTrack]) -> list[tuple[int, bool]]:
    """Return (tick, is 4/4) of every time signature; MIDI's default, 4/4, stands until the first."""
    metres = {0: True}
    for track in tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "time_signature":
                metres[tick] = (message.numerator, message.denominator) == (4, 4)
    return sorted(metres.items())


def _regions(metres: list[tuple[int, bool]], bar: int, end: int) -> tuple[tuple[int, int], ...]:
    regions: list[tuple[int, int]] = []
    for (tick, common), (following, _) in zip(metres, [*metres[1:], (end, False)], strict=True):
        start, stop = tick, min(following, end)
        if not common or stop <= start:
            continue
        if regions and regions[-1][1] == start and (start - regions[-1][0]) % bar == 0:
            start = regions.pop()[0]  # 4/4 said again on a bar line changes nothing
        regions.append((start, stop))
    return tuple(regions)


def _parts(tracks: list[mido.MidiTrack]) -> tuple[tuple[Part, ...], int]:
    """Return the parts, one per track, channel and kind, and the tick at which the last note ends."""
    programs = _programs(tracks)
    parts: list[Part] = []
    end = 0
    for track in tracks:
        name = str(track.name).strip().upper()
        notes: dict[tuple[int, str], list[tuple[int, ...]]] = defaultdict(list)
        for onset, stop, channel, *struck in _notes(track):
            program = _program(programs[channel], onset)
            notes[channel, _kind(name, channel, program)].append((onset, stop, *struck))
            end = max(end, stop)
        for (channel, kind), rows in sorted(notes.items()):
            played = np.array(sorted(rows), np.int64)
            parts.append(Part(name, kind, played, _program(programs[channel], int(played[0, 0]))))
    return tuple(parts), end


def _programs(tracks: list[mido.MidiTrack]) -> dict[int, list[tuple[int, int]]]:
    """Return (tick, program) of each channel in order; a change reaches every track of its channel."""
    programs: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for track in tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "program_change":
                programs[message.channel].append((tick, message.program))
    for changes in programs.values():
        changes.sort()
    return programs


def _program(changes: list[tuple[int, int]], tick: int) -> int:
    index = bisect.bisect_right(changes, (tick, 127)) - 1
    return changes[index][1] if index >= 0 else 0


def _kind(name: str, channel: int, program: int) -> str:
    if channel == DRUM_CHANNEL:
        return "drums"
    if name in ("MELODY", "BASS"):
        return name.lower()
    if program in BASS_PROGRAMS:
        return "bass"
    return "effect" if program in EFFECT_PROGRAMS else "melody"


def _notes(track: mido.MidiTrack) -> list[tuple[int, int, int, int, int]]:
    """Return (onset, end, channel, pitch, velocity) of notes; hanging ones end with the last event."""
    notes: list[tuple[int, int, int, int, int]] = []
    sounding: dict[tuple[int, int], tuple[int, int]] = {}  # onset and velocity
    tick = last = 0
    for message in track:
        tick += message.time
        if message.type not in ("note_on", "note_off"):
            continue
        if tick >= 1 << 40:  # beyond any music, and near what arithmetic in int64 can carry
            raise UnusableError("too long", "an event beyond tick 2^40")
        last = tick
        key = (message.channel, message.note)
        onset, velocity = sounding.pop(key, (tick, 0))
        if tick > onset:
            notes.append((onset, tick, *key, velocity))
        if message.type == "note_on" and message.velocity > 0:
            sounding[key] = tick, message.velocity
    notes += [(onset, last, *key, velocity) for key, (onset, velocity) in sounding.items() if last > onset]
    return notes
