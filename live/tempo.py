"""Tap tempo."""

from dataclasses import dataclass, field

from engine.messages import BPM_RANGE

PAUSE = 2.0  # seconds after which a tap starts anew
TAPS = 8  # the newest taps that count


@dataclass(slots=True)
class Taps:
    """The moments of the last taps, in seconds."""

    moments: list[float] = field(default_factory=list)

    def tap(self, moment: float) -> float | None:
        """Add a tap and return the beats per minute of the taps so far, None after the first."""
        if self.moments and moment - self.moments[-1] > PAUSE:
            self.moments.clear()
        self.moments = [*self.moments, moment][-TAPS:]
        span = self.moments[-1] - self.moments[0]
        if len(self.moments) < 2 or span <= 0.0:
            return None
        return min(BPM_RANGE[1], max(BPM_RANGE[0], round(60.0 * (len(self.moments) - 1) / span, 1)))
