"""Has the engine do something in a process of its own and waits for the answer."""

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


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
