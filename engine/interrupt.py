"""Ctrl-C at moments when it would leave a process half started."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_back() -> Iterator[None]:
    """Hold Ctrl-C back until the context ends, and for what is started meanwhile until it lets it in.

    What is started inherits the mask. For this process the mask is not enough: the system gives the signal to
    any other thread, and Python has the main thread answer it.
    """
    came: list[FrameType | None] = []
    answer = signal.getsignal(signal.SIGINT)
    answered = callable(answer) and threading.current_thread() is threading.main_thread()
    if answered:
        signal.signal(signal.SIGINT, lambda _, frame: came.append(frame))
    try:
        with _masked():
            yield
    finally:
        if answered:
            signal.signal(signal.SIGINT, answer)
        if came and callable(answer):
            answer(signal.SIGINT, came[0])


@contextmanager
def _masked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
