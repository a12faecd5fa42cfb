"""What the instrument remembers between performances: controllers learnt, and the offset of each output."""

import json
import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

from platformdirs import user_config_path

from engine.messages import OFFSET_MS, PARAMETERS, SOUND

CONTROLLER = re.compile(r"ch (\d{1,2}) CC (\d{1,3})")


def controllers_file(preset: str, device: str | None = None) -> Path:
    """Return where the controllers learnt for `preset` are kept, on the input `device` where it is named.

    What is connected to the virtual input has no name there: it shares one file a preset.
    """
    folder = user_config_path("live") / "controllers"
    return (folder / _plain(device) if device else folder) / f"{_plain(preset)}.json"


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]", "_", name)


def load_controllers(path: Path) -> dict[str, tuple[int, int]]:
    """Return parameter -> (channel 0-15, control 0-127); what a hand has broken in the file is left out."""
    return parse_controllers(_load(path))


def parse_controllers(bound: Mapping[str, object]) -> dict[str, tuple[int, int]]:
    """Return the controllers that a snapshot's `bound` spells, such as {"knob1": "ch 1 CC 74"}."""
    found = {}
    for parameter, text in bound.items():
        match = CONTROLLER.fullmatch(text) if isinstance(text, str) else None
        if parameter in PARAMETERS and match:
            channel, control = int(match[1]) - 1, int(match[2])
            if 0 <= channel <= 15 and control <= 127:
                found[parameter] = (channel, control)
    return found


def save_controllers(path: Path, bound: Mapping[str, str]) -> str | None:
    """Keep `bound` at `path`, whole or not at all; return why it could not be kept, or None."""
    return _save(path, bound, "The learnt controllers")


def offsets_file() -> Path:
    """Return where the offset of each output is kept."""
    return user_config_path("live") / "offsets.json"


def output_name(of: str, port: str | None) -> str:
    """Return the name by which the offset `of` PORT or SOUND is kept; `port` is the one that was named.

    The port of its own, which is called after the preset, is one output: who listens stays the same.
    """
    return "built-in sound" if of == SOUND else port or "own port"


def load_offset(path: Path, output: str) -> float:
    """Return the milliseconds kept for `output`, 0 where there are none, or a hand has broken them."""
    found = _load(path).get(output)
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        return 0.0
    return max(OFFSET_MS[0], min(OFFSET_MS[1], float(found)))


def save_offset(path: Path, output: str, milliseconds: float) -> str | None:
    """Keep the offset of `output`; return why it could not be kept, or None."""
    return _save(path, _load(path) | {output: milliseconds}, "The offset")


def _load(path: Path) -> dict[str, object]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _save(path: Path, content: Mapping[str, object], what: str) -> str | None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.write_text(json.dumps(dict(content), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        return f"{what} could not be kept: {error}"
    return None
