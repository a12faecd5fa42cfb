"""What a training run is: a TOML file read into frozen dataclasses, every default with its reason."""

import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from training.musicvae import ModelConfig

OBJECTIVES = ("bars", "codes", "windows")
FROM_ZERO = ("beta", "beta_rate", "free_bits", "scheduled_sampling", "bars_decoded", "seed")
BELOW = {"seed": 2**63, "beta_rate": 1}  # else no number of a generator; a beta that never grows


class ConfigError(Exception):
    """A configuration that cannot be run: the file, the key, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the curriculum, ended by `iterations` or by its `share` of the minutes given."""

    objective: str  # "bars", "codes" or "windows", see training/objectives.py
    iterations: int = 100_000  # the paper's count for 16 bars (section 5.1)
    share: float = 1.0  # of the minutes, relative to the other stages
    batch: int = 512  # the paper's
    learning_rate: float = 1e-3  # the paper's, decaying exponentially ...
    learning_rate_end: float = 1e-5  # ... to this at the end of the stage
    beta: float = 0.2  # weight of the KL, the paper's
    beta_rate: float = 0.0  # beta * (1 - rate^iteration): 0.99999 for 2 bars in the paper, 0 is at once
    free_bits: float = 256.0  # bits in total that cost nothing, the paper's for 16 bars
    scheduled_sampling: float = 0.0  # rate of the inverse sigmoid (2000 for 2 bars), 0 is teacher forcing
    bar_encoder: bool = True  # "windows" moves it too; without, an iteration costs a third less
    bars_decoded: int = 0  # of each window, drawn at random: an unbiased estimate; 0 is all of them
    validate_every: int = 250  # iterations


@dataclass(frozen=True, slots=True)
class Data:
    """Which songs a run hears and how often."""

    weights: dict[str, float] = field(default_factory=dict)  # source -> share of the draws; empty: by size
    transpose: tuple[int, int] = (-6, 5)  # semitones, melody and bass together, every key once


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run."""

    model: ModelConfig
    data: Data
    stages: tuple[Stage, ...]
    seed: int = 1
    precision: str = "auto"  # "bfloat16", "float32"; auto is bfloat16 on a GPU that has it
    clip: float = 1.0  # largest norm of the gradient


def load(path: Path) -> Config:
    """Return the Config in the TOML file at `path`; ConfigError names key, value and what is allowed."""
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:  # no file, no text, no TOML, a number of a thousand digits
        raise ConfigError(f"{path}: {error}") from error
    stages = raw.pop("stages", None)
    if not isinstance(stages, list) or not stages:
        raise ConfigError(f"{path}: stages: expected at least one [[stages]] table")
    model = _read(path, "model", ModelConfig, raw.pop("model", {}))
    data = _read(path, "data", Data, raw.pop("data", {}))
    parts = tuple(_read(path, f"stages[{i}]", Stage, stage) for i, stage in enumerate(stages))
    config: Config = _read(path, "", Config, raw | {"model": model, "data": data, "stages": parts})
    _choice(path, "model.family", config.model.family, ("hierarchical", "flat"))
    _choice(path, "precision", config.precision, ("auto", "bfloat16", "float32"))
    for i, stage in enumerate(config.stages):
        _choice(path, f"stages[{i}].objective", stage.objective, OBJECTIVES)
        if stage.objective != "windows" and config.model.family == "flat":
            key = f"stages[{i}].objective"
            raise ConfigError(f"{path}: {key}: {stage.objective!r} needs a hierarchical model")
    return config


def _choice(path: Path, key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{path}: {key}: {value!r}, allowed {', '.join(allowed)}")


def _read(path: Path, table: str, kind: Any, raw: Any) -> Any:
    if isinstance(raw, kind):
        return raw
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: {table}: expected a table, found {raw!r}")
    prefix = f"{table}." if table else ""
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    values = {}
    for key, value in raw.items():
        if key not in known:
            raise ConfigError(f"{path}: {prefix}{key}: unknown key, allowed {', '.join(known)}")
        values[key] = _value(path, prefix + key, hints[key], value)
    for name, f in known.items():
        if name not in values and f.default is MISSING and f.default_factory is MISSING:
            raise ConfigError(f"{path}: {prefix}{name}: missing")
    return kind(**values)


def _value(path: Path, key: str, hint: Any, value: Any) -> Any:
    if hint is float and isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        value = float(value)
    if hint is bool and not isinstance(value, bool):
        raise ConfigError(f"{path}: {key}: {value!r}, expected true or false")
    if hint in (int, float, str):
        if not isinstance(value, hint) or isinstance(value, bool):
            raise ConfigError(f"{path}: {key}: {value!r}, expected {hint.__name__}")
        if hint is not str:
            _bound(path, key, value)
        return value
    if hint == dict[str, float]:
        if not isinstance(value, dict):
            raise ConfigError(f"{path}: {key}: {value!r}, expected a table of numbers")
        return {name: _value(path, f"{key}.{name}", float, share) for name, share in value.items()}
    if hint not in (tuple[int, ...], tuple[int, int]):
        return value  # a table that has been read already
    if not isinstance(value, list) or not all(type(item) is int for item in value):
        raise ConfigError(f"{path}: {key}: {value!r}, expected a list of whole numbers")
    if key == "data.transpose" and (len(value) != 2 or value[0] > value[1]):
        raise ConfigError(f"{path}: {key}: {value!r}, expected the lowest and the highest shift")
    return tuple(value)


def _bound(path: Path, key: str, value: float) -> None:
    """Refuse numbers that no run can have; those of FROM_ZERO may be 0, all others must be above it."""
    name = key.rpartition(".")[2]
    least = "from 0" if name in FROM_ZERO or key.startswith("data.weights.") else "above 0"
    below = BELOW.get(name, 2**63)
    if not 0 <= value < below or (value == 0 and least == "above 0"):
        most = f" and below {below}" if name in BELOW or value >= below else ""
        raise ConfigError(f"{path}: {key}: {value!r}, expected a number {least}{most}")
