"""Who writes a file right now, known to other processes, and let go of by the system when a process dies."""

import sys
import time

if sys.platform != "win32":
    import fcntl

# Seconds in which the system closes the files of a process that was killed: its pipes may be felt first.
PARTING = 0.5
LOOK = 0.01  # seconds between two tries


def hold(descriptor: int, patience: float = 0.0) -> bool:
    """Claim the open file `descriptor` until it is closed or this process ends, within `patience` seconds.

    Return False if somebody else has it. Windows knows no such locks, nor do some file systems: there
    everybody may have it. (Windows at least does not remove a file that is open.)
    """
    end = time.monotonic() + patience
    while not _claim(descriptor):
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK)
    return True


def _claim(descriptor: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:  # this file system has none
            return True
    return True
