"""A canvas of character cells, and the widget that shows one."""

from dataclasses import dataclass, field
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from live.theme import BACKGROUND, TEXT

Cell = tuple[str, str, str, bool]  # character, colour, colour behind, bold


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
        """Write one character; `behind` of None keeps what is behind it."""
        if 0 <= x < self.width and 0 <= y < self.height:
            cell = self.rows[y][x]
            self.rows[y][x] = (character, colour, cell[2] if behind is None else behind, False)

    def text(
        self, x: int, y: int, text: str, colour: str = TEXT, *, bold: bool = False, behind: str | None = None
    ) -> int:
        """Write `text` from `x` on and return the column after it."""
        if 0 <= y < self.height:
            row = self.rows[y]
            for offset, character in enumerate(text):
                if 0 <= x + offset < self.width:
                    kept = row[x + offset][2] if behind is None else behind
                    row[x + offset] = (character, colour, kept, bold)
        return x + len(text)

    def centre(
        self, y: int, text: str, colour: str = TEXT, *, bold: bool = False, behind: str | None = None
    ) -> None:
        """Write `text` in the middle of row `y`, cut to the width."""
        cut = shorten(text, self.width)
        self.text((self.width - len(cut)) // 2, y, cut, colour, bold=bold, behind=behind)

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


def shorten(text: str, width: int) -> str:
    """Return `text` cut to `width` cells, its last one "…" where something was cut."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


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
