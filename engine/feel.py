"""What a feel is: a model that plays the drums of another with a human's velocity and microtiming.

It is a file of the same form as a model that writes bars, TorchScript with a manifest inside, and tells
itself from one by its family.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS
from engine.entry import ManifestError, check_data, check_kinds, expect, text_in, unpacked
from engine.hits import drums
from engine.manifest import FEEL, FORMAT, WIDEST, Manifest
from engine.table import Table, TableError

KEYS = ("model", "tightness")  # of [feel] in a preset.toml
CODEC = "drums"  # whose tokens it is told
LOOSE = 0.0  # the tightness that it starts with unless a preset says otherwise: as the drummer plays
# What JSON makes of each field that is not compared with what this engine has.
_KINDS: dict[str, type] = {"noise": int, "data": list, "exported_with": dict}


@dataclass(frozen=True, slots=True)
class FeelManifest:
    """What a feel is, and where it learnt it; each hit is given `noise` values of standard Gumbel noise."""

    format: int
    family: str
    codec: str
    codec_version: int
    steps_per_bar: int
    noise: int
    data: tuple[Mapping[str, str], ...]  # [{"archive": ..., "licence": ...}]
    exported_with: Mapping[str, str]

    def to_json(self) -> str:
        """Return the manifest as JSON text."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Feel:
    """A feel as a performance is told of it; `tightness`, 0 to 1, is where that starts."""

    file: Path
    manifest: FeelManifest
    tightness: float = LOOSE

    @property
    def identity(self) -> str:
        """What tells its weights from another's."""
        return self.manifest.exported_with.get("weights", "")


def parse(text: str, file: str) -> FeelManifest:
    """Return the FeelManifest that `text` holds; ManifestError names the field that is missing or foreign."""
    raw = unpacked(text, file)
    expect(file, raw, "format", FORMAT)
    expect(file, raw, "family", FEEL)
    missing = [field.name for field in fields(FeelManifest) if field.name not in raw]
    if missing:
        raise ManifestError(f"{file}: manifest.json: missing {', '.join(missing)}")
    expect(file, raw, "codec", CODEC)
    expect(file, raw, "codec_version", CODECS[CODEC].version)
    expect(file, raw, "steps_per_bar", STEPS_PER_BAR)
    check_kinds(file, "", raw, _KINDS)
    if not 1 <= raw["noise"] <= WIDEST:
        raise ManifestError(f"{file}: noise is {raw['noise']}, expected 1 to {WIDEST}")
    check_data(file, raw)
    found: dict[str, Any] = {field.name: raw[field.name] for field in fields(FeelManifest)}
    return FeelManifest(**(found | {"data": tuple(raw["data"])}))


def read(path: Path) -> FeelManifest:
    """Return the manifest of the feel in the file at `path`, without torch; ManifestError: it is none."""
    return parse(text_in(path), str(path))


def named(table: Table, model: Manifest) -> Feel | None:
    """Return what `[feel]` in a preset's `table` names to play the drums of `model`, None for nothing.

    Its file may lie anywhere, too. TableError: it cannot be read or cannot play them.
    """
    if "feel" not in table.raw:
        return None
    entry = table.sub("feel")
    entry.known(KEYS)
    file = table.file.parent / entry.text("model", None)
    try:
        found = Feel(file, read(file), entry.number("tightness", LOOSE, 0.0, 1.0))
        check(found.manifest, model, file)
    except ManifestError as error:
        raise TableError(f"{table.file}: feel.model: {error}") from error
    return found


def check(feel: FeelManifest, model: Manifest, file: Path | str) -> None:
    """Refuse the feel in `file` for a `model` whose drums it cannot play; ManifestError says why."""
    if drums(CODECS[model.codec]) is None:
        raise ManifestError(f"{file}: codec is {feel.codec!r}, but the model plays no drums: {model.codec!r}")
    if model.steps_per_bar != feel.steps_per_bar:
        raise ManifestError(
            f"{file}: steps_per_bar is {feel.steps_per_bar}, but the model has {model.steps_per_bar}"
        )
