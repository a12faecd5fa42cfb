"""The manifest's place inside a model file, read without torch, and what its fields may hold."""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ENTRY = "manifest.json"  # under `extra/` inside the archive
LIMIT = 16 << 20  # bytes of it, many times what the largest model here has
MOST = 2**31  # no whole number of a manifest is that large
_CALLED = {
    str: "text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class ManifestError(Exception):
    """A model file that this engine cannot play; the message names file, field, found and expected."""


def text_in(path: Path) -> str:
    """Return the text of the manifest in the file at `path`; ManifestError where there is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            entry = next((n for n in archive.namelist() if n.endswith(f"/extra/{ENTRY}")), None)
            if entry is None:
                raise ManifestError(f"{path}: no {ENTRY} inside; export the model with `live-train export`")
            with archive.open(entry) as packed:
                text = packed.read(LIMIT + 1)
        if len(text) > LIMIT:
            raise ManifestError(f"{path}: {ENTRY} has more than {LIMIT >> 20} MiB")
        return text.decode()
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not a readable model file: {error}") from error
    except (RuntimeError, NotImplementedError) as error:  # encrypted, or packed in a way zipfile lacks
        raise ManifestError(f"{path}: not a readable model file: {error}") from error


def unpacked(text: str, file: str) -> dict[str, Any]:
    """Return the fields of the manifest that `text` spells, whatever they are; ManifestError: it is none."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{file}: {ENTRY} is no JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ManifestError(f"{file}: {ENTRY} holds {type(raw).__name__}, expected an object")
    return raw


def expect(file: str, raw: dict[str, Any], field: str, expected: object) -> None:
    """Refuse a `field` that is not what is `expected`."""
    if raw.get(field) != expected:
        raise ManifestError(f"{file}: {field} is {raw.get(field)!r}, expected {expected!r}")


def check_data(file: str, raw: dict[str, Any]) -> None:
    """Refuse sources of data that are no objects."""
    for index, source in enumerate(raw["data"]):
        if not isinstance(source, dict):
            raise ManifestError(f"{file}: data[{index}] is {source!r}, expected an object")


def check_kinds(file: str, path: str, raw: dict[str, Any], kinds: Mapping[str, type]) -> None:
    """Refuse a field that is of another kind than `kinds` says."""
    for field, kind in kinds.items():
        value = raw[field]
        right = _number(value) if kind is float else isinstance(value, kind) and not isinstance(value, bool)
        if not right:
            raise ManifestError(f"{file}: {path}{field} is {value!r}, expected {_CALLED[kind]}")


def vector(file: str, field: str, value: object, size: int) -> tuple[float, ...]:
    """Return the `size` numbers of `value`, and refuse anything else."""
    if not isinstance(value, list) or len(value) != size:
        found = len(value) if isinstance(value, list) else type(value).__name__
        raise ManifestError(f"{file}: {field} has {found} components, expected {size}")
    for index, component in enumerate(value):
        if not _number(component):
            raise ManifestError(f"{file}: {field}[{index}] is {component!r}, expected a number")
    return tuple(value)


def _number(value: object) -> bool:
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < MOST
    return isinstance(value, float) and math.isfinite(value)
