"""What there is to choose from, as a terminal shows it: presets, and the MIDI ports of other programs."""

from collections.abc import Iterator, Sequence
from unicodedata import category, east_asian_width

from engine.shelf import PresetInfo


def presets(found: Sequence[PresetInfo]) -> Iterator[str]:
    """Yield the lines of `found` in columns, each preset with what it is or what is wrong with it below."""
    names = [_line(info.name) for info in found]
    titles = ["(cannot be played)" if info.error else _line(info.title) for info in found]
    name_room, title_room = (max(map(_cells, column), default=0) for column in (names, titles))
    for info, name, title in zip(found, names, titles, strict=True):
        yield f"{_filled(name, name_room)}  {_filled(title, title_room)}  {info.source:<8} {info.folder}"
        below = info.error or _line(info.description)
        if below:
            yield f"{'':<{name_room}}  {below}"


def ports(found: Sequence[tuple[str, str, bool]]) -> Iterator[str]:
    """Yield the lines of `found`: the MIDI system of each port, its name, and whether it takes notes."""
    for api, name, takes in found:
        yield f"{api:<9} {'takes notes' if takes else 'sends':<12} {name}"
    if not found:
        yield "no MIDI port of another program; `live` makes its own, named live:PRESET"


def _line(text: str) -> str:
    """Return the text of a preset in one line, without what would move the cursor."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _cells(text: str) -> int:
    """Return how many cells of a terminal `text` takes; live/widgets/cells.py would load rich for it."""
    wide = sum(east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(category(letter) in {"Mn", "Me"} for letter in text)


def _filled(text: str, room: int) -> str:
    return text + " " * (room - _cells(text))
