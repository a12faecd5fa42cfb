"""The take: what of a performance is kept while it is recorded, if it is."""

from collections.abc import Sequence
from math import ceil

from engine.bar import TICKS_PER_BAR
from engine.recorder import Recorder
from engine.setup import VoiceSetup
from engine.tempomap import TempoMap
from engine.transport import Transport


class Take:
    """Passes on to a recorder what belongs into a take; nothing while there is none."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self._map = TempoMap(Transport(120.0, 0, 0.0))  # of the take; begun anew with each

    def begin(self, path: str, title: str, voices: Sequence[VoiceSetup], line: Transport, tick: int) -> None:
        """Start a take from the bar of `tick` on, timed by `line`. RecordError: it cannot be written."""
        origin = max(0, tick // TICKS_PER_BAR * TICKS_PER_BAR)
        self.recorder = Recorder(path, title, voices, line.bpm, origin)
        self._map = TempoMap(Transport(line.bpm, origin, line.time_of(origin)))

    def end(self, tick: int) -> str | None:
        """End the take if there is one; return its journal."""
        taking, self.recorder = self.recorder, None
        return None if taking is None else taking.close(tick)

    def message(self, tick: int, voice: int, message: list[int]) -> None:
        """Keep a raw message as `voice` sent it at `tick`."""
        if self.recorder is not None:
            self.recorder.message(tick, voice, message)

    def flush(self) -> None:
        """Write what was kept, now that there is time."""
        if self.recorder is not None:
            self.recorder.flush()

    def tempo(self, line: Transport) -> None:
        """Keep the tempo of `line` from where it begins on."""
        if self.recorder is not None:
            self.recorder.tempo(line.anchor_tick, line.bpm)

    def steer(self, line: Transport, bpm: float, now: float) -> None:
        """Keep the few changes of tempo that do for a `line` that keeps bending after a master's `bpm`."""
        if self.recorder is not None:
            tick = max(line.anchor_tick, ceil(line.tick_at(now)))
            change = self._map.change(tick, line.time_of(tick), bpm)
            if change is not None:
                self.recorder.tempo(tick, change)

    def stop(self, tick: int) -> None:
        """Note that the performance stops at `tick`, to begin again on the next bar line of the take."""
        if self.recorder is not None:
            self.recorder.jump(max(0, -(-tick // TICKS_PER_BAR)) * TICKS_PER_BAR, 0)

    def enter(self, line: Transport, left: int, tick: int) -> None:
        """Note that it left off at `left` and goes on along `line` at `tick`, in that place of its bar."""
        self._map = TempoMap(line)
        if self.recorder is not None:
            self.recorder.jump(left + (tick - left) % TICKS_PER_BAR, tick)
            self.recorder.tempo(tick, line.bpm)
