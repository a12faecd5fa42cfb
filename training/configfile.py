"""Reads a run's TOML file; every complaint names the file, the key, its value and what is allowed."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_type_hints

from training.config import Config, ConfigError, Data, Stage
from training.systems import SYSTEMS

FROM_ZERO = (
    "beta",
    "beta_rate",
    "free_bits",
    "scheduled_sampling",
    "bars_decoded",
    "length",
    "seed",
    "dropout",
)
BELOW = {
    "seed": 2**63,
    "beta_rate": 1,
    "dropout": 1,
}  # else no number of a generator; a beta that never grows


def load(path: Path) -> Config:
    """Return the Config in the TOML file at `path`; ConfigError names key, value and what is allowed."""
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:  # no file, no text, no TOML, a number of a thousand digits
        raise ConfigError(f"{path}: {error}") from error
    stages = raw.pop("stages", None)
    if not isinstance(stages, list) or not stages:
        raise ConfigError(f"{path}: stages: expected at least one [[stages]] table")
    name = raw.get("system", Config.__dataclass_fields__["system"].default)
    _choice(path, "system", name, tuple(SYSTEMS))
    system = SYSTEMS[name]
    model = _read(path, "model", system.sizes, raw.pop("model", {}))
    data = _read(path, "data", Data, raw.pop("data", {}))
    parts = tuple(
        _read(path, f"stages[{i}]", Stage, stage, system.defaults) for i, stage in enumerate(stages)
    )
    config: Config = _read(path, "", Config, raw | {"model": model, "data": data, "stages": parts})
    for key, allowed in system.choices.items():
        _choice(path, f"model.{key}", getattr(config.model, key), allowed)
    _choice(path, "precision", config.precision, ("auto", "bfloat16", "float32"))
    for i, stage in enumerate(config.stages):
        _choice(path, f"stages[{i}].objective", stage.objective, tuple(system.objectives))
    try:
        system.check(config)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    return config


def _choice(path: Path, key: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{path}: {key}: {value!r}, allowed {', '.join(allowed)}")


def _read(
    path: Path, table: str, kind: Any, raw: Any, defaults: Mapping[str, float] = MappingProxyType({})
) -> Any:
    """Return a `kind` of what `raw` says; `defaults` come before the kind's own."""
    if isinstance(raw, kind):
        return raw
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: {table}: expected a table, found {raw!r}")
    prefix = f"{table}." if table else ""
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    values: dict[str, Any] = dict(defaults)
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
    if hint == tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(type(item) is str for item in value):
            raise ConfigError(f"{path}: {key}: {value!r}, expected a list of names")
        return tuple(value)
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
