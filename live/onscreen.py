"""A performance on the screen, from the first process to the last line after it."""

import sys
from pathlib import Path

from engine.preset import Preset
from engine.session import Session
from engine.setup import Setup
from live import log, takes
from live.errand import UserError

FAILED = 1


def on_screen(preset: Preset, setup: Setup) -> int:
    """Play until the performer leaves; return 0, or 1 if something failed, which is said then."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError("the screen needs a terminal; without one, add --headless")
    file = log.log_file()
    with log.aside(file) as kept:
        session = Session(setup)  # its processes load while Textual does
        try:
            from live.app import Stage

            stage = Stage(preset, session, Path.cwd(), setup.control, file if kept else None, port=setup.port)
        except BaseException:
            session.close()
            raise
        try:
            stage.run()
        finally:
            stage.gone.set()
            left = stage.hang_up()
    failures = [] if left else ["the engine did not answer; its guard ends every note"]
    if stage.failure:
        failures.append(stage.failure)
    for take in stage.takes:
        done, line = takes.account(take)
        if done:
            print(line)
        else:
            failures.append(line)
    for failure in failures:
        print(f"live: {failure}", file=sys.stderr)
    if failures and kept:
        print(f"live: what its processes said is in {file}", file=sys.stderr)
    return stage.return_code or (FAILED if failures else 0)
