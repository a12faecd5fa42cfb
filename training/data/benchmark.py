"""The polyphonic benchmark of Boulanger-Lewandowski et al. (2012): JSON files of rolls with their splits.

A file holds, under "train", "valid" and "test", pieces as lists of steps, each a list of the MIDI pitches
that sound. In the chorales by voice a -1 stands for a voice that rests.
"""

import json

import numpy as np
from numpy.typing import NDArray

from engine.pianoroll import KEYS, LOWEST
from training.data.midi import UnusableError
from training.data.songs import SPLITS, Piece, Remark

SUFFIX = ".json"
REST = -1
LIMIT = 16 << 20  # bytes; the largest has five million


def read(data: bytes) -> tuple[list[Piece], list[Remark]]:
    """Return a benchmark's pieces, each in its own split. UnusableError: something else than such a file."""
    try:
        splits = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnusableError("broken", f"{type(error).__name__}: {error}"[:200]) from error
    if not isinstance(splits, dict) or set(splits) != set(SPLITS):
        raise UnusableError("not a benchmark", f"expected {', '.join(SPLITS)} and nothing else")
    pieces = [
        Piece(roll, label=f"{split} {number}", split=split)
        for split in SPLITS
        for number, steps in enumerate(_list(splits[split], split))
        if len(roll := _roll(steps, f"{split} {number}"))
    ]
    if not pieces:
        raise UnusableError("empty", "it has no step at all")
    return pieces, []


def _roll(steps: object, where: str) -> NDArray[np.uint8]:
    found = _list(steps, where)
    roll = np.zeros((len(found), KEYS), np.uint8)
    for row, sounding in zip(roll, found, strict=True):
        for pitch in _list(sounding, where):
            if type(pitch) is not int or not (pitch == REST or LOWEST <= pitch < LOWEST + KEYS):
                most = LOWEST + KEYS - 1
                raise UnusableError(
                    "not a benchmark", f"{where}: {pitch!r}, expected {LOWEST} to {most}"[:200]
                )
            if pitch != REST:
                row[pitch - LOWEST] = 1
    return roll


def _list(value: object, where: str) -> list[object]:
    if not isinstance(value, list):
        raise UnusableError("not a benchmark", f"{where}: {type(value).__name__}, expected a list")
    return value
