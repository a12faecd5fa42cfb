"""The port's latency offset: how long after its musical time everything leaves."""

from math import inf

from engine.messages import OFFSET_MS

SLEW = 0.2  # seconds a second by which it moves while the music plays: notes a fifth closer or wider at most
STRIDE = 0.01  # seconds between two steps on the way


class Offset:
    """`seconds` later than its musical time, or earlier where negative, leaves what is played.

    A new offset, `wanted`, is reached gradually: a jump would be a hole in the music or a burst.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = self.wanted = within(seconds)
        self._moved = inf

    def set(self, seconds: float, now: float, at_once: bool) -> None:
        """Go to `seconds`, clamped, from `now` on or at once."""
        self.wanted, self._moved = within(seconds), now
        if at_once:
            self.seconds = self.wanted

    def approach(self, now: float) -> None:
        """Go on to where it is to be."""
        if self.seconds != self.wanted:
            step = SLEW * (now - self._moved)
            self.seconds = max(self.seconds - step, min(self.seconds + step, self.wanted))
        self._moved = now

    @property
    def deadline(self) -> float:
        """The time for the next step of the way there, infinity if it is over."""
        return inf if self.seconds == self.wanted else self._moved + STRIDE


def within(seconds: float) -> float:
    """Return `seconds` within OFFSET_MS."""
    low, high = OFFSET_MS
    return max(low, min(high, 1000.0 * seconds)) / 1000.0
