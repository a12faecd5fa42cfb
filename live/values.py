"""Values on the command line: each reader says what it found and what is allowed."""

import argparse
from collections.abc import Callable

from engine.messages import SWING_PERCENT, SYNCS
from engine.midi import APIS


def number(name: str, low: float, high: float) -> Callable[[str], float]:
    """Return a reader of numbers from `low` to `high`."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{name} is {text}, allowed: a number from {low:g} to {high:g}")
        return value

    return read


def whole(name: str, low: int, high: int | None = None) -> Callable[[str], int]:
    """Return a reader of whole numbers from `low`, to `high` where there is one."""
    most, allowed = (2**63 - 1, "") if high is None else (high, f" to {high}")

    def read(text: str) -> int:
        digits = text.lstrip("0")[: len(str(most)) + 1] or "0"  # Python reads no number of 5000 digits
        if not text.isascii() or not text.isdigit() or not low <= int(digits) <= most:
            raise argparse.ArgumentTypeError(f"{name} is {text}, allowed: a whole number from {low}{allowed}")
        return int(digits)

    return read


def swing(text: str) -> float:
    """Return the parameter "swing", 0 to 1, that a percentage names."""
    even, most = SWING_PERCENT
    return (number("swing", even, most)(text) - even) / (most - even)


def sync(text: str) -> str:
    """Return the one of SYNCS that `text` names, in any case."""
    if text.lower() in SYNCS:
        return text.lower()
    raise argparse.ArgumentTypeError(f"sync is {text}, allowed: {', '.join(SYNCS)}")


def api_name(text: str) -> str:
    """Return the MIDI system that `text` names, in any case."""
    for name in APIS:
        if name.lower() == text.lower():
            return name
    raise argparse.ArgumentTypeError(f"api is {text}, allowed: {', '.join(APIS)}")
