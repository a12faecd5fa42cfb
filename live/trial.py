"""One real performance, measured: its notes at a second process, its knobs moved by a third."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

from engine import machine, priority, witness
from engine.messages import Play, Quit, SetParameter
from engine.midi import INPUT_CLIENT, INPUT_PORT
from engine.preset import Preset
from engine.session import Session
from engine.setup import Setup
from engine.snapshot import Snapshot
from engine.sweeps import FIRST_CONTROL, Hand
from live.errand import Helper, UserError, beside
from live.figures import growth, knob_figures, note_figures, stall_figures
from live.mirror import Mirror
from live.usage import Usage
from live.words import newest

PATIENCE = 120.0  # seconds to wait for the performance to begin, or to end, on a machine that is busy
FRAME = 1 / 30  # seconds between looks at the snapshots, as the screen looks
RESTING = 1 / 3  # of the time nobody moves a knob, but under stress
KNOBS = f"{INPUT_CLIENT}:{INPUT_PORT}"


def perform(
    setup: Setup, seconds: float, begin: Callable[[Setup], Session] = Session, *, stress: Preset | None = None
) -> dict[str, Any]:
    """Play `setup` for `seconds`, knobs at rest first and then moving; return the figures.

    `stress` has every core busy with something else meanwhile, the screen of that preset drawn, the take
    recorded, and a thousand control changes a second from the first note on, so that there is always
    something to decode.
    UserError: it could not play.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _performed(
            replace(setup, record=str(Path(folder) / "take.mid")) if stress else setup, seconds, begin, stress
        )


def _performed(
    setup: Setup, seconds: float, begin: Callable[[Setup], Session], stress: Preset | None
) -> dict[str, Any]:
    moved = [f"knob{number}" for number in range(1, len(setup.axes) + 1)] + ["interpolation"]
    bindings = {name: (0, FIRST_CONTROL + index) for index, name in enumerate(moved)}
    setup = replace(
        setup, play=False, sound=False, bars=None, bindings=bindings, clock=True, measure=True, opening=None
    )
    resting = 0.0 if stress else seconds * RESTING
    hand = Hand(seconds - resting, len(moved), frantic=stress is not None)
    with begin(setup) as session, ExitStack() as helpers:
        screen, blind = _screen(helpers, stress)
        run = Run(session, screen)
        run.until(lambda snapshot: snapshot.composer == "ready", "the composer is ready")
        api, port = session.port
        hearing, deaf = _join(helpers, api, witness.hear, api, port)
        moving, held = _join(helpers, api, witness.move, api, KNOBS, hand)
        for _ in range((priority.cores() or 1) if stress else 0):
            helpers.enter_context(beside(witness.burn))
        session.send(Play())
        run.until(lambda snapshot: snapshot.playing and snapshot.tick >= 0, "it plays")
        at_rest, small = Usage.of(run.pids()), run.memory()
        run.follow(resting)
        begun, drawn = Usage.of(run.pids()), screen.frames if screen else 0
        if moving is not None:
            moving.tell()
        sent = run.follow(seconds - resting, _commands(moved, hand) if moving is None else ())
        ended, frames = Usage.of(run.pids()), screen.frames - drawn if screen else 0
        memory = run.memory()
        scheduled = priority.scheduling(run.pids()["player"])
        if moving is not None:
            sent = moving.result()
        session.send(Quit())
        last = run.until(lambda snapshot: snapshot.finished, "it ends")
        measured = session.measured
        heard = None if hearing is None else hearing.result()
    if measured is None or not measured.due:
        raise UserError("the performance ended without a note")
    if screen is not None and screen.died:
        screen, blind = None, "the screen died on the way"
    by = f"control changes on {api}: {KNOBS}" if moving is not None else f"commands: {held}"
    return {
        "seconds": seconds,
        "out_port": last.out_port,
        "player_scheduling": scheduled,
        **note_figures(measured, heard, deaf, setup.bpm),
        **stall_figures(measured),
        **knob_figures(measured, by, sent),
        "late_bars": last.late_bars,
        "cpu_percent_with_clock": at_rest.percent(begun) if resting else None,
        "cpu_percent_knobs_moving": begun.percent(ended),
        "screen_frames_a_second": round(frames / (ended.at - begun.at), 1) if screen else None,
        "screen_frames_reason": blind,
        "rss_mib": memory,
        "rss_growth_mib": growth(small, memory),
    }


