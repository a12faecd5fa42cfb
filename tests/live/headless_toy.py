"""A headless performance of the toy composer, run as a process of its own by the tests."""

import os
import sys
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import toy_composer

from engine.request import ComposerState
from engine.session import Session
from live.headless import headless


def broken(connection: Connection, model: str, _: str) -> None:
    """Be a composer whose model cannot be loaded."""
    connection.send(ComposerState("failed", f"{model}: not a model"))
    connection.close()


def dying(connection: Connection, model: str, _: str) -> None:
    """Be a composer that dies before its first word, once."""
    once = Path(f"{model}.died")
    if not once.exists():
        once.touch()
        os._exit(7)
    toy_composer.run(connection, model)


COMPOSERS = {"toy": toy_composer.run, "broken": broken, "dying": dying}

if __name__ == "__main__":
    bars, record, compose = int(sys.argv[1]) or None, sys.argv[2], sys.argv[3]
    setup = toy_composer.setup(
        model=f"{record}.ts", bars=bars, record=record, bpm=240.0, seed=5, headless=True, sound=False
    )
    sys.exit(headless(setup, partial(Session, compose=COMPOSERS[compose])))
