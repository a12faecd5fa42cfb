"""Has the engine do something in a process of its own and waits for the answer."""

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class UserError(Exception):
    """Something that the performer asked for and cannot have; the message says what and why, in one line."""


def run(errand: Callable[..., None], *arguments: object) -> Any:
    """Return what `errand` (of engine.errands or engine.bench) answers; UserError: it refused, or died."""
    context = multiprocessing.get_context("spawn")
    answer, reply = context.Pipe(duplex=False)
    process = context.Process(target=errand, args=(reply, *arguments), daemon=True)
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
        raise
    finally:
        with suppress(OSError):
            answer.close()
    process.join()
    if word == "refused":
        raise UserError(str(result))
    return result
