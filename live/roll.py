"""The arithmetic behind the piano roll: where a voice's notes lie, and how loud it is now."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.bar import PPQN, TICKS_PER_BAR, TICKS_PER_STEP
from engine.codec import DRUM_CLASS_OF_PITCH
from engine.snapshot import RollNote

PLAYHEAD = 1 / 3  # of the width lies in the past
FADE = PPQN  # ticks over which the meter falls after a note began


@dataclass(frozen=True, slots=True)
class Block:
    """A note on the lane: its columns, from `left` to before `right`, and its half row from the top."""

    left: int
    right: int
    row: int
    sounding: bool
    tied: bool  # it began before the first column shown, or goes on from the note before it


def ticks_per_column(width: int) -> int:
    """Return the ticks that a column stands for: about four bars on a wide lane, two on a narrow one."""
    return TICKS_PER_STEP // 2 if width >= 72 else TICKS_PER_STEP


def first_column(tick: int, width: int) -> int:
    """Return the number, since tick 0, of the lane's first column, which keeps `tick` at the playhead."""
    return tick // ticks_per_column(width) - int(width * PLAYHEAD)


def compass(pitches: Iterable[int], rows: int, previous: tuple[int, int] | None) -> tuple[int, int]:
    """Return the lowest and highest pitch that the lane shows on `rows` half rows.

    It keeps `previous` while every pitch fits and is not lost in it, so that the picture does not jump.
    """
    found = list(pitches)
    if not found:
        return previous or (60, 60 + rows - 1)
    low, high = min(found), max(found)
    if previous and previous[0] <= low and high <= previous[1]:
        needed = max(high - low + 1, rows)
        if previous[1] - previous[0] + 1 <= needed * 2:
            return previous
    spare = max(0, rows - (high - low + 1))
    return low - spare // 2, high + spare - spare // 2


def melody_row(pitch: int, span: tuple[int, int], rows: int) -> int:
    """Return the half row of `pitch` from the top."""
    low, high = span
    return min(rows - 1, max(0, (high - pitch) * rows // (high - low + 1)))


def drum_row(pitch: int, kit: tuple[int, ...], rows: int) -> int:
    """Return the half row of a drum, cymbals on top and the kick below; `kit` holds the classes to show."""
    place = kit.index(DRUM_CLASS_OF_PITCH.get(pitch, 0))
    return rows - 1 - (2 * place + 1) * rows // (2 * len(kit))


def kit_of(pitches: Iterable[int], previous: tuple[int, ...]) -> tuple[int, ...]:
    """Return the drum classes struck so far, the kick first; a class seen once keeps its lane."""
    return tuple(sorted({*previous, *(DRUM_CLASS_OF_PITCH.get(pitch, 0) for pitch in pitches)}))


def blocks(notes: Iterable[RollNote], tick: int, width: int, row_of: Callable[[int], int]) -> list[Block]:
    """Return the blocks of one voice's `notes` on a lane of `width` columns; `row_of` places a pitch."""
    per, first = ticks_per_column(width), first_column(tick, width)
    notes = tuple(notes)
    found, ends = [], _ends(notes)
    for note in notes:
        left, right = note.tick // per - first, -(-(note.tick + note.duration) // per) - first
        if right <= 0 or left >= width:
            continue
        sounding = note.tick <= tick < note.tick + note.duration
        row, end = row_of(note.pitch), min(width, max(right, left + 1))
        tied = left < 0 or (note.tied and (note.pitch, note.tick) in ends)
        found.append(Block(max(0, left), end, row, sounding, tied))
    return found


def peaks(bars: Mapping[int, Sequence[float]], tick: int, width: int) -> list[float | None]:
    """Return the largest figure of the steps in each column of a lane, None where nothing is known.

    `bars` has a figure for each step of the bars that are known, on any grid.
    """
    per, first = ticks_per_column(width), first_column(tick, width)
    found: list[float | None] = []
    for column in range(first, first + width):
        bar, start = divmod(column * per, TICKS_PER_BAR)
        steps = bars.get(bar, ())
        low, high = (at * len(steps) // TICKS_PER_BAR for at in (start, start + per - 1))
        found.append(max(steps[low : high + 1]) if steps else None)
    return found


def _ends(notes: tuple[RollNote, ...]) -> set[tuple[int, int]]:
    """Return (pitch, tick) where notes end, if any of them may go on from another."""
    return {(n.pitch, n.tick + n.duration) for n in notes} if any(n.tied for n in notes) else set()


def level(notes: Iterable[RollNote], tick: int) -> float:
    """Return how active a voice is at `tick`, 0 to 1: the newest strokes, falling off over a beat."""
    notes = tuple(notes)
    loudest, ends = 0.0, _ends(notes)
    for note in notes:
        age = tick - note.tick
        if age >= 0 and note.tied and (note.pitch, note.tick) in ends:
            age = max(age, FADE)  # it began before its bar
        if 0 <= age < FADE:
            loudest = max(loudest, note.velocity / 127 * (1 - age / FADE))
        elif age >= FADE and tick < note.tick + note.duration:
            loudest = max(loudest, 0.12)
    return loudest
