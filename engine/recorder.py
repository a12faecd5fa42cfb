"""Takes as .mid files: a journal while it plays, so that a killed player loses nothing, then the file."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import mido

from engine.bar import PPQN
from engine.setup import VoiceSetup, selection

SUFFIX = ".part"  # of the journal beside the .mid file to come


class RecordError(Exception):
    """A take that cannot be recorded or written; the message says why."""


class Recorder:
    """Writes each message as it is sent to a journal, unbuffered; `finish` makes the .mid of it."""

    def __init__(self, path: str, title: str, voices: Sequence[VoiceSetup], bpm: float, origin: int) -> None:
        """Start a take for the .mid file at `path`; tick `origin` of the performance is its beginning.

        RecordError: the file exists (nothing is overwritten), or its folder is missing or not writable.
        """
        self.path = path
        self.journal = path + SUFFIX
        self._origin = origin
        self._last = 0
        self._open: dict[tuple[int, int], int] = {}  # (channel, pitch) of notes struck in this take -> voice
        if Path(path).exists():
            raise RecordError(f"not recording: {path} exists and is not overwritten; choose another name")
        try:
            self._file = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        except FileExistsError:
            raise RecordError(
                f"not recording: {self.journal} is an unfinished take; rename it first"
            ) from None
        except OSError as error:
            raise RecordError(f"not recording: {self.journal}: {error.strerror}") from error
        header = {
            "title": title,
            "bpm": bpm,
            "voices": [[v.name, v.channel, v.program, v.bank] for v in voices],
        }
        self._write(json.dumps(header))

    def message(self, tick: int, voice: int, message: list[int]) -> None:
        """Keep a raw message as `voice` sent it at `tick` of the performance."""
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == 0x90:
            self._open[channel, message[1]] = voice
        elif kind == 0x80 and self._open.pop((channel, message[1]), None) is None:
            return  # its note on was before this take
        self._write(f"{self._since(tick)} {voice} {bytes(message).hex()}")

    def tempo(self, tick: int, bpm: float) -> None:
        """Keep a change of tempo at `tick` of the performance."""
        self._write(f"{self._since(tick)} bpm {bpm!r}")

    def jump(self, tick: int, to: int) -> None:
        """Note that the performance goes from `tick` to `to`: the take goes on without gap or overlap."""
        self._origin += to - tick

    def close(self, tick: int) -> str:
        """End the take, and what sounds in it, at `tick`; return the path of its journal, for `finish`."""
        for (channel, pitch), voice in sorted(self._open.items()):
            self._write(f"{self._since(tick)} {voice} {bytes([0x80 | channel, pitch, 0]).hex()}")
        self._write(f"{self._since(tick)} end")
        os.close(self._file)
        return self.journal

    def _since(self, tick: int) -> int:
        # What a performer's hand ends, it ends between ticks: time in a file never runs backwards.
        self._last = max(self._last, tick - self._origin)
        return self._last

    def _write(self, line: str) -> None:
        os.write(self._file, f"{line}\n".encode())


def finish(journal: str) -> str:
    """Write the .mid file of a journal, remove the journal and return the file's path.

    A journal that breaks off is taken as far as it goes, its open notes ended at its last event.
    Type 1, PPQN ticks a beat: a track with the tempo map and 4/4, then a track a voice.
    RecordError: the journal is no journal, or the file exists or cannot be written.
    """
    path = journal.removesuffix(SUFFIX)
    try:
        header, *lines = Path(journal).read_text(encoding="utf-8").split("\n")
        take = json.loads(header)
        file = _compose(take, [line.split() for line in lines[:-1]])  # what follows the last \n broke off
        with Path(path).open("xb") as out:
            file.save(file=out)
        Path(journal).unlink()
    except FileExistsError as error:
        raise RecordError(f"the take stays in {journal}: {path} exists and is not overwritten") from error
    except OSError as error:
        raise RecordError(f"the take stays in {journal}: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{journal} is no journal of a take: {error}") from error
    return path


def _compose(take: dict[str, object], rows: list[list[str]]) -> mido.MidiFile:
    """Return the file of a journal's header and rows [tick, voice | "bpm" | "end", ...]."""
    voices = [VoiceSetup(*voice) for voice in take["voices"]]  # type: ignore[attr-defined]  # JSON, just read
    tempo = mido.bpm2tempo(float(str(take["bpm"])))
    timeline: list[tuple[int, mido.MetaMessage]] = [
        (0, mido.MetaMessage("track_name", name=str(take["title"]))),
        (0, mido.MetaMessage("time_signature", numerator=4, denominator=4)),
        (0, mido.MetaMessage("set_tempo", tempo=tempo)),
    ]
    tracks: list[list[tuple[int, mido.Message | mido.MetaMessage]]] = []
    for voice in voices:
        tracks.append([(0, mido.MetaMessage("track_name", name=voice.name))])
        tracks[-1] += [(0, mido.Message.from_bytes(raw)) for raw in selection(voice)]
    sounding: dict[tuple[int, int], int] = {}
    end = 0
    for row in rows:
        end = int(row[0])
        if row[1] == "bpm":
            timeline.append((end, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(float(row[2])))))
        elif row[1] != "end":
            message = mido.Message.from_hex(row[2])
            tracks[int(row[1])].append((end, message))
            if message.type == "note_on":
                sounding[message.channel, message.note] = int(row[1])
            elif message.type == "note_off":
                sounding.pop((message.channel, message.note), None)
    for (channel, pitch), number in sorted(sounding.items()):
        tracks[number].append((end, mido.Message("note_off", channel=channel, note=pitch, velocity=0)))
    file = mido.MidiFile(type=1, ticks_per_beat=PPQN)
    file.tracks += [_track(events, end) for events in (timeline, *tracks)]
    return file


def _track(events: list[tuple[int, mido.Message | mido.MetaMessage]], end: int) -> mido.MidiTrack:
    track, before = mido.MidiTrack(), 0
    for tick, message in events:
        track.append(message.copy(time=tick - before))
        before = tick
    track.append(mido.MetaMessage("end_of_track", time=end - before))
    return track
