"""Where takes go, and what became of them."""

import os
from datetime import datetime
from pathlib import Path

from engine import errands
from engine.paths import absolute
from engine.recorder import SUFFIX, UNFINISHED, recording
from live.errand import UserError, run


def part_of(file: Path) -> Path:
    """Return the journal that a take for the .mid `file` is kept in while it plays."""
    return Path(f"{file}{SUFFIX}")


def place_for(file: str) -> Path:
    """Return the absolute path of a new .mid file.

    UserError: it exists, an unfinished take waits there, or it cannot be written.
    """
    if not file:
        raise UserError("a file without a name cannot be written")
    path = absolute(file, UserError, SUFFIX, UNFINISHED)
    if path.exists():
        raise UserError(f"{file} exists already and is not overwritten; choose another name")
    part = part_of(path)
    if part.exists():
        if recording(str(part)):
            raise UserError(f"{file} is being recorded right now, into {part}; choose another name")
        raise UserError(
            f"{file}: an unfinished take is in {part}; `live finish {part}` makes {path.name} of it, "
            "or choose another name"
        )
    if not path.parent.is_dir():
        raise UserError(f"{file}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{file}: the folder {path.parent} cannot be written to")
    return path


def new_take(folder: Path, preset: str, now: datetime) -> Path:
    """Return the path of a take that neither exists yet nor waits to be finished."""
    stem = f"{preset}-{now:%Y%m%d-%H%M%S}"
    path, number = folder / f"{stem}.mid", 2
    while path.exists() or part_of(path).exists():
        path, number = folder / f"{stem}-{number}.mid", number + 1
    return path


def finish(journal: str) -> str:
    """Make the .mid of an unfinished take and return the line that says so; UserError: it cannot be made."""
    path = absolute(journal, UserError)
    if path.suffix != SUFFIX:
        raise UserError(f"{journal} is no unfinished take; its name ends in .mid.part")
    if not path.is_file():
        raise UserError(f"{journal}: there is no such file")
    return _recorded(run(errands.finish, str(path)))


def account(file: str) -> tuple[bool, str]:
    """Return whether the take is in the .mid `file`, and the line that says so or tells what to do."""
    path = Path(file)
    part = part_of(path)
    if part.exists():
        return False, f"not finished: {part}; `live finish {part}` makes {path.name} of it"
    if not path.exists():
        return False, f"nothing was recorded into {file}"
    try:
        return True, _recorded(file)
    except UserError as error:
        return False, str(error)


def _recorded(file: str) -> str:
    return f"recorded {file}, {run(errands.count_notes, file)} notes"
