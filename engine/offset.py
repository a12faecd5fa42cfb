"""Latency offsets: how long after its musical time each output has what is played."""

from math import inf

from engine.messages import OFFSET_MS, PORT, SOUND

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


class Offsets:
    """The offset of the port and that of the built-in sound; the music leaves by the sooner of those heard.

    What is sent to the other one is to be held back by its `delay`. `wanted` and `set` mean the port's while
    it is heard, else the built-in sound's: `current` says which.
    """

    def __init__(self, port: float, sound: float = 0.0) -> None:
        """Both in seconds; as far as is known only the port is heard."""
        self._own = {PORT: Offset(port), SOUND: Offset(sound)}
        self._lead = Offset(port)
        self._heard: tuple[str, ...] = (PORT,)

    def begin(self, sound: float) -> None:
        """Take the offset of the built-in sound, in seconds, before anything is played."""
        self._own[SOUND] = Offset(sound)
        self.settle()

    def hear(self, port: bool, sound: bool) -> None:
        """Take in which of the outputs are heard now."""
        self._heard = tuple(name for name, heard in ((PORT, port), (SOUND, sound)) if heard) or (PORT,)

    @property
    def current(self) -> str:
        """The output that `set` means."""
        return self._heard[0]

    @property
    def seconds(self) -> float:
        """The offset at which the music leaves now."""
        return self._lead.seconds

    @property
    def wanted(self) -> float:
        """Where the offset of the current output is to be."""
        return self._own[self.current].wanted

    def delay(self, output: str) -> float:
        """Return by how many seconds what leaves now comes too soon for `output`."""
        return max(0.0, self._own[output].seconds - self._lead.seconds)

    def set(self, seconds: float, now: float, at_once: bool) -> None:
        """Go to `seconds`, clamped, with the current output, from `now` on or at once."""
        self._own[self.current].set(seconds, now, at_once)
        if at_once:
            self.settle()

    def settle(self) -> None:
        """Be at once where all are to be: nothing plays."""
        for each in self._own.values():
            each.seconds = each.wanted
        self._lead = Offset(self._soonest)

    def approach(self, now: float) -> None:
        """Go on to where they are to be."""
        if self._lead.wanted != self._soonest:
            self._lead.set(self._soonest, now, at_once=False)
        for each in (*self._own.values(), self._lead):
            each.approach(now)

    @property
    def deadline(self) -> float:
        """The time for the next step of the way there, infinity if it is over."""
        return min(each.deadline for each in (*self._own.values(), self._lead))

    @property
    def _soonest(self) -> float:
        return min(self._own[name].wanted for name in self._heard)


def within(seconds: float) -> float:
    """Return `seconds` within OFFSET_MS."""
    low, high = OFFSET_MS
    return max(low, min(high, 1000.0 * seconds)) / 1000.0
