"""The request that is out at the composer, one at a time, and how long replies take."""

from collections import deque
from statistics import median

from engine.request import BarReply, BarRequest

LEAD = 0.012  # seconds allowed at least for a bar ahead: a small int8 decoder on an idle core
LEAD_CAP = 10.0  # seconds; a composer that takes longer is as good as gone
PACE_MEMORY = 8  # replies whose slowest sets the lead


class Pending:
    """Waits for one reply; times are seconds of one clock."""

    def __init__(self) -> None:
        self.request: BarRequest | None = None  # the one that is out
        self.origin = 0  # the edition of the bar before the one that it asks for
        self._since = 0.0  # when it went
        self._pace: deque[float] = deque([LEAD / 2], maxlen=PACE_MEMORY)  # seconds that replies took

    def begin(self, request: BarRequest, origin: int, now: float) -> None:
        """Wait for the reply to `request`, which goes out now, for a bar that goes on from `origin`."""
        self.request, self.origin, self._since = request, origin, now

    def answered(self, reply: BarReply, now: float) -> BarRequest | None:
        """Return the request that `reply` answers, which is out no more; None if it answers another."""
        request = self.request
        if request is None:
            return None  # asked by a state of things that is gone: before a stop, or of a composer that died
        key = (request.number, request.revision, request.from_step)
        if key != (reply.number, reply.revision, reply.from_step):
            return None
        self.request = None
        self._pace.append(now - self._since)
        return request

    def forget(self) -> None:
        """Give up waiting for the reply that is out: its composer died, or the music was stopped."""
        self.request = None

    def overdue(self, now: float) -> bool:
        """Return whether the reply that is out takes longer than any composer that lives."""
        return self.request is not None and now - self._since > LEAD_CAP

    def excuse(self, now: float) -> None:
        """Count the wait for the reply that is out from `now` on: the time before stood still."""
        self._since = now

    @property
    def lead(self) -> float:
        """Seconds to allow for a bar ahead: what the slowest of the last few took, and half of that again."""
        return min(LEAD_CAP, max(LEAD, 1.5 * max(self._pace)))

    @property
    def reach(self) -> float:
        """Seconds in which a reply is likely there.

        A step that a reply misses for being late would have been missed by not being asked for as well, so
        a turned knob goes by what the middle one of the last few took.
        """
        return min(LEAD_CAP, median(self._pace))
