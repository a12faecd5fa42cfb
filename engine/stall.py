"""When the process was stopped or the machine slept in the middle of the music, and what was late for it."""


class Stalls:
    """The music goes on from where it stood: what is first to be struck then is late by all of the stall.

    Times are seconds of one clock.
    """

    def __init__(self) -> None:
        self.kept: list[tuple[float, float]] = []  # (when it went on, by how many seconds it was moved)
        self._told = 0
        self._owed = 0.0  # seconds by which the next note will have been late
        self._late = (0, 0.0)  # the tick of the last such note, and its seconds

    def stood(self, now: float, seconds: float) -> None:
        """Take in that the music goes on at `now`, moved by `seconds`."""
        self.kept.append((now, seconds))
        self._owed += seconds

    def begin(self) -> None:
        """Take in that the music begins anew: nobody waits for what stood before."""
        self._owed, self._late = 0.0, (0, 0.0)

    def due(self, tick: int, moved: float) -> float:
        """Return when a note on `tick` was due, whose time is `moved` as the music has been moved."""
        if self._owed:
            self._late, self._owed = (tick, self._owed), 0.0
        late, seconds = self._late
        return moved - seconds if tick == late else moved

    def news(self) -> str:
        """Return a line for the performer about stalls not told yet, "" if there are none."""
        new = self.kept[self._told :]
        self._told = len(self.kept)
        return f"the machine stood still for {sum(seconds for _, seconds in new):.1f} s" if new else ""
