"""What a process asks of the system so as to be on time, or out of the way of those that must be."""

import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Of SCHED_FIFO: below JACK's 70, above everything ordinary; and, for what has a little more time, below that.
PRIORITY, LOW_PRIORITY = 50, 10
PROMPT, BRISK = 1e-4, 1e-3  # seconds of a turn, where there is no real-time scheduling: player, composer
SETATTR = {"x86_64": 314, "aarch64": 274}  # Linux's numbers of sched_setattr, which glibc has since 2.41 only
NICENESS = 5  # of what is still being loaded while the first note and the screen are on their way
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # <sys/mman.h> of Linux: what is and will be touched


def real_time(priority: int = PRIORITY) -> bool:
    """Ask for real-time scheduling and return whether it was granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except (AttributeError, OSError):
        return False  # macOS and Windows have none of it; Linux grants it to group audio or with rtkit
    return True


class _Attributes(ctypes.Structure):
    """struct sched_attr of <linux/sched/types.h>, its first version."""

    _fields_ = (
        *(("size", ctypes.c_uint32), ("policy", ctypes.c_uint32), ("flags", ctypes.c_uint64)),
        *(("nice", ctypes.c_int32), ("priority", ctypes.c_uint32), ("runtime", ctypes.c_uint64)),
        *(("deadline", ctypes.c_uint64), ("period", ctypes.c_uint64)),
    )


def short_turns(seconds: float) -> bool:
    """Ask for the processor in turns of so many `seconds`, and so sooner; return whether that was granted.

    It changes no share: Linux from 6.12 on runs the thread first whose turn would end first, before that
    the wish means nothing. No privilege is needed. Of the calling thread.
    """
    if sys.platform != "linux" or not (number := SETATTR.get(os.uname().machine)):
        return False
    wish = _Attributes(ctypes.sizeof(_Attributes), nice=os.getpriority(os.PRIO_PROCESS, 0))
    wish.runtime = round(1e9 * seconds)
    return bool(ctypes.CDLL(None).syscall(number, 0, ctypes.byref(wish), 0) == 0)


def cores() -> int | None:
    """Return how many cores this process may run on: a container may be lent fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def giving_way(task: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Return what `task` does while everything else goes first, such as the first note and the screen.

    It runs in a thread of its own: on Linux that has its own niceness, which nobody without a privilege can
    take back; elsewhere the process keeps it.
    """
    from concurrent.futures import ThreadPoolExecutor  # for the composer's process only

    with ThreadPoolExecutor(1, initializer=_give_way) as loader:
        return loader.submit(task, *arguments, **named).result()


def _give_way() -> None:
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def come_forward() -> None:
    """Ask for real-time scheduling for what a step waits for; with one core the screen would wait as well."""
    if (cores() or 1) > 1 and not real_time(LOW_PRIORITY):
        short_turns(BRISK)


def keep_memory() -> None:
    """Ask for memory that stays: a page that was swapped out or reclaimed is a note that comes late."""
    with suppress(AttributeError, OSError):  # refused beyond a user's limit
        ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)


def scheduling(pid: int) -> str | None:
    """Return "real-time" or "ordinary", as process `pid` is scheduled."""
    try:
        return "real-time" if os.sched_getscheduler(pid) == os.SCHED_FIFO else "ordinary"
    except (AttributeError, OSError):
        return None
