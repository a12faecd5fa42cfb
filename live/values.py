"""Values on the command line: each reader says what it found and what is allowed."""

import argparse
from collections.abc import Callable

APIS = ("ALSA", "JACK", "CoreMIDI", "WinMM")


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


def whole(name: str, low: int) -> Callable[[str], int]:
    """Return a reader of whole numbers from `low`."""

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) < 2**63:
            raise argparse.ArgumentTypeError(f"{name} is {text}, allowed: a whole number from {low}")
        return int(text)

    return read


def api_name(text: str) -> str:
    """Return the MIDI system that `text` names, in any case."""
    for name in APIS:
        if name.lower() == text.lower():
            return name
    raise argparse.ArgumentTypeError(f"api is {text}, allowed: {', '.join(APIS)}")
