"""Presets: a folder with `preset.toml`, a model, its card, and the opening bars; read and checked."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from unicodedata import category

from engine import feel, manifest, opening
from engine.codec import CODECS
from engine.entry import ManifestError
from engine.feel import Feel
from engine.manifest import Axis, Manifest
from engine.messages import BPM_RANGE, KNOBS, MAX_TEMPERATURE
from engine.midi import DRUM_CHANNEL
from engine.opening import Opening, OpeningError
from engine.table import Table, TableError, meant

SCHEMA = 1
FILE = "preset.toml"
NAME_LENGTH = 64  # characters; ALSA and JACK cut longer names off

ROOT_KEYS = (
    *("schema", "name", "title", "description", "model", "bpm", "seed", "temperature", "dynamics", "swing"),
    *("voices", "knobs", "anchors", "feel"),
)
VOICE_KEYS = ("name", "channel", "program", "bank")
KNOB_KEYS = ("axis", "label", "start")
ANCHOR_KEYS = ("model", "seed")


class PresetError(Exception):
    """A preset that cannot be played; the message names file, key, value and what is allowed."""


@dataclass(frozen=True, slots=True)
class VoicePreset:
    """How a voice leaves: `channel` 0-15, `program` 0-127, `bank` 0-16383 (None: as the synth has it)."""

    name: str
    channel: int
    program: int
    bank: int | None


@dataclass(frozen=True, slots=True)
class KnobPreset:
    """A knob: the macro axis it turns, the label on screen, and where it starts, 0 to 1."""

    axis: Axis
    label: str
    start: float


@dataclass(frozen=True, slots=True)
class AnchorPreset:
    """A latent to start from: number `number` of the model's own anchors, or a draw for a seed."""

    source: str  # "model" or "seed"
    number: int


@dataclass(frozen=True, slots=True)
class Preset:
    """Everything a performance starts with; `temperature` is 0 to 2, `dynamics` and `swing` 0 to 1."""

    name: str
    title: str
    description: str
    folder: Path
    model: Path
    manifest: Manifest
    bpm: float
    seed: int
    temperature: float
    dynamics: float
    swing: float  # 0 is straight, 50 %, and 1 is 75 %
    voices: tuple[VoicePreset, ...]
    knobs: tuple[KnobPreset, ...]  # at most one for each of messages.KNOBS
    anchors: tuple[AnchorPreset, AnchorPreset]  # A, B
    opening: Opening | None = None
    feel: Feel | None = None  # what plays its drums as a human does


def load(folder: Path) -> Preset:
    """Return the preset in `folder`, checked against the manifest of its model.

    PresetError names the file, the key, the value found and what is allowed.
    """
    file = folder / FILE
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
        return _read(folder, Table(file, "", raw))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PresetError(f"{file}: cannot be read: {error}") from error
    except ManifestError as error:
        raise PresetError(f"{file}: model: {error}") from error
    except (OpeningError, TableError) as error:
        raise PresetError(str(error)) from error


def _read(folder: Path, table: Table) -> Preset:
    schema = table.raw.get("schema")
    if type(schema) is not int or schema != SCHEMA:  # true and 1.0 are equal to 1
        raise table.wrong("schema", f"{SCHEMA}, the only version that this release reads")
    table.known(ROOT_KEYS)
    model = folder / table.text("model", "model.ts")  # anywhere: several presets can play one
    contract = manifest.read(model)
    return Preset(
        name=_name(table, folder),
        title=table.text("title", folder.name),
        description=table.text("description", ""),
        folder=folder,
        model=model,
        manifest=contract,
        bpm=table.number("bpm", 120.0, *BPM_RANGE),
        seed=table.whole("seed", 1, 0, 2**63 - 1),
        temperature=table.number("temperature", 1.0, 0.0, MAX_TEMPERATURE),
        dynamics=table.number("dynamics", 0.5, 0.0, 1.0),
        swing=table.number("swing", 0.0, 0.0, 1.0),
        voices=_voices(table, contract),
        knobs=_knobs(table, contract),
        anchors=(_anchor(table, contract, "A", 0), _anchor(table, contract, "B", 1)),
        opening=opening.read(folder, contract),
        feel=feel.named(table, contract),
    )


