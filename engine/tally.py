"""Times of any number in a memory that does not grow: how many there were of each length."""

from array import array

WIDTH = 1e-4  # seconds; each time is counted as the nearest multiple of it
BINS = 65_536  # the last one takes everything longer: 6.5 seconds


class Tally:
    """Counts times, in seconds."""

    def __init__(self) -> None:
        self.counts = array("I", bytes(4 * BINS))
        self.worst = 0.0  # exactly

    def add(self, seconds: float) -> None:
        """Count a time, not negative."""
        self.counts[_place(seconds)] += 1
        self.worst = max(self.worst, seconds)

    def tobytes(self) -> bytes:
        """Return the counts up to that of the longest, uint32."""
        return self.counts[: _place(self.worst) + 1].tobytes()


def _place(seconds: float) -> int:
    return min(BINS - 1, round(seconds / WIDTH))
