"""Tap tempo."""

from dataclasses import dataclass, field
from itertools import combinations, pairwise
from statistics import median

from engine.messages import BPM_RANGE

PAUSE = 1.25 * 60.0 / BPM_RANGE[0]  # seconds after which a tap starts anew: the slowest tempo can be tapped
BOUNCE = 0.05  # seconds within which a second tap is the same one, or a key that repeats itself
LOST = 2.5  # beats after which it starts anew once the beat is known: one tap left out, not two
TAPS = 8  # the newest taps that count
STRAY = 0.25  # share of a beat by which a tap may miss the beat and still be meant for it


@dataclass(slots=True)
class Taps:
    """The moments of the last taps, in seconds."""

    moments: list[float] = field(default_factory=list)
    _last: float = float("-inf")  # any tap, those that do not count as well

    def tap(self, moment: float) -> float | None:
        """Add a tap and return the beats a minute that the taps say, None where this one says nothing new.

        That is the first one, one on the heels of another, and one off the beat. Where a tap was left out the
        beat goes on. Two intervals in a row that are alike and not the beat so far are a new tempo.
        """
        since, self._last = moment - self._last, moment
        if since < BOUNCE:
            return None
        gaps = [after - before for before, after in pairwise(self.moments)]
        pause = min(PAUSE, LOST * median(gaps)) if len(gaps) > 1 else PAUSE
        if self.moments and moment - self.moments[-1] > pause:
            self.moments.clear()
        self.moments = [*self.moments, moment][-TAPS:]
        gaps = [after - before for before, after in pairwise(self.moments)]
        if len(gaps) > 2:
            beat = median(gaps[:-2])
            if _apart(gaps[-1], beat) and _apart(gaps[-2], beat) and not _apart(gaps[-1], gaps[-2]):
                self.moments, gaps = self.moments[-3:], gaps[-2:]
        if not gaps:
            return None
        beat = median(gaps)
        beats = gaps[-1] / beat
        if len(gaps) > 2 and abs(beats - max(1, round(beats))) > STRAY:
            return None
        return min(BPM_RANGE[1], max(BPM_RANGE[0], round(60.0 / self._beat(gaps, beat), 1)))

    def _beat(self, gaps: list[float], beat: float) -> float:
        """Return the seconds of a beat, near `beat`: the median slope between any two taps (Theil and Sen).

        Unlike a mean or a line of least squares it does not care about the odd tap that went astray.
        """
        counts = [0]
        for gap in gaps:
            counts.append(counts[-1] + max(1, round(gap / beat)))
        taps = zip(self.moments, counts, strict=True)
        return median((b[0] - a[0]) / (b[1] - a[1]) for a, b in combinations(taps, 2))


def _apart(gap: float, beat: float) -> bool:
    """Return whether two intervals differ too much to be the same beat."""
    return abs(gap - beat) > STRAY * beat
