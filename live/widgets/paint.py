"""A canvas of cells, and the widget that shows one."""

from dataclasses import dataclass, field
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from live.theme import BACKGROUND, TEXT
from live.widgets.cells import letters, shorten, width

# Letter, colour, colour behind, bold; the letter of the cell after one that takes two is "".
Cell = tuple[str, str, str, bool]


@lru_cache(maxsize=4096)
def style(colour: str, behind: str, bold: bool) -> Style:
    """Return the rich style of a cell."""
    return Style(color=colour, bgcolor=behind, bold=bold)


@dataclass(slots=True)
class Canvas:
    """`width` by `height` cells; what is written beyond an edge is left out."""

    width: int
    height: int
    behind: str = BACKGROUND
    rows: list[list[Cell]] = field(init=False)

    def __post_init__(self) -> None:
        """Start with every cell empty."""
        self.rows = [[(" ", TEXT, self.behind, False)] * self.width for _ in range(self.height)]

    def put(self, x: int, y: int, character: str, colour: str, behind: str | None = None) -> None:
        """Write one character that takes one cell; `behind` of None keeps what is behind it."""
        if 0 <= x < self.width and 0 <= y < self.height:
            self._write(self.rows[y], x, character, (colour, behind, False))

    def text(
        self, x: int, y: int, text: str, colour: str = TEXT, *, bold: bool = False, behind: str | None = None
    ) -> int:
        """Write `text` from `x` on and return the column after it; half a letter at an edge is a space."""
        for letter, taken in letters(text):
            if 0 <= y < self.height:
                whole = x >= 0 and x + taken <= self.width
                shown = (letter, "")[:taken] if whole else "  "
                for column in range(max(0, x), min(self.width, x + taken)):
                    self._write(self.rows[y], column, shown[column - x], (colour, behind, bold))
            x += taken
        return x

    def _write(self, row: list[Cell], x: int, letter: str, look: tuple[str, str | None, bool]) -> None:
        """Write one cell; of a letter that loses its other half to it a space is left."""
        if letter and not row[x][0]:
            row[x - 1] = (" ", *row[x - 1][1:])
        if x + 1 < self.width and not row[x + 1][0]:
            row[x + 1] = (" ", *row[x + 1][1:])
        colour, behind, bold = look
        row[x] = (letter, colour, row[x][2] if behind is None else behind, bold)

    def centre(
        self, y: int, text: str, colour: str = TEXT, *, bold: bool = False, behind: str | None = None
    ) -> None:
        """Write `text` in the middle of row `y`, cut to the width."""
        cut = shorten(text, self.width)
        self.text((self.width - width(cut)) // 2, y, cut, colour, bold=bold, behind=behind)

    def strips(self) -> list[Strip]:
        """Return one Strip a row, neighbouring cells of one style joined."""
        return [Strip(_segments(row), self.width) for row in self.rows]


class Painted(Widget):
    """A widget that paints a Canvas when it is marked stale, and serves its lines until then."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] | None = None

    def paint(self, canvas: Canvas) -> None:
        """Draw the widget; each kind draws its own."""

    def repaint(self) -> None:
        """Mark the widget stale: it is painted again with the next frame."""
        self._strips = None
        self.refresh()

    def notify_style_update(self) -> None:
        """Paint again after the focus or the theme changed."""
        super().notify_style_update()
        self._strips = None

    def render_line(self, y: int) -> Strip:
        """Return line `y` for Textual's compositor."""
        width, height = self.size
        if (
            self._strips is None
            or len(self._strips) != height
            or (height and self._strips[0].cell_length != width)
        ):
            canvas = Canvas(width, height)
            self.paint(canvas)
            self._strips = canvas.strips()
        return self._strips[y] if y < len(self._strips) else Strip.blank(width)


def _segments(row: list[Cell]) -> list[Segment]:
    segments: list[Segment] = []
    run: list[str] = []
    look: tuple[str, str, bool] | None = None
    for character, colour, behind, bold in row:
        cell = (colour, behind, bold)
        if look is not None and cell != look:
            segments.append(Segment("".join(run), style(*look)))
            run = []
        look = cell
        run.append(character)
    if look is not None:
        segments.append(Segment("".join(run), style(*look)))
    return segments
