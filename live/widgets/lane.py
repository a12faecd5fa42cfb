"""One voice's lane of the piano roll: what sounded, sounds and comes, scrolling past a fixed playhead."""

from collections.abc import Callable

from engine.bar import PPQN, TICKS_PER_BAR
from engine.snapshot import RollNote
from live.roll import PLAYHEAD, blocks, compass, drum_row, first_column, kit_of, melody_row, ticks_per_column
from live.theme import BACKGROUND, BAR_LINE, BEAT_LINE, LANE, MUTED, TEXT, blend, voice_colour
from live.widgets.paint import Canvas, Painted


class Lane(Painted):
    """The notes of one voice; half blocks give two pitches a row."""

    def __init__(self, voice: int, drums: bool) -> None:
        super().__init__(id=f"lane-{voice}", classes="lane")
        self._voice = voice
        self._drums = drums
        self._notes: tuple[RollNote, ...] = ()
        self._tick = 0
        self._muted = False
        self._span: tuple[int, int] | None = None  # lowest and highest pitch shown
        self._kit: tuple[int, ...] = ()  # drum classes shown
        self._shown: object = None

    def show(self, notes: tuple[RollNote, ...], tick: int, muted: bool) -> None:
        """Take the voice's notes and the moment; paints again only when a column or a note changes."""
        self._notes, self._tick, self._muted = notes, tick, muted
        sounding = tuple(n for n in notes if n.tick <= tick < n.tick + n.duration)
        shown = (first_column(tick, max(1, self.size.width)), notes, sounding, muted)
        if shown != self._shown:
            self._shown = shown
            self.repaint()

    def paint(self, canvas: Canvas) -> None:
        """Draw the grid, the notes and the playhead."""
        width, half_rows = canvas.width, canvas.height * 2
        if not width or not half_rows:
            return
        row_of = self._rows(half_rows)
        head = int(width * PLAYHEAD)
        behind = [ground(self._tick, width, column) for column in range(width)]
        cells = [list(behind) for _ in range(half_rows)]
        base = MUTED if self._muted else voice_colour(self._voice)
        for block in blocks(self._notes, self._tick, width, row_of):
            # past notes sink back, those to come stand a little behind those that sound
            past = block.right <= head
            shade = (
                TEXT
                if block.sounding and not self._muted
                else blend(base, BACKGROUND, 0.55 if past else 0.12)
            )
            tail = blend(base, BACKGROUND, 0.0 if block.sounding else 0.7 if past else 0.38)
            for column in range(block.left, block.right):
                struck = column == block.left and not block.tied
                cells[block.row][column] = shade if struck else tail
        for row in range(canvas.height):
            upper, lower = cells[2 * row], cells[2 * row + 1]
            canvas.rows[row] = [
                (" ", a, a, False) if a == b else ("▀", a, b, False)
                for a, b in zip(upper, lower, strict=True)
            ]

    def _rows(self, half_rows: int) -> Callable[[int], int]:
        pitches = [note.pitch for note in self._notes]
        if self._drums:
            kit = self._kit = kit_of(pitches, self._kit)
            return lambda pitch: drum_row(pitch, kit, half_rows)
        span = self._span = compass(pitches, half_rows, self._span)
        return lambda pitch: melody_row(pitch, span, half_rows)


def ground(tick: int, width: int, column: int) -> str:
    """Return the colour behind `column` of a lane of `width` at `tick`: bar lines, beats, the playhead."""
    at = (first_column(tick, width) + column) * ticks_per_column(width)
    behind = BAR_LINE if at % TICKS_PER_BAR == 0 else BEAT_LINE if at % PPQN == 0 else LANE
    return blend(behind, TEXT, 0.35) if column == int(width * PLAYHEAD) else behind
