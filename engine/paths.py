"""Paths as a user writes them."""

from contextlib import suppress
from pathlib import Path


def absolute(text: str, wrong: type[Exception], *suffixes: str) -> Path:
    """Return the absolute path that a user wrote, `~` and `~NAME` filled in; nothing need be there.

    `wrong` is raised with the reason if nothing can be: there is no such user, nobody may look there, or the
    name is too long, also with one of `suffixes` behind it.
    """
    try:
        path = Path(text).expanduser().absolute()
        for suffix in ("", *suffixes):
            with suppress(FileNotFoundError, NotADirectoryError):
                Path(f"{path}{suffix}").stat()
    except RuntimeError:
        raise wrong(f"{text}: {Path(text).parts[0]} has no home folder on this machine") from None
    except OSError as error:
        raise wrong(f"{text}: {error.strerror}") from error
    return path
