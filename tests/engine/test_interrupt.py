"""Ctrl-C is held back while a process is started, whichever thread the system gives it to."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from engine import interrupt


@pytest.fixture(autouse=True)
def _answered() -> Iterator[None]:
    """Ctrl-C is answered as a program in the foreground does: a job in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def _another_thread() -> Iterator[None]:
    """A thread that was there before and lets every signal in, such as those of numpy."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    yield
    over.set()
    thread.join()


def interrupted_meanwhile() -> list[str]:
    """Return what was reached when Ctrl-C came while it was held back, and was answered then."""
    reached = []
    try:
        with interrupt.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait(0.05)  # time for any thread to take it
            reached.append("the end")
        reached.append("what follows")
    except KeyboardInterrupt:
        reached.append("the answer")
    return reached


@pytest.mark.usefixtures("_another_thread")
def test_an_interrupt_waits_for_the_end() -> None:
    assert interrupted_meanwhile() == ["the end", "the answer"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_waits_where_there_is_no_other_thread() -> None:
    assert interrupted_meanwhile() == ["the end", "the answer"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_that_is_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with interrupt.held_back():
        os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_may_start_a_process_meanwhile() -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            with interrupt.held_back():
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert not failed
