"""Has the engine do something in a process of its own and waits for the answer."""

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

PARTING = 3.0  # seconds for a process beside this one to leave


class UserError(Exception):
    """Something that the performer asked for and cannot have; the message says what and why, in one line."""


@contextmanager
def deaf_to_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C for this moment, so that processes started in it are born ignoring it.

    Ctrl-C reaches every process of the terminal; one that still loads its modules would print a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def say(what: str) -> None:
    """Tell somebody who waits at a terminal what goes on."""
    if sys.stderr.isatty():
        print(f"live: {what}", file=sys.stderr, flush=True)


class Helper:
    """A process of engine.witness at work, to be told when to begin and when to stop."""

    def __init__(self, link: Connection) -> None:
        self._link = link
        self.opened = self._answer()

    def tell(self) -> None:
        """Let it go on: begin, or come to an end."""
        with suppress(OSError):
            self._link.send(None)

    def result(self) -> Any:
        """Tell it to end and return what it found; UserError: it died."""
        self.tell()
        return self._answer()

    def _answer(self) -> Any:
        try:
            word, what = self._link.recv()
        except (EOFError, OSError):
            raise UserError("a process that was to measure has died") from None
        if word == "refused":
            raise UserError(str(what))
        return what


@contextmanager
def beside(work: Callable[..., None], *arguments: object) -> Iterator[Helper]:
    """Have `work` of engine.witness done by a process of its own in this context.

    UserError: it could not begin.
    """
    context = multiprocessing.get_context("spawn")
    link, there = context.Pipe()
    process = context.Process(target=work, args=(there, *arguments), daemon=True)
    with deaf_to_ctrl_c():
        process.start()
    there.close()
    try:
        yield Helper(link)
    finally:
        link.close()  # which ends it
        process.join(PARTING)
        process.kill()
        process.join()


def run(errand: Callable[..., None], *arguments: object) -> Any:
    """Return what `errand` (of engine.errands or engine.bench) answers; UserError: it refused, or died."""
    context = multiprocessing.get_context("spawn")
    answer, reply = context.Pipe(duplex=False)
    process = context.Process(target=errand, args=(reply, *arguments), daemon=True)
    with deaf_to_ctrl_c():
        process.start()
    reply.close()
    try:
        word, result = answer.recv()
    except EOFError:
        process.join()
        name = errand.__name__.replace("_", " ")
        raise UserError(f"{name}: its process ended with code {process.exitcode}") from None
    except KeyboardInterrupt:
        process.terminate()
        process.join()  # it writes nothing any more
        raise
    finally:
        with suppress(OSError):
            answer.close()
    process.join()
    if word == "refused":
        raise UserError(str(result))
    return result
