"""A performance without a screen: a few plain lines, and an exit code that tells the truth."""

import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from math import inf
from time import monotonic
from typing import TextIO

from engine.messages import Quit
from engine.session import Session
from engine.setup import Setup
from engine.snapshot import Snapshot
from live import takes
from live.notices import news
from live.words import newest

FAREWELL = 5.0  # seconds that the player gets to end its notes and close its files
ANSWER = 60.0  # seconds that the player gets to say its first word, on a machine that is busy loading
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
FAILED = 1


def headless(setup: Setup, begin: Callable[[Setup], Session] = Session) -> int:
    """Play until the performance ends or a signal comes; return 0, or 1 if something failed, and say what."""
    wanted: list[str] = []
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            continue  # under nohup it plays on without a terminal
        signal.signal(number, lambda number, _: wanted.append(signal.Signals(number).name))
    _say(f"live: {setup.preset}, seed {setup.seed}, {setup.bpm:g} bpm")
    if setup.record:
        _say(f"recording: {setup.record}")
    with begin(setup) as session:
        try:
            failure = _follow(session, wanted)
        except ConnectionError as error:
            failure = f"the player could not start: {error}"
    taken = True
    if setup.record:
        taken, line = takes.account(setup.record)
        if taken:
            _say(line)
        else:
            _say(f"live: {line}", sys.stderr)
    if failure is not None:
        _say(f"live: {failure}", sys.stderr)
    return 0 if failure is None and taken else FAILED


def _follow(session: Session, wanted: list[str]) -> str | None:
    """Tell what happens until it is over; return why it failed, or None."""
    snapshot: Snapshot | None = None
    answer, farewell = monotonic() + ANSWER, inf
    while snapshot is None or not snapshot.finished:
        if wanted and farewell == inf:
            _say(f"{wanted[0]}: ending every note")
            session.send(Quit())
            farewell = monotonic() + FAREWELL
        if monotonic() > farewell:
            return f"the player did not leave within {FAREWELL:g} s"
        if snapshot is None and monotonic() > answer:
            return f"the player did not answer within {ANSWER:g} s"
        now = session.poll(0.1)
        if now is None:
            continue
        tell(snapshot, now)
        snapshot = now
    return f"the performance failed: {newest(snapshot)}" if snapshot.failed else None


def tell(before: Snapshot | None, now: Snapshot) -> None:
    """Print what is new since the snapshot `before`."""
    if before is None or before.out_port != now.out_port:
        _say(f"port: {now.out_port}")
    if before is None or before.in_port != now.in_port:
        _say(f"controllers: {now.in_port or 'no input'}")
    if now.sync and (before is None or _apart_from_tempo(before.sync) != _apart_from_tempo(now.sync)):
        _say(f"sync: {now.sync}")
    for notice in news(before.notices if before else (), now.notices):
        _say(notice)
    if now.tick >= 0 and now.playing and (before is None or before.tick < 0 or not before.playing):
        _say("playing")
    if now.finished:
        _say(f"ended; late bars: {now.late_bars}")


def _apart_from_tempo(sync: str) -> str:
    """Return how keeping time goes without the tempo, of which a ramp would make a line each time."""
    return re.sub(r"\d+\.\d", "", sync)


def _say(line: str, where: TextIO | None = None) -> None:
    with suppress(OSError):  # a terminal that hung up, a pipe that closed
        print(line, file=where, flush=True)
