"""The tempo changes that a take needs for its ticks to keep the times at which they were played."""

from engine.transport import Transport

OFF = 0.001  # seconds by which the map may be wrong
REGAIN = 4  # beats within which it is right again


class TempoMap:
    """Follows a transport that bends many times a second with a few changes of tempo."""

    def __init__(self, line: Transport) -> None:
        """Begin with the tempo of `line`, at the tick and time that it is anchored at."""
        self._line = Transport(line.bpm, line.anchor_tick, line.anchor_time)

    def change(self, tick: int, time: float, bpm: float) -> float | None:
        """Return the tempo to go on with from `tick` on, None as long as the last one will do.

        `tick` is played at `time`, and `bpm` is the tempo that the music has there.
        """
        drawn = self._line.time_of(tick)
        late = time - drawn
        if abs(late) < OFF:
            return None
        tempo = 60.0 / (60.0 / bpm + max(-0.1, min(0.1, late / REGAIN)))
        self._line = Transport(tempo, tick, drawn)
        return tempo
