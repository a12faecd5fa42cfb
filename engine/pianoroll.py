"""Piano rolls: which of 88 keys are down at each step of a bar, and the notes that this makes."""

from collections.abc import Iterator, Sequence

from engine.bar import TICKS_PER_BAR, Note
from engine.dynamics import accent_of

KEYS = 88  # of a piano, each a column of a roll: 1 while it is down, 0 while it is up
LOWEST = 21  # the pitch of the first column, A0


def read(
    voice: int, columns: Sequence[Sequence[int]], accents: tuple[float, ...], lean: float
) -> tuple[list[Note], list[Note]]:
    """Return the notes of `columns` (KEYS, steps) that begin within the bar, and those down as it begins.

    A key that stays down is one note. `accents` and `lean` are those of the voice.
    """
    notes: list[Note] = []
    tied: list[Note] = []
    for key, column in enumerate(columns):
        ticks = TICKS_PER_BAR // len(column)
        for start, end in _runs(column):
            tick, duration = start * ticks, (end - start) * ticks
            velocity = accent_of(accents, tick, duration, lean)
            (notes if start else tied).append(Note(tick, voice, LOWEST + key, duration, velocity))
    return notes, tied


def write(notes: Sequence[Note], steps: int) -> list[list[int]]:
    """Return the columns (KEYS, steps) in which `notes` are down."""
    columns, ticks = [[0] * steps for _ in range(KEYS)], TICKS_PER_BAR // steps
    for note in notes:
        for step in range(note.tick // ticks, (note.tick + note.duration) // ticks):
            columns[note.pitch - LOWEST][step] = 1
    return columns


def _runs(column: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first step, step after the last) of each time that a key is held down."""
    cells = bytes(column)  # searched by C: a bar has thousands, and the player waits for it
    start = cells.find(1)
    while start >= 0:
        up = cells.find(0, start)
        end = up if up >= 0 else len(cells)
        yield start, end
        start = cells.find(1, end)