def rest(
    setup: Setup, seconds: float, begin: Callable[[Setup], Session] = Session
) -> dict[str, float | None]:
    """Return the share of one core that each process takes while `setup` plays, all knobs at rest.

    UserError: it could not play.
    """
    with begin(replace(setup, sound=False, bars=None)) as session:
        run = Run(session)
        run.until(lambda snapshot: snapshot.composer == "ready" and snapshot.tick >= 0, "it plays")
        begun = Usage.of(run.pids())
        run.follow(seconds)
        return begun.percent(Usage.of(run.pids()))


class Run:
    """Follows a performance as its screen would, or on behalf of one."""

    def __init__(self, session: Session, screen: Mirror | None = None) -> None:
        self._session = session
        self._screen = screen
        self._last: Snapshot | None = None

    def pids(self) -> dict[str, int]:
        """Return the processes of the performance, that of the screen, or this one, as "live"."""
        pids = self._session.pids | {"live": self._screen.pid if self._screen else os.getpid()}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def memory(self) -> dict[str, float | None]:
        """Return the MiB that each process holds."""
        return {name: machine.resident_mib(pid) for name, pid in self.pids().items()}

    def until(self, holds: Callable[[Snapshot], bool], what: str) -> Snapshot:
        """Wait for a snapshot for which `holds` is true; UserError: it never is, or nothing can be played."""
        deadline = monotonic() + PATIENCE
        while self._last is None or not holds(self._last):
            self._look()
            if self._last is not None and self._last.failed:
                raise UserError(f"it cannot be measured: {newest(self._last)}")
            if monotonic() > deadline:
                raise UserError(f"waited {PATIENCE:.0f} s in vain until {what}")
        return self._last

    def follow(self, seconds: float, commands: Iterable[tuple[float, str, float]] = ()) -> int:
        """Take snapshots for `seconds`, moving parameters as `commands` say: (seconds, name, value).

        Returns how many were moved.
        """
        begun, due, sent = monotonic(), iter(commands), 0
        following = next(due, None)
        while (now := monotonic() - begun) < seconds:
            while following is not None and following[0] <= now:
                self._session.send(SetParameter(following[1], following[2]))
                sent += 1
                following = next(due, None)
            self._look(FRAME if following is None else max(0.0, min(FRAME, following[0] - now)))
        return sent

    def _look(self, timeout: float = FRAME) -> None:
        try:
            snapshot = self._session.poll(timeout)
        except ConnectionError as error:
            raise UserError(str(error)) from error
        if snapshot is not None:
            self._last = snapshot
            if self._screen is not None:
                self._screen.show(snapshot)


def _join(
    helpers: ExitStack, api: str, work: Callable[..., None], *arguments: object
) -> tuple[Helper | None, str | None]:
    """Start a process on the ports of `api`, or say why that cannot be."""
    if not api:
        return None, "no MIDI system answers"
    try:
        return helpers.enter_context(beside(work, *arguments)), None
    except UserError as error:
        return None, str(error)


def _screen(helpers: ExitStack, preset: Preset | None) -> tuple[Mirror | None, str | None]:
    """Start the screen of `preset`, or say why there is none."""
    if preset is None:
        return None, "only with --stress"
    try:
        return helpers.enter_context(Mirror(preset)), None
    except UserError as error:
        return None, str(error)


def _commands(names: list[str], hand: Hand) -> Iterator[tuple[float, str, float]]:
    """Yield the moves of a hand for which there is no port: (seconds, parameter, value)."""
    for at, control, position in hand.moves():
        yield at, names[control - FIRST_CONTROL], position / 127
