"""Keeps what libraries and other processes print off the screen: it goes to a file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from platformdirs import user_log_path

FULL = 1 << 20  # bytes after which the file begins anew


def log_file() -> Path:
    """Return where the processes of a performance on the screen say what they have to say."""
    return user_log_path("live") / "live.log"


@contextmanager
def aside(file: Path) -> Iterator[bool]:
    """Send standard error of this process and all it starts to `file`, and Textual to the terminal.

    Yields whether the file could be opened; where it could not, what is printed is lost.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        full = file.exists() and file.stat().st_size > FULL
        log = os.open(file, os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if full else os.O_APPEND), 0o644)
        os.write(log, f"--- {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}\n".encode())
        kept = True
    except OSError:
        log, kept = os.open(os.devnull, os.O_WRONLY), False
    before, original = sys.stderr, sys.__stderr__
    before.flush()
    screen = os.dup(2)  # not inherited by what is started from here on
    os.dup2(log, 2)
    os.close(log)
    terminal = open(screen, "w", encoding="utf-8", errors="replace")  # noqa: SIM115, PTH123 - an open descriptor
    sys.stderr = terminal
    # Textual draws on the original standard error, whatever sys.stderr is.
    sys.__stderr__ = terminal  # type: ignore[misc]  # declared final, and the only way to move Textual
    try:
        yield kept
    finally:
        sys.stderr, sys.__stderr__ = before, original  # type: ignore[misc]  # as above
        os.dup2(screen, 2)
        with suppress(OSError):  # a terminal that hung up
            terminal.close()
