"""What the player says about itself: notices, lateness, and when the next snapshot may go."""

from collections import deque

INTERVAL = 1 / 30  # seconds between snapshots
NOTICES = 20
# A snapshot takes a millisecond to pickle, four on a busy machine: it waits for a gap this long between
# notes, but not for ever. Clock pulses leave one at every tempo.
GAP = 0.005
PATIENCE = 0.1


class Report:
    """Counts and times what the screen shows.

    A snapshot goes only on credit: one at first, then one for each acknowledged, so that a slow screen
    never fills the pipe and blocks the player.
    """

    def __init__(self, now: float) -> None:
        self._credit = 1
        self._next = now
        self._notices: deque[str] = deque(maxlen=NOTICES)
        self._second = 0
        self._worst = [0.0, 0.0]  # of the second before and of this one

    def acknowledge(self) -> None:
        """Allow one more snapshot."""
        self._credit = 1

    def notice(self, text: str) -> None:
        """Add a line for the performer, unless it is the newest already."""
        if text and (not self._notices or self._notices[-1] != text):
            self._notices.append(text)

    @property
    def notices(self) -> tuple[str, ...]:
        """The lines for the performer, newest last."""
        return tuple(self._notices)

    def late(self, now: float, seconds: float) -> None:
        """Count a message that went out at `now`, `seconds` after its time."""
        self._turn(now)
        self._worst[1] = max(self._worst[1], seconds)

    def lateness_ms(self, now: float) -> float:
        """Return the worst lateness of the last second or so, in milliseconds."""
        self._turn(now)
        return 1000.0 * max(self._worst)

    def _turn(self, now: float) -> None:
        if int(now) != self._second:
            self._worst = [self._worst[1] if int(now) == self._second + 1 else 0.0, 0.0]
            self._second = int(now)

    def due(self, now: float, next_deadline: float) -> bool:
        """Return whether a snapshot should go now, the next note being due at `next_deadline`."""
        if not self._credit or now < self._next:
            return False
        return next_deadline - now > GAP or now > self._next + PATIENCE

    def wake(self, now: float) -> float:
        """Return when `due` should be asked again, in seconds of the clock."""
        if not self._credit:
            return now + 1.0
        return self._next if self._next > now else now + GAP

    def sent(self, now: float) -> None:
        """Note that a snapshot went at `now`."""
        self._credit = 0
        self._next = now + INTERVAL
