"""The journal of a take, kept while it plays, so that a killed player loses nothing."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine import lock
from engine.midi import NOTE_OFF, NOTE_ON
from engine.setup import VoiceSetup

SUFFIX = ".part"  # of the journal beside the .mid file to come
UNFINISHED = ".unfinished"  # of the .mid file while it is written


class RecordError(Exception):
    """A take that cannot be recorded or written; the message says why."""


class Recorder:
    """Writes each message that was sent to a journal; midifile.finish makes the .mid of it.

    What was sent is written by `flush`, between two notes and not among those of a chord. A disk that refuses
    a line breaks the take off there: `broken` says why, and nothing raises.
    """

    def __init__(self, path: str, title: str, voices: Sequence[VoiceSetup], bpm: float, origin: int) -> None:
        """Start a take for the .mid file at `path`; tick `origin` of the performance is its beginning.

        RecordError: the file exists (nothing is overwritten), or its folder is missing or not writable.
        """
        self.path = path
        self.journal = path + SUFFIX
        self.broken = ""  # why the take broke off
        self._origin = origin
        self._last = 0
        self._lines: list[str] = []  # to be written
        self._tempos: list[tuple[int, float]] = []  # changes to come, as (tick, bpm)
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
        lock.hold(self._file)
        header = {
            "title": title,
            "bpm": bpm,
            "voices": [[v.name, v.channel, v.program, v.bank] for v in voices],
        }
        self._write(json.dumps(header))
        self.flush()
        if self.broken:
            os.close(self._file)
            with suppress(OSError):
                Path(self.journal).unlink()
            raise RecordError(f"not recording: {self.journal}: {self.broken}")

    def message(self, tick: int, voice: int, message: list[int]) -> None:
        """Keep a raw message as `voice` sent it at `tick` of the performance."""
        self._reach(tick)
        kind, channel = message[0] & 0xF0, message[0] & 0x0F
        if kind == NOTE_ON:
            self._open[channel, message[1]] = voice
        elif kind == NOTE_OFF and self._open.pop((channel, message[1]), None) is None:
            return  # its note on was before this take
        self._write(f"{self._since(tick)} {voice} {bytes(message).hex()}")

    def tempo(self, tick: int, bpm: float) -> None:
        """Keep a change of tempo at `tick` of the performance, which may be still to come."""
        self._tempos = [kept for kept in self._tempos if kept[0] < tick]
        self._tempos.append((tick, bpm))

    def jump(self, tick: int, to: int) -> None:
        """Note that the performance goes from `tick` to `to`: the take goes on without gap or overlap."""
        self._reach(tick)
        self._tempos = [(to, bpm) for _, bpm in self._tempos[-1:]]
        self._origin += to - tick

    def close(self, tick: int) -> str:
        """End the take, and what sounds in it, at `tick`; return the path of its journal."""
        self._reach(tick)
        for (channel, pitch), voice in sorted(self._open.items()):
            self._write(f"{self._since(tick)} {voice} {bytes([NOTE_OFF | channel, pitch, 0]).hex()}")
        self._write(f"{self._since(tick)} end")
        self.flush()
        with suppress(OSError):
            os.close(self._file)
        return self.journal

    def _reach(self, tick: int) -> None:
        """Write the changes of tempo up to `tick`: notes before one may leave after it was asked for."""
        while self._tempos and self._tempos[0][0] <= tick:
            change, bpm = self._tempos.pop(0)
            self._write(f"{self._since(change)} bpm {bpm!r}")

    def _since(self, tick: int) -> int:
        # What a performer's hand ends, it ends between ticks: time in a file never runs backwards.
        self._last = max(self._last, tick - self._origin)
        return self._last

    def flush(self) -> None:
        """Write what there is to write."""
        raw = "".join(self._lines).encode()
        self._lines.clear()
        if not raw or self.broken:
            return
        try:
            if os.write(self._file, raw) < len(raw):
                self.broken = "No space left on device"  # what a full disk says to the line after
        except OSError as error:
            self.broken = error.strerror or str(error)

    def _write(self, line: str) -> None:
        self._lines.append(f"{line}\n")


def recording(journal: str) -> bool:
    """Return whether somebody writes the journal of a take right now."""
    try:
        with Path(journal).open() as source:
            return not lock.hold(source.fileno())
    except OSError:
        return False