def _name(table: Table, folder: Path) -> str:
    """Return what the port and the settings of the preset are called by: its `name`, else its folder's."""
    name = table.text("name", folder.name)
    spoilt = any(sign in "/\\" or category(sign) in ("Cc", "Cs") for sign in name)
    if not spoilt and name.strip() and not name.startswith(".") and len(name) <= NAME_LENGTH:
        return name
    allowed = f"1 to {NAME_LENGTH} characters, no / or \\ or control character among them, no . in front"
    if "name" in table.raw:
        raise table.wrong("name", allowed)
    raise TableError(f"{table.file}: name is missing and the folder's is {name!r}, allowed: {allowed}")


def _voices(table: Table, contract: Manifest) -> tuple[VoicePreset, ...]:
    given: dict[str, VoicePreset] = {}
    for entry in table.tables("voices"):
        entry.known(VOICE_KEYS)
        name = entry.text("name", None)
        if name not in contract.voices or name in given:
            raise entry.wrong("name", f"each of the model's voices once: {', '.join(contract.voices)}")
        bank = entry.whole("bank", 0, 0, 16383) if "bank" in entry.raw else None
        channel, program = entry.whole("channel", None, 1, 16), entry.whole("program", 1, 1, 128)
        given[name] = VoicePreset(name, channel - 1, program - 1, bank)
    free = iter(channel for channel in range(16) if channel != DRUM_CHANNEL)
    kinds = {voice.name: voice.kind for voice in CODECS[contract.codec].voices}
    for name in contract.voices:  # a voice that the preset leaves out gets a channel of its own
        if name not in given:
            taken = {voice.channel for voice in given.values()}
            channel = DRUM_CHANNEL if kinds[name] == "drums" else next(c for c in free if c not in taken)
            given[name] = VoicePreset(name, channel, 0, None)
    return tuple(given[name] for name in contract.voices)


def _knobs(table: Table, contract: Manifest) -> tuple[KnobPreset, ...]:
    axes = {axis.name: axis for axis in contract.axes}
    entries = table.tables("knobs")
    if len(entries) > len(KNOBS):
        raise TableError(f"{table.file}: knobs: {len(entries)} of them, allowed up to {len(KNOBS)}")
    if not entries:
        return tuple(KnobPreset(axis, axis.name, 0.5) for axis in contract.axes[: len(KNOBS)])
    wanted = [entry.text("axis", None) for entry in entries]
    absent = [name for name in wanted if name not in axes]
    if absent:
        raise TableError(
            f"{table.file}: knobs: the model has no axis {', '.join(map(repr, absent))}"
            f"{meant(absent[0], list(axes))}; the preset names {', '.join(wanted)}; "
            f"the model has {', '.join(axes) or 'none'}"
        )
    knobs = []
    for entry, name in zip(entries, wanted, strict=True):
        entry.known(KNOB_KEYS)
        knobs.append(KnobPreset(axes[name], entry.text("label", name), entry.number("start", 0.5, 0.0, 1.0)))
    return tuple(knobs)


def _anchor(table: Table, contract: Manifest, letter: str, index: int) -> AnchorPreset:
    anchors = table.sub("anchors")
    anchors.known(("A", "B"))
    if letter not in anchors.raw:
        if index < len(contract.anchors):
            return AnchorPreset("model", index)
        return AnchorPreset("seed", table.whole("seed", 1, 0, 2**63 - 1) + index)
    entry = anchors.sub(letter)
    entry.known(ANCHOR_KEYS)
    if len(entry.raw) != 1:
        raise anchors.wrong(letter, "{ model = NUMBER } or { seed = NUMBER }")
    if "seed" in entry.raw:
        return AnchorPreset("seed", entry.whole("seed", None, 0, 2**63 - 1))
    if not contract.anchors:
        raise entry.wrong("model", "nothing: the model has no anchors; use { seed = NUMBER }")
    return AnchorPreset("model", entry.whole("model", None, 0, len(contract.anchors) - 1))
