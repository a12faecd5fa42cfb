"""The manifest inside an exported model: the contract between `training` and `engine`.

A model file is TorchScript, which is a zip archive; the manifest is its entry `extra/manifest.json`,
so that a process without torch can read it.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from engine.bar import TICKS_PER_BAR
from engine.codec import CODECS
from engine.entry import (
    ENTRY,
    MOST,
    ManifestError,
    check_data,
    check_kinds,
    expect,
    text_in,
    unpacked,
    vector,
)

FORMAT = 1
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
    found |= {name: vector(file, name, raw[name], z_size) for name in ("latent_mean", "latent_std")}
    found |= {name: tuple(raw[name]) for name in ("voices", "data")}
    anchors = enumerate(raw["anchors"])
    found["anchors"] = tuple(vector(file, f"anchors[{index}]", anchor, z_size) for index, anchor in anchors)
    found["axes"] = tuple(
        _axis(file, f"axes[{index}]", axis, z_size) for index, axis in enumerate(raw["axes"])
    )
    return Manifest(**found)


def read(path: Path) -> Manifest:
    """Return the manifest of the model file at `path`, without torch; ManifestError where there is none."""
    return parse(text_in(path), str(path))


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


def _axis(file: str, path: str, raw: object, size: int) -> Axis:
    if not isinstance(raw, dict):
        raise ManifestError(f"{file}: {path} is {raw!r}, expected an object")
    lacking = [name for name in Axis.__dataclass_fields__ if name not in raw]
    if lacking:
        raise ManifestError(f"{file}: {path}: missing {', '.join(lacking)}")
    check_kinds(file, f"{path}.", raw, _AXIS_KINDS)
    check_kinds(file, f"{path}.effect.", raw["effect"], dict.fromkeys(raw["effect"], float))
    direction = vector(file, f"{path}.vector", raw["vector"], size)
    return Axis(**{name: raw[name] for name in Axis.__dataclass_fields__} | {"vector": direction})
