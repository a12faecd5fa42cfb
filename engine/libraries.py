"""Manners for C libraries: kept quiet while they open, and not waited for when they hang."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CLOSE = 1.0  # seconds for ports to close


def bounded(*steps: Callable[[], object]) -> None:
    """Take `steps` in order, but do not wait longer than CLOSE for them: RtMidi can lock up as it closes."""

    def work() -> None:
        for step in steps:
            with suppress(OSError):
                step()

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(CLOSE)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the C libraries print, whatever happens, off the screen."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in (*saved, nowhere):
            os.close(descriptor)
