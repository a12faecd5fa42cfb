"""The .mid file of a take, made of its journal."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import mido

from engine import lock
from engine.bar import PPQN
from engine.midi import NOTE_OFF, NOTE_ON, PROGRAM
from engine.recorder import SUFFIX, UNFINISHED, RecordError
from engine.setup import VoiceSetup, selection

CHARSET = "utf-8"  # of names in the .mid file; what is ASCII is the same in all
LOWEST, HIGHEST = 4.0, 60e6  # beats a minute that a .mid file can hold
LONGEST = 2**28 - 1  # ticks that a .mid file can hold between two events: days
STRIDE = 1000  # lines of a journal between two signs of progress


def finish(journal: str, progress: Callable[[], None] = lambda: None) -> str:
    """Write the .mid file of a journal, remove the journal and return the file's path.

    A journal that breaks off is taken as far as it goes, its open notes ended at its last event. The file
    appears whole or not at all. `progress` is called every now and then on the way.
    Type 1, PPQN ticks a beat: a track with the tempo map and 4/4, then a track a voice.
    RecordError: the journal is no journal, or is still being written, or the file exists or cannot be.
    """
    path = journal.removesuffix(SUFFIX)
    if path == journal:
        raise RecordError(f"{journal} is no journal of a take: its name does not end in {SUFFIX}")
    try:
        with Path(journal).open(encoding="utf-8", errors="replace") as source:
            if not lock.hold(source.fileno(), lock.PARTING):
                raise RecordError(f"{journal} is being recorded right now; it is finished when that ends")
            _write(path, source.read(), progress)
        Path(journal).unlink()
    except OSError as error:
        raise RecordError(f"the take stays in {journal}: {error}") from error
    except ValueError as error:
        raise RecordError(f"{journal} is no journal of a take: {error}") from error
    return path


def _write(path: str, journal: str, progress: Callable[[], None]) -> None:
    """Write the .mid file at `path` of a journal's text; OSError, and ValueError for what is no journal."""
    header, *lines = journal.split("\n")
    title, bpm, voices = _header(header)
    rows = _rows(lines[:-1], len(voices))  # behind the last \n it broke off
    file = _compose(title, bpm, voices, rows, progress)
    if Path(path).exists():
        raise FileExistsError(f"{path} exists and is not overwritten")
    unfinished = Path(path + UNFINISHED)
    try:
        with unfinished.open("wb") as out:
            file.save(file=out)
            out.flush()
            os.fsync(out.fileno())
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _header(line: str) -> tuple[str, float, list[VoiceSetup]]:
    """Return title, tempo and voices from the first line of a journal; ValueError: it is none."""
    try:
        take = json.loads(line)
        bpm, voices = float(take["bpm"]), [VoiceSetup(*voice) for voice in take["voices"]]
        _tempo(bpm)
        for voice in voices:
            _named(voice.name)
            if voice.channel not in range(16):
                raise ValueError(f"channel is {voice.channel!r}, allowed: 0 to 15")
            for raw in selection(voice):
                mido.Message.from_bytes(raw)
        return str(take["title"]), bpm, voices
    except KeyError as error:
        raise ValueError(f"its first line has no {error}") from error
    # Of what JSON can hold, or of JSON that nests too deep for the parser.
    except (AttributeError, OverflowError, RecursionError, TypeError) as error:
        raise ValueError(f"its first line: {error}") from error


def _tempo(bpm: float) -> int:
    """Return the microseconds of a beat; ValueError: more or fewer than a .mid file can hold."""
    if not LOWEST <= bpm <= HIGHEST:
        raise ValueError(f"bpm is {bpm:g}, allowed: {LOWEST:g} to {HIGHEST:g}")
    return mido.bpm2tempo(bpm)  # type: ignore[no-any-return]  # mido is untyped


def _rows(lines: list[str], voices: int) -> list[tuple[int, str, str]]:
    """Return the lines of a journal as (tick, voice | "bpm" | "end", the rest).

    A line that a crash or a power loss left empty or torn is left out, and one that says what cannot be.
    """
    rows, last = [], 0
    for line in lines:
        tick, _, words = line.partition(" ")
        kind, _, rest = words.partition(" ")
        with suppress(ValueError):
            if int(tick) not in range(last + LONGEST + 1):
                continue
            if kind == "bpm":
                _tempo(float(rest))
            elif kind != "end" and not (int(kind) in range(voices) and _whole(bytes.fromhex(rest))):
                continue
            rows.append((int(tick), kind, rest))
            last = max(last, int(tick))
    return rows


def _whole(raw: bytes) -> bool:
    """Return whether `raw` is one whole message of those that a take holds."""
    size = 2 if raw[:1] and raw[0] & 0xF0 == PROGRAM else 3
    return len(raw) == size and 0x80 <= raw[0] < 0xF0 and max(raw[1:]) < 0x80


def _compose(
    title: str,
    bpm: float,
    voices: list[VoiceSetup],
    rows: list[tuple[int, str, str]],
    progress: Callable[[], None],
) -> mido.MidiFile:
    """Return the file of a journal's header and rows."""
    timeline: list[tuple[int, mido.MetaMessage]] = [
        (0, _named(title)),
        (0, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
        (0, mido.MetaMessage("set_tempo", tempo=_tempo(bpm))),
    ]
    tracks: list[list[tuple[int, bytes]]] = [[(0, bytes(raw)) for raw in selection(v)] for v in voices]
    sounding: dict[tuple[int, int], int] = {}  # (channel, pitch) -> voice
    end = 0
    for index, (tick, kind, rest) in enumerate(rows):
        end = max(end, tick)
        if kind == "bpm":
            timeline.append((end, mido.MetaMessage("set_tempo", tempo=_tempo(float(rest)))))
        elif kind != "end":
            raw = bytes.fromhex(rest)
            tracks[int(kind)].append((end, raw))
            if raw[0] & 0xF0 == NOTE_ON:
                sounding[raw[0] & 0x0F, raw[1]] = int(kind)
            elif raw[0] & 0xF0 == NOTE_OFF:
                sounding.pop((raw[0] & 0x0F, raw[1]), None)
        if index % STRIDE == 0:
            progress()
    for (channel, pitch), number in sorted(sounding.items()):
        tracks[number].append((end, bytes([NOTE_OFF | channel, pitch, 0])))
    file = mido.MidiFile(type=1, ticks_per_beat=PPQN, charset=CHARSET)
    first = mido.MidiTrack()
    before = 0
    for tick, meta in timeline:
        first.append(meta.copy(time=tick - before))
        before = tick
    first.append(mido.MetaMessage("end_of_track", time=end - before))
    file.tracks += [
        first,
        *(_track(v.name, raws, end, progress) for v, raws in zip(voices, tracks, strict=True)),
    ]
    return file


def _named(name: str) -> mido.MetaMessage:
    """Return the event that names a track; of a folder's name, what is no text becomes a question mark."""
    return mido.MetaMessage("track_name", name=name.encode(CHARSET, "replace").decode(CHARSET))


def _track(
    name: str, raws: list[tuple[int, bytes]], end: int, progress: Callable[[], None]
) -> mido.MidiTrack:
    """Return a voice's track of its messages (tick, raw)."""
    track, before = mido.MidiTrack([_named(name)]), 0
    for index, (tick, raw) in enumerate(raws):
        track.append(mido.Message.from_bytes(raw, time=tick - before))
        before = tick
        if index % STRIDE == 0:
            progress()
    track.append(mido.MetaMessage("end_of_track", time=end - before))
    return track
