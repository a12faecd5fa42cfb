"""Clocks that wait for a deadline or for something to read, whichever comes first; one of them only jumps."""

import math
import multiprocessing.connection
import select
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

# Of clocks that never go back the finest: on Windows `monotonic` counts in steps of 15.6 ms.
_coarse = time.get_clock_info("monotonic").resolution > 0.001
read: Callable[[], float] = time.perf_counter if _coarse else time.monotonic
SPIN = 0.001  # seconds before a deadline from which a real-time process polls the clock instead of sleeping
CLOSE = 0.002  # seconds before something is due in which nothing else is begun


class Source(Protocol):
    """Something to read from: a Connection, or what behaves like one."""

    def poll(self) -> bool:
        """Return whether `recv` would return at once."""

    def recv(self) -> Any:
        """Return the next object; EOFError when the other end is closed."""


class Clock(Protocol):
    """Tells the time in seconds and waits."""

    def now(self) -> float:
        """Return the time in seconds from an arbitrary start; it never goes back."""

    def wait(self, deadline: float, sources: Sequence[Any]) -> list[Any]:
        """Wait until `deadline` or until one of `sources` has something to read; return those that have."""


class Wake:
    """Ends a clock's wait from a signal handler or another thread."""

    def __init__(self) -> None:
        self.source, self._end = multiprocessing.connection.Pipe(duplex=False)
        self._set = False

    def set(self) -> None:
        """Make `source` readable; takes microseconds."""
        if not self._set:
            self._set = True
            self._end.send_bytes(b"!")

    def clear(self) -> None:
        """Make `source` wait for the next `set`; only after a wait has returned it."""
        self.source.recv_bytes()
        self._set = False


class MonotonicClock:
    """The system's monotonic clock with absolute deadlines.

    `spin` polls through the last millisecond of a wait that has no sources, which is the wait for a note.
    It is only for a process that has real-time scheduling: without it, spinning uses up the time slice and
    makes notes later.
    """

    def __init__(self, spin: bool = False) -> None:
        self._spin = SPIN if spin else 0.0

    def now(self) -> float:
        """Return the time in seconds."""
        return read()

    def wait(self, deadline: float, sources: Sequence[Connection]) -> list[Connection]:
        """Wait until `deadline` or until one of `sources` has something to read; return those that have."""
        spin = 0.0 if sources else self._spin
        ready = _readable(sources, max(0.0, deadline - spin - read()))
        while spin and read() < deadline:
            pass
        return ready


class ManualClock:
    """A clock that jumps to each deadline: the same loop, flat out; renders and tests run on it.

    It jumps by `stride` seconds at most before it looks at the sources again.
    """

    def __init__(self, start: float = 0.0, stride: float = math.inf) -> None:
        self._now = start
        self._stride = stride

    def now(self) -> float:
        """Return the time in seconds."""
        return self._now

    def wait(self, deadline: float, sources: Sequence[Source]) -> list[Source]:
        """Return the sources that have something to read, having jumped to `deadline` if none had before."""
        while not (ready := [source for source in sources if source.poll()]) and self._now < deadline:
            self._now = min(deadline, self._now + self._stride)
        return ready


class Held(Protocol):
    """Something that has to be done in time while others wait: `turn` by `deadline`."""

    @property
    def deadline(self) -> float:
        """The time of the next thing to do, infinity for none."""

    def turn(self, now: float) -> None:
        """Do what is due."""


class Attended:
    """A clock that sees to something else meanwhile, whenever it is waited for."""

    def __init__(self, clock: Clock, held: Held) -> None:
        self._clock = clock
        self._held = held

    def now(self) -> float:
        """Return the time in seconds."""
        return self._clock.now()

    def wait(self, deadline: float, sources: Sequence[Any]) -> list[Any]:
        """Wait until `deadline` or until one of `sources` has something to read; return those that have."""
        while (due := self._held.deadline) <= deadline:
            near = due - self._clock.now() < CLOSE
            ready = self._clock.wait(due, [] if near else sources)
            self._held.turn(self._clock.now())
            if ready:
                return ready
        return self._clock.wait(deadline, sources)


def _readable(sources: Sequence[Connection], timeout: float) -> list[Connection]:
    if sys.platform == "win32":
        if not sources:  # for which `wait` would not wait
            time.sleep(timeout)
            return []
        return list(multiprocessing.connection.wait(sources, timeout))
    # select takes microseconds, where the poll that multiprocessing uses rounds up to a millisecond.
    return select.select(sources, [], [], timeout)[0]
