"""Begins a performance: on the screen, or headless with a few plain lines."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from engine import errands
from engine.messages import Quit, Snapshot
from engine.preset import Preset
from engine.session import Session, Setup, from_preset
from live.errand import UserError, run
from live.settings import controllers_file, load_controllers

FAREWELL = 5.0  # seconds that the player gets to end its notes and close its files
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks of a performance; None leaves it to the preset or to the machine."""

    bpm: float | None = None
    seed: int | None = None
    record: str | None = None
    bars: int | None = None
    delay: float = 0.0
    port: str | None = None
    api: str | None = None
    sound: bool | None = None
    headless: bool = False


def setup_for(preset: Preset, wishes: Wishes) -> Setup:
    """Return the Setup of a performance; UserError: there is no such port, or the recording has no place."""
    record = str(place_for(wishes.record)) if wishes.record else None
    if wishes.port or wishes.api:
        run(errands.check_port, wishes.api, wishes.port)
    setup = from_preset(preset)
    return replace(
        setup,
        bpm=setup.bpm if wishes.bpm is None else wishes.bpm,
        seed=setup.seed if wishes.seed is None else wishes.seed,
        bindings=load_controllers(controllers_file(preset.name)),
        bars=wishes.bars,
        delay=wishes.delay,
        record=record,
        port=wishes.port,
        api=wishes.api,
        sound=bool(wishes.sound),
        # a null device keeps the built-in sound silent where it would step in for a missing port
        sound_device="null" if wishes.sound is False else setup.sound_device,
        headless=wishes.headless,
    )


def place_for(file: str) -> Path:
    """Return the absolute path of a new .mid file; UserError: it exists or cannot be written there."""
    path = Path(file).expanduser().absolute()
    if path.exists():
        raise UserError(f"{file} exists already and is not overwritten; choose another name")
    if not path.parent.is_dir():
        raise UserError(f"{file}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{file}: the folder {path.parent} cannot be written to")
    return path


def on_screen(preset: Preset, setup: Setup) -> int:
    """Play on the screen until the performer leaves; return the exit code."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UserError("the screen needs a terminal; without one, add --headless")
    session = Session(setup)  # its processes load while Textual does
    try:
        from live.app import Stage

        stage = Stage(preset, session, Path.cwd())
    except BaseException:
        session.close()
        raise
    try:
        stage.run()
    finally:
        left = stage.hang_up()
    if not left:
        print("live: the engine did not answer; its guard ends every note", file=sys.stderr)
    return stage.return_code or 0


def headless(setup: Setup, begin: Callable[[Setup], Session] = Session) -> int:
    """Play without a screen until the performance ends or a signal comes; return the exit code."""
    wanted: list[str] = []
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: wanted.append(signal.Signals(number).name))
    _say(f"live: {setup.preset}, seed {setup.seed}, {setup.bpm:g} bpm")
    if setup.record:
        _say(f"recording: {setup.record}")
    with begin(setup) as session:
        snapshot: Snapshot | None = None
        deadline = float("inf")
        try:
            while monotonic() < deadline and not (snapshot and snapshot.finished):
                if wanted and deadline == float("inf"):
                    _say(f"{wanted[0]}: ending every note")
                    session.send(Quit())
                    deadline = monotonic() + FAREWELL
                newest = session.poll(0.1)
                if newest is not None:
                    _tell(snapshot, newest)
                    snapshot = newest
        except ConnectionError as error:
            raise UserError(f"the player could not start: {error}") from error
    return 0


def _tell(before: Snapshot | None, now: Snapshot) -> None:
    if before is None or before.out_port != now.out_port:
        _say(f"port: {now.out_port}")
    if before is None or before.in_port != now.in_port:
        _say(f"controllers: {now.in_port or 'no input'}")
    known = before.notices if before else ()
    for notice in now.notices:
        if notice not in known:
            _say(notice)
    if now.tick >= 0 and now.playing and (before is None or before.tick < 0 or not before.playing):
        _say("playing")
    if now.finished:
        _say(f"ended; late bars: {now.late_bars}")


def _say(line: str) -> None:
    with suppress(OSError):  # a terminal that hung up, a pipe that closed
        print(line, flush=True)
