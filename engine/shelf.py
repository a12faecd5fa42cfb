"""Where presets are found: the user's own folder first, then those that come with the instrument."""

from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from platformdirs import user_config_path

from engine import feel
from engine.entry import ManifestError
from engine.feel import Feel
from engine.paths import absolute
from engine.preset import FILE, Preset, PresetError, load
from engine.table import meant


@dataclass(frozen=True, slots=True)
class PresetInfo:
    """A preset as a list shows it; `error` says why it cannot be played."""

    name: str
    title: str
    source: str  # "yours" or "shipped"
    folder: Path
    error: str | None
    description: str = ""


def shelves() -> tuple[tuple[str, Path], ...]:
    """Return (source, folder of presets), the user's own first."""
    return (
        ("yours", user_config_path("live") / "presets"),
        ("shipped", Path(str(resources.files("presets")))),
    )


def find(name_or_path: str) -> Preset:
    """Return the preset in a folder given by path, or by name the user's, then the shipped one.

    PresetError: there is none of that name (the message lists those there are), or it is broken.
    """
    path = Path(name_or_path)
    shelved: list[Path] = []
    if path.name == name_or_path and not name_or_path.startswith("~"):
        shelved = [shelf / name_or_path for _, shelf in shelves()]
    else:
        path = absolute(name_or_path, PresetError, f"/{FILE}")
    for folder in (path.parent if path.name == FILE else path, *shelved):
        with suppress(OSError):  # a name too long for a file, a shelf that may not be looked at
            if (folder / FILE).is_file():
                return load(folder)
    names = sorted({info.name for info in available()})
    raise PresetError(
        f"no preset {name_or_path!r}{meant(name_or_path, names)}; there are {', '.join(names) or 'none'}; "
        f"or give the path of a folder with a {FILE}"
    )


def available() -> list[PresetInfo]:
    """Return every preset on the shelves, the broken ones with their error."""
    found = []
    for source, shelf in shelves():
        folders: list[Path] = []
        with suppress(OSError):  # a shelf that may not be looked at has nothing on it
            folders = sorted(path.parent for path in shelf.glob(f"*/{FILE}")) if shelf.is_dir() else []
        for folder in folders:
            try:
                preset = load(folder)
                found.append(PresetInfo(folder.name, preset.title, source, folder, None, preset.description))
            except PresetError as error:
                found.append(PresetInfo(folder.name, "", source, folder, str(error)))
    return found


def with_feel(preset: Preset, wanted: str | None) -> Preset:
    """Return `preset` with the feel in file `wanted`, or with that of the preset of this name.

    "none" takes it away, and None leaves it as it is. PresetError: there is no such feel, or it cannot play
    the drums of `preset`.
    """
    if wanted is None:
        return preset
    if wanted == "none":
        return replace(preset, feel=None)
    try:
        found = _feel(wanted)
        feel.check(found.manifest, preset.manifest, found.file)
    except ManifestError as error:
        raise PresetError(f"feel {wanted!r} for {preset.name}: {error}") from error
    return replace(preset, feel=found)


def _feel(wanted: str) -> Feel:
    """Return the feel in a file, or that of a preset. ManifestError: a file that is none; PresetError."""
    path = Path(wanted)
    if path.name != wanted or wanted.startswith("~"):
        path = absolute(wanted, PresetError)
    with suppress(OSError):  # a name too long for a file
        if path.is_file():
            file = path.absolute()
            return Feel(file, feel.read(file))
    owned: dict[str, Feel] = {}
    for info in available():
        if info.error is None and (own := load(info.folder).feel) is not None:
            owned.setdefault(info.name, own)
    if wanted not in owned:
        known = ", ".join(sorted(owned)) or "none"
        raise PresetError(
            f"no feel {wanted!r}{meant(wanted, list(owned))}; presets with one: {known}; "
            "or give the path of a file, or none"
        )
    return owned[wanted]
