"""Keeps a performance with the master whose clock a follower hears."""

from math import inf

from engine.bar import TICKS_PER_PULSE, TICKS_PER_STEP
from engine.follower import Follower
from engine.midi import CLOCK, CONTINUE, START
from engine.performance import Performance

# Ticks off the master's line from which the music is moved there rather than bent: below a sixteenth, the
# least that a song position can move it by.
FAR = 0.75 * TICKS_PER_STEP
REACH = 0.05  # seconds in which a bend leads back to the master's line; two pulses where they are longer


class Sync:
    """Starts, bends, moves and stops `performance` as the master does.

    The performer's hand goes before: what was stopped by it waits for Play, or for the master's next start.
    """

    def __init__(self, bpm: float, performance: Performance) -> None:
        self._follower = Follower(bpm)
        self._performance = performance
        self._steered = -inf
        performance.led = True

    def hear(self, message: list[int], time: float, now: float) -> bool:
        """Take in a raw message that arrived at `time`; return whether it was one of a clock."""
        if not self._follower.hear(message, time):
            return False
        if message[0] in (START, CONTINUE) and not self._performance.playing:
            self._performance.wanted = True
        if message[0] == CLOCK:
            self._steered = -inf
        self.turn(now)
        return True

    def play(self) -> None:
        """Join the master, or wait for it; one that only ever pulses is joined at bar 1 on its next pulse."""
        self._performance.play()
        if not (self._follower.running or self._follower.told):
            self._follower.start()

    def turn(self, now: float) -> None:
        """Bring the performance to where the master is at `now`."""
        performance, line = self._performance, self._follower.line(now)
        if line is None:
            performance.halt(now)
            if performance.wanted:
                performance.cue(self._follower.tick)
            return
        if performance.playing and abs(line.tick_at(now) - performance.transport.tick_at(now)) > FAR:
            performance.halt(now)
        if not performance.playing:
            if performance.wanted:
                performance.cue(int(line.tick_at(now + performance.arranger.lead)))
                performance.enter(line, now)
            return
        reach = max(REACH, 2 * TICKS_PER_PULSE / line.ticks_per_second)
        if now - self._steered > reach:  # at a pulse, or when the way back is over and none has come
            performance.steer(line, now, reach)
            self._steered = now

    @property
    def bpm(self) -> float:
        """The master's tempo, in beats a minute."""
        return self._follower.bpm

    def text(self, now: float) -> str:
        """Return how it goes, for the performer."""
        return self._follower.text(now)
