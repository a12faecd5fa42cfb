"""Leaving when the system says so, also when the terminal is gone and holds the screen up."""

import os
import signal
import threading
from collections.abc import Callable

PARTING = 15.0  # seconds that the engine gets to end its notes and close its files
SCREEN_PARTING = 3.0  # and the screen to give the terminal back
FAILED = 1


def on_signals(
    hang_up: Callable[[float], bool],
    leave_screen: Callable[[], object],
    gone: threading.Event,
    well: Callable[[], bool],
) -> None:
    """On SIGTERM and SIGHUP end the music first, then the screen, and then the process whatever it does.

    The screen of a terminal that has gone away may wait for ever to write its last words: unless `gone` is
    set by then, the process ends without them, with code 0 if the music ended and all was `well`. Signal
    handlers belong to the main thread; elsewhere this does nothing.
    """

    def leave() -> None:
        left = hang_up(PARTING)
        leave_screen()
        if not gone.wait(SCREEN_PARTING):
            os._exit(0 if left and well() else FAILED)

    def told(*_: object) -> None:
        threading.Thread(target=leave, name="leave", daemon=True).start()

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):  # Windows has no SIGHUP
                signal.signal(getattr(signal, name), told)
