"""A macro knob: an arc in braille dots with its value inside, its name above and its controller below."""

from functools import lru_cache
from math import atan2, degrees, hypot
from textwrap import wrap

from textual import events

from live.theme import ACCENT, BACKGROUND, DIM, LEARN, TEXT, TRACK
from live.widgets import digits
from live.widgets.cells import shorten
from live.widgets.control import FINE, Control
from live.widgets.paint import Canvas

SWEEP = 270.0  # degrees between fully left and fully right
# The bit of each dot in a braille cell, by row and column (Unicode block 2800).
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@lru_cache(maxsize=32)
def ring(columns: int, rows: int) -> tuple[tuple[int, int, int, float], ...]:
    """Return the dots of the arc that fills `columns` by `rows` cells, as (x, y, bit, share of the sweep)."""
    width, height = columns * 2, rows * 4
    radius = min((height - 1) / 1.72, (width - 1) / 2)  # the arc ends 45 degrees below its centre
    thickness = max(1.7, radius * 0.17)
    centre_x, centre_y = (width - 1) / 2, radius
    dots = []
    for y in range(height):
        for x in range(width):
            distance = hypot(x - centre_x, y - centre_y)
            if not radius - thickness <= distance <= radius + 0.35:
                continue
            angle = (degrees(atan2(centre_y - y, x - centre_x)) + 360.0) % 360.0
            share = ((225.0 - angle + 360.0) % 360.0) / SWEEP
            if share <= 1.0:
                dots.append((x // 2, y // 4, DOTS[y % 4][x % 2], share))
    return tuple(dots)


class Dial(Control):
    """A knob; drag it up or right to turn it up."""

    _grip = (0, 0, 0.0)  # where the mouse took hold, and the value there

    def grasp(self, event: events.MouseDown) -> None:
        """Remember where the mouse went down."""
        self._grip = (event.x, event.y, self.value)

    def drag(self, event: events.MouseMove) -> None:
        """Turn by the way the mouse went: a row is four columns' worth."""
        x, y, value = self._grip
        self.move(value + FINE * (event.x - x) - 4 * FINE * (event.y - y))

    def paint(self, canvas: Canvas) -> None:
        """Draw name, arc, value, controller, and the audible effect where there is room."""
        focused = self.has_focus
        colour = LEARN if self.learning else ACCENT
        name = shorten(self.label.upper(), canvas.width - 2)
        if focused:
            canvas.centre(0, f" {name} ", BACKGROUND, bold=True, behind=colour)
        else:
            canvas.centre(0, name, LEARN if self.learning else TEXT, bold=True)
        effect = wrap(self.hint, canvas.width - 2)[:2] if canvas.height >= 9 else []
        rows = canvas.height - 2 - (2 if canvas.height >= 9 else 0)
        self._arc(canvas, rows, colour)
        below, shade = self.controller(canvas.width)
        canvas.centre(rows + 1, below, shade, bold=self.learning)
        for line, text in enumerate(effect):
            canvas.centre(rows + 2 + line, text, DIM)

    def _arc(self, canvas: Canvas, rows: int, colour: str) -> None:
        columns = min(canvas.width, rows * 5 // 2 + 1)
        left = (canvas.width - columns) // 2
        lit: dict[tuple[int, int], int] = {}
        unlit: dict[tuple[int, int], int] = {}
        met: set[tuple[int, int]] = set()
        for x, y, bit, share in ring(columns, rows):
            side = lit if share <= self.value and self.value > 0.0 else unlit
            side[x, y] = side.get((x, y), 0) | bit
            if self.waiting is not None and abs(share - self.waiting) < 0.04:
                met.add((x, y))
        for place in lit.keys() | unlit.keys():
            bright, dark = lit.get(place, 0), unlit.get(place, 0)
            # a cell has one colour: where the arc ends inside it, the larger part decides
            wins = bright.bit_count() >= dark.bit_count()
            shade = LEARN if place in met else colour if wins else TRACK
            dots = bright if wins else bright | dark
            canvas.put(left + place[0], place[1] + 1, chr(0x2800 + dots), shade)
        value = f"{round(self.value * 100)}"
        if rows >= 6:
            digits.draw(canvas, (canvas.width - digits.width(value) + 2) // 2, rows // 2, value, TEXT)
            return
        column = (canvas.width - len(value) + (len(value) % 2 != canvas.width % 2)) // 2
        canvas.text(column, 1 + rows // 2, value, TEXT, bold=True)
