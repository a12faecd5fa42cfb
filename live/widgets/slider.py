"""A horizontal slider with its ends named: the morph between A and B, temperature, swing and their like."""

from textual import events

from live.theme import ACCENT, BACKGROUND, DIM, LEARN, TEXT, TRACK
from live.widgets.control import Control
from live.widgets.paint import Canvas

# How many eighths of a cell are filled; the handle ends the filled part.
PARTS = " ▏▎▍▌▋▊▉"


class Slider(Control):
    """A parameter on a line; click or drag to the place.

    The number shown goes from `low` at its left end to `low` + `scale` at its right end.
    """

    def __init__(
        self,
        parameter: str,
        label: str,
        start: float,
        hint: str,
        *,
        ends: tuple[str, str],
        scale: float,
        low: float = 0.0,
        unit: str = "",
    ) -> None:
        super().__init__(parameter, label, start, hint)
        self._ends = ends
        self._scale = scale
        self._low = low
        self._unit = unit

    def grasp(self, event: events.MouseDown) -> None:
        """Jump to where the mouse went down."""
        self._go(event.x)

    def drag(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        self._go(event.x)

    def _go(self, column: int) -> None:
        left, width = self._track(self.size.width)
        self.move((column - left) / max(1, width - 1))

    def _track(self, width: int) -> tuple[int, int]:
        left = len(self._ends[0]) + 2
        return left, width - left - len(self._ends[1]) - 2

    def paint(self, canvas: Canvas) -> None:
        """Draw the name and value on one row and the line between its ends on the next."""
        colour = LEARN if self.learning else ACCENT
        value = f"{self._low + self.value * self._scale:.{2 if self._scale < 10 else 0}f}{self._unit}"
        name = self.label.upper()
        if len(name) + len(value) + 3 > canvas.width:  # of five sliders side by side
            name = f"{name[: max(0, canvas.width - len(value) - 4)]}…"
        if self.has_focus:
            canvas.text(0, 0, f" {name} ", BACKGROUND, bold=True, behind=colour)
        else:
            canvas.text(1, 0, name, LEARN if self.learning else TEXT, bold=True)
        canvas.text(canvas.width - len(value) - 1, 0, value, TEXT, bold=True)
        note, shade = self.controller(canvas.width // 2)
        if len(name) + len(note) + len(value) + 6 <= canvas.width:
            canvas.text(canvas.width - len(value) - len(note) - 3, 0, note, shade)
        for row in range(1, max(2, canvas.height - 1)):
            self._line(canvas, row, colour)

    def _line(self, canvas: Canvas, row: int, colour: str) -> None:
        left, width = self._track(canvas.width)
        if row == 1:
            near = self.value
            canvas.text(1, row, self._ends[0], TEXT if near < 0.5 else DIM, bold=near < 0.5)
            far = TEXT if near > 0.5 else DIM
            canvas.text(left + width + 1, row, self._ends[1], far, bold=near > 0.5)
        filled = round(self.value * width * 8)
        for cell in range(width):
            eighths = min(8, max(0, filled - cell * 8))
            if eighths == 8:
                canvas.put(left + cell, row, "█", colour)
            else:
                canvas.put(left + cell, row, PARTS[eighths], colour, TRACK)
        if self.waiting is not None:
            canvas.put(left + min(width - 1, int(self.waiting * width)), row, "┃", LEARN)
        if width > 0:
            handle = min(width - 1, int(self.value * width))
            canvas.put(left + handle, row, "█", TEXT)
