"""The manifest inside an exported model: the contract between `training` and `engine`.

A model file is TorchScript, which is a zip archive; the manifest is its entry `extra/manifest.json`,
so that a process without torch can read it.
"""

import json
import math
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.bar import TICKS_PER_BAR
from engine.codec import CODECS

FORMAT = 1
ENTRY = "manifest.json"  # under `extra/` inside the archive
LIMIT = 16 << 20  # bytes of it, many times what the largest model here has
MOST = 2**31  # no whole number of a manifest is that large
WIDEST = 2**16  # values of a noise stream that a step can ask for
MEMORIES = ("bar", "window", "endless")
FEEL = "vrnn-feel"  # the family of what plays the drums of other models, see engine/feel.py

# What JSON makes of each field that is not compared with what this engine has.
_KINDS: dict[str, type] = {
    "family": str,
    "steps_per_bar": int,
    "bars": int,
    "z_size": int,
    "weights": str,
    "axes": list,
    "anchors": list,
    "data": list,
    "exported_with": dict,
}
_AXIS_KINDS: dict[str, type] = {"name": str, "low": float, "high": float, "description": str, "effect": dict}
_CALLED = {
    str: "text",
    int: "a whole number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class ManifestError(Exception):
    """A model file that this engine cannot play; the message names file, field, found and expected."""


@dataclass(frozen=True, slots=True)
class Axis:
    """A macro axis: a direction in latent space with its audible effect, measured.

    `vector` has z_size components; a knob turned fully left adds `low * vector` to z,
    fully right `high * vector`.
    `effect` maps attributes to their correlation with the knob, such as {"density": 0.6}.
    """

    name: str
    vector: tuple[float, ...]
    low: float
    high: float
    description: str
    effect: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model is: its family, its tokens, the shape of its latents and where it learnt them.

    `memory` is how far its bars hang together: each "bar" stands alone given the code that the latent spells
    for it, or each goes on from the one before, beginning anew with each "window" or never ("endless").
    `noise` has the widths of the streams of standard Gumbel noise that each step is given, None for the
    vocabularies of the codec's columns. `traces` names the figures that each step of a bar that goes on from
    another reports, such as "kl".
    """

    format: int
    family: str
    codec: str
    codec_version: int
    steps_per_bar: int
    bars: int  # bars that one latent spells; the performance loops over them
    z_size: int
    voices: tuple[str, ...]
    weights: str  # "float32" or "int8"
    latent_mean: tuple[float, ...]  # of the aggregated posterior, (z_size,)
    latent_std: tuple[float, ...]
    axes: tuple[Axis, ...]
    anchors: tuple[tuple[float, ...], ...]  # latents worth starting from, (anchors, z_size)
    data: tuple[Mapping[str, str], ...]  # [{"archive": ..., "licence": ...}]
    exported_with: Mapping[str, str]
    memory: str = "bar"
    noise: tuple[int, ...] | None = None
    traces: tuple[str, ...] = ()

    @property
    def ticks_per_step(self) -> int:
        """Ticks of a step of the model's grid."""
        return TICKS_PER_BAR // self.steps_per_bar

    @property
    def streams(self) -> tuple[int, ...]:
        """The widths of the noise streams of a step."""
        return CODECS[self.codec].vocabularies if self.noise is None else self.noise

    def begins(self, number: int) -> bool:
        """Return whether bar `number` of a performance goes on from nothing."""
        return self.memory == "bar" or number == 0 or (self.memory == "window" and number % self.bars == 0)

    def to_json(self) -> str:
        """Return the manifest as JSON text."""
        return json.dumps(asdict(self))


def parse(text: str, file: str) -> Manifest:
    """Return the Manifest that `text` holds; ManifestError names the field that is missing or foreign."""
    raw = unpacked(text, file)
    expect(file, raw, "format", FORMAT)
    if raw.get("family") == FEEL:
        raise ManifestError(
            f"{file}: family is {FEEL!r}, expected a model that writes bars; this one plays the drums of "
            "others, with --feel or under [feel] in a preset.toml"
        )
    missing = [field.name for field in fields(Manifest) if field.default is MISSING and field.name not in raw]
    if missing:
        raise ManifestError(f"{file}: {ENTRY}: missing {', '.join(missing)}")
    if not isinstance(raw["codec"], str) or raw["codec"] not in CODECS:
        raise ManifestError(f"{file}: codec is {raw['codec']!r}, this engine has {', '.join(CODECS)}")
    codec = CODECS[raw["codec"]]
    expect(file, raw, "codec_version", codec.version)
    expect(file, raw, "voices", [voice.name for voice in codec.voices])
    check_kinds(file, "", raw, _KINDS)
    if raw["steps_per_bar"] < 1 or TICKS_PER_BAR % raw["steps_per_bar"]:
        raise ManifestError(
            f"{file}: steps_per_bar is {raw['steps_per_bar']}, expected what divides {TICKS_PER_BAR}"
        )
    for field in ("z_size", "bars"):
        if not 1 <= raw[field] < MOST:
            raise ManifestError(f"{file}: {field} is {raw[field]}, expected a whole number from 1")
    z_size = raw["z_size"]
    check_data(file, raw)
    found: dict[str, Any] = {field.name: raw[field.name] for field in fields(Manifest) if field.name in raw}
    found |= _optional(file, raw)
    found |= {name: _vector(file, name, raw[name], z_size) for name in ("latent_mean", "latent_std")}
    found |= {name: tuple(raw[name]) for name in ("voices", "data")}
    anchors = enumerate(raw["anchors"])
    found["anchors"] = tuple(_vector(file, f"anchors[{index}]", anchor, z_size) for index, anchor in anchors)
    found["axes"] = tuple(
        _axis(file, f"axes[{index}]", axis, z_size) for index, axis in enumerate(raw["axes"])
    )
    return Manifest(**found)


def read(path: Path) -> Manifest:
    """Return the manifest of the model file at `path`, without torch; ManifestError where there is none."""
    return parse(text_in(path), str(path))


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


def _optional(file: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a manifest may leave out."""
    memory, noise, traces = raw.get("memory", "bar"), raw.get("noise"), raw.get("traces", [])
    if memory not in MEMORIES:
        raise ManifestError(f"{file}: memory is {memory!r}, expected {', '.join(MEMORIES)}")
    if not isinstance(noise, list | None):
        raise ManifestError(f"{file}: noise is {noise!r}, expected a list")
    for index, width in enumerate(noise or ()):
        if type(width) is not int or not 1 <= width <= WIDEST:
            raise ManifestError(f"{file}: noise[{index}] is {width!r}, expected 1 to {WIDEST}")
    if not isinstance(traces, list):
        raise ManifestError(f"{file}: traces is {traces!r}, expected a list")
    for index, name in enumerate(traces):
        if not isinstance(name, str) or not name or name in traces[:index]:
            raise ManifestError(f"{file}: traces[{index}] is {name!r}, expected a name of its own")
    if traces and memory == "bar":
        raise ManifestError(f"{file}: traces are {traces}, expected none where memory is 'bar'")
    return {
        "memory": memory,
        "noise": None if noise is None else tuple(noise),
        "traces": tuple(traces),
    }


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


def _axis(file: str, path: str, raw: object, size: int) -> Axis:
    if not isinstance(raw, dict):
        raise ManifestError(f"{file}: {path} is {raw!r}, expected an object")
    lacking = [name for name in Axis.__dataclass_fields__ if name not in raw]
    if lacking:
        raise ManifestError(f"{file}: {path}: missing {', '.join(lacking)}")
    check_kinds(file, f"{path}.", raw, _AXIS_KINDS)
    check_kinds(file, f"{path}.effect.", raw["effect"], dict.fromkeys(raw["effect"], float))
    vector = _vector(file, f"{path}.vector", raw["vector"], size)
    return Axis(**{name: raw[name] for name in Axis.__dataclass_fields__} | {"vector": vector})


def _vector(file: str, field: str, value: object, size: int) -> tuple[float, ...]:
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
