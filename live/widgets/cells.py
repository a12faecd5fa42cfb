"""Text as the cells of a terminal: a letter takes one of them or two, an accent none."""

from functools import lru_cache
from unicodedata import category, normalize

from rich.cells import cell_len

UNSEEN = ("Cc", "Cf", "Zl", "Zp")  # controls, joiners, separators: they move what follows
SELECTORS = range(0xFE00, 0xFE10)  # of a letter's form, on which terminals do not agree
LOST = "\ufffd"  # for a byte of a file's name that is no character


def plain(text: str) -> str:
    """Return `text` in one line without what would move or hide other text on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    kept = []
    for character in normalize("NFC", text):
        kind = category(character)
        if kind == "Cs":
            kept.append(LOST)
        elif character.isspace():
            kept.append(" ")
        elif kind not in UNSEEN and ord(character) not in SELECTORS:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=1024)
def letters(text: str) -> tuple[tuple[str, int], ...]:
    """Return each letter of `text` with its marks, and how many cells it takes, 1 or 2."""
    found: list[tuple[str, int]] = []
    for character in plain(text):
        width = cell_len(character)
        if width:
            found.append((character, width))
        elif found:  # an accent; one without a letter is left out
            letter, taken = found[-1]
            found[-1] = (letter + character, taken)
    return tuple(found)


def width(text: str) -> int:
    """Return how many cells `text` takes."""
    return sum(taken for _, taken in letters(text))


def shorten(text: str, room: int) -> str:
    """Return `text` cut to `room` cells, its last one "…" where something was cut."""
    if width(text) <= room:
        return plain(text)
    kept, free = "", room - 1
    for letter, taken in letters(text):
        if taken > free:
            break
        kept, free = kept + letter, free - taken
    return kept + "…" if room > 0 else ""
