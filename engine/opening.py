"""The opening bars that a preset carries, so that it sounds at once while its model is still being loaded."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS, DRUM_CLASSES
from engine.hits import REACH
from engine.manifest import Manifest
from engine.request import Hits, Tokens

FILE = "opening.json"  # in a preset's folder
BARS = 8  # written unless asked otherwise: enough at any tempo for any machine to load a model


class OpeningError(Exception):
    """A file of opening bars that cannot be read or written; the message names it."""


@dataclass(frozen=True, slots=True)
class Opening:
    """The first bars under the state of things that `key` names; under any other they are not played.

    `hits` are how a feel plays the drums of each, where there is one.
    """

    key: str
    bars: tuple[Tokens, ...]
    hits: tuple[Hits, ...] = ()


def key(manifest: Manifest, z: bytes, temperature: float, seed: int, feel: str | None = None) -> str:
    """Return what the first bars depend on, as 32 hexadecimal digits.

    `z` is a latent's float32 bytes, `feel` what tells the weights of the feel from another's, None for none.
    """
    digest = hashlib.sha256(z)
    identity = [manifest.exported_with.get("weights", ""), manifest.weights, temperature, seed]
    identity += [] if feel is None else ["feel", feel]
    digest.update(json.dumps(identity).encode())
    return digest.hexdigest()[:32]


def read(folder: Path, manifest: Manifest) -> Opening | None:
    """Return the opening in a preset's `folder`, None if it has none.

    OpeningError: a file that is not what `live opening` writes for a model with this manifest.
    """
    file = folder / FILE
    if not file.exists():
        return None
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
        bars = tuple(_tokens(bar, manifest) for bar in raw["bars"])
        hits = tuple(_hits(bar) for bar in raw.get("hits", ()))
        if hits and len(hits) != len(bars):
            raise ValueError(f"expected the hits of {len(bars)} bars, found those of {len(hits)}")
        return Opening(str(raw["key"]), bars, hits)
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError) as error:
        again = "delete it, or write it anew with `live opening`"
        raise OpeningError(f"{file}: not the opening bars of this model: {error!r}; {again}") from error


def write(folder: Path, opening: Opening) -> Path:
    """Write `opening` into a preset's `folder` and return its file. OpeningError: it cannot be written."""
    file = folder / FILE
    text = f'{{"key": "{opening.key}", "bars": [\n{_lines(opening.bars)}\n]'
    if opening.hits:
        text += f', "hits": [\n{_lines(opening.hits)}\n]'
    try:
        file.write_text(f"{text}}}\n", encoding="utf-8")
    except OSError as error:
        raise OpeningError(f"{file}: cannot be written: {error.strerror}") from error
    return file


def _lines(bars: Iterable[Any]) -> str:
    return ",\n".join(json.dumps(bar, separators=(",", ":")) for bar in bars)


def _hits(bar: Iterable[Any]) -> Hits:
    """Return how a bar of the file is played. ValueError: it cannot be."""
    hits = tuple((int(step), int(drum), int(loud), int(lean)) for step, drum, loud, lean in bar)
    for step, drum, loud, lean in hits:
        right = step in range(STEPS_PER_BAR) and drum in range(len(DRUM_CLASSES))
        if not (right and 1 <= loud <= 127 and abs(lean) <= REACH):
            raise ValueError(f"{[step, drum, loud, lean]} is no hit")
    return hits


def _tokens(bar: Iterable[Any], manifest: Manifest) -> Tokens:
    """Return one bar of the file. ValueError: it is none of the model's."""
    tokens = tuple(tuple(int(token) for token in step) for step in bar)
    if len(tokens) != manifest.steps_per_bar:
        raise ValueError(f"expected bars of {manifest.steps_per_bar} steps, found {len(tokens)}")
    CODECS[manifest.codec].to_bar(tokens)
    return tokens
