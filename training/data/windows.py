"""Which windows of 16 bars, and which single bars, of each song are worth training on."""

from collections.abc import Sequence

from engine.codec import HOLD
from training.data.songs import Piece
from training.data.sounding import canonical, digest, sounding_windows, spread
from training.data.store import BARS

CAP = 256  # windows that one file gives: all but the longest give all they have
BARS_A_WINDOW = 1  # distinct bars that a file may give for each window: windows begin a bar apart

Place = tuple[int, int]  # which of a file's songs, and the (first) bar in that song


class Selector:
    """Chooses windows and bars file by file, remembering what it has taken so that nothing is twice.

    A file gives at most `cap_windows` windows and BARS_A_WINDOW times as many bars, over all its songs.
    """

    def __init__(self, cap_windows: int) -> None:
        self.cap_windows = cap_windows
        self._windows: set[bytes] = set()
        self._bars: set[tuple[str, bytes]] = set()

    def windows(self, pieces: Sequence[Piece]) -> list[Place]:
        """Return where the new, sounding windows of one file's songs begin, evenly spread if capped."""
        fresh: dict[bytes, Place] = {}
        for song, piece in enumerate(pieces):
            for first in sounding_windows(piece.rows, piece.voices.index(True)).tolist():
                key = digest(canonical(piece.rows[None, first : first + BARS]))
                if key not in self._windows:
                    fresh.setdefault(key, (song, first))
        keys = spread(list(fresh), self.cap_windows)
        self._windows.update(keys)
        return [fresh[key] for key in keys]

    def bars(self, pieces: Sequence[Piece], split: str) -> list[Place]:
        """Return the bars of one file's songs that sound and are new to its split, evenly spread if capped.

        In a bar that sounds something is struck or ends.
        """
        fresh: dict[tuple[str, bytes], Place] = {}
        for song, piece in enumerate(pieces):
            for bar, tokens in enumerate(piece.rows):
                key = (split, digest(tokens))
                sounds = ((tokens[:, :-1] >= 0) & (tokens[:, :-1] != HOLD)).any() or (tokens[:, -1] > 0).any()
                if sounds and key not in self._bars:
                    fresh.setdefault(key, (song, bar))
        keys = spread(list(fresh), self.cap_windows * BARS_A_WINDOW)
        self._bars.update(keys)
        return [fresh[key] for key in keys]
