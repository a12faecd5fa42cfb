"""Digits large enough to be read from across a stage: three columns by five half rows each."""

from live.widgets.paint import Canvas

# Five rows of three pixels each, top first, one octal digit a row.
FONT = {
    "0": "75557",
    "1": "26227",
    "2": "71747",
    "3": "71717",
    "4": "55711",
    "5": "74717",
    "6": "74757",
    "7": "71111",
    "8": "75757",
    "9": "75717",
    "-": "00700",
    ".": "00001",
}
HALVES = (" ", "▄", "▀", "█")  # by upper pixel * 2 + lower pixel


def draw(canvas: Canvas, x: int, y: int, text: str, colour: str) -> int:
    """Draw `text` on rows `y` to `y` + 2 from column `x` and return the column after it."""
    for character in text:
        rows = [int(digit) for digit in FONT[character]] + [0]
        narrow = character == "."
        for column in (2,) if narrow else range(3):
            bit = 1 << (2 - column)
            for row in range(3):
                upper, lower = rows[2 * row] & bit, rows[2 * row + 1] & bit
                glyph = HALVES[(2 if upper else 0) + (1 if lower else 0)]
                canvas.put(x + (0 if narrow else column), y + row, glyph, colour)
        x += 2 if narrow else 4
    return x


def width(text: str) -> int:
    """Return the columns that `text` takes."""
    return sum(2 if character == "." else 4 for character in text)
