"""One real performance, measured: its notes at a second process, its knobs moved by a third."""

import os
import random
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from engine import machine, witness
from engine.messages import Play, Quit, SetParameter, Snapshot
from engine.midi import INPUT_CLIENT, INPUT_PORT
from engine.session import Session, Setup
from live.errand import Helper, UserError, beside
from live.figures import growth, knob_figures, note_figures
from live.words import newest

PATIENCE = 120.0  # seconds to wait for the performance to begin, or to end, on a machine that is busy
FRAME = 1 / 30  # seconds between looks at the snapshots, as the screen looks
FIRST_CONTROL = 20  # undefined in General MIDI, as are the eleven after it
RESTING = 1 / 3  # of the time nobody moves a knob
SWEEP = 0.01  # seconds between the control changes of a hand that turns
FRANTIC = 0.001  # and of a controller gone mad
KNOBS = f"{INPUT_CLIENT}:{INPUT_PORT}"

Plan = list[tuple[float, int, int]]  # (seconds, control, position)


def gestures(seconds: float, controls: int, seed: int = 0, sweep: float = SWEEP) -> Plan:
    """Return what a hand does with `controls` knobs: sweeps, and single moves in between.

    The sweeps begin at the bottom, so that soft takeover lets them in; their control changes are `sweep`
    seconds apart, and the single moves twenty times that on average. The same every time.
    """
    chance, plan, at, turn = random.Random(seed), [], 0.0, 0
    while at < seconds:
        control = FIRST_CONTROL + turn % controls
        for position in (*range(0, 128, 2), *range(126, 54, -2)):
            plan.append((at, control, position))
            at += sweep
        for _ in range(5):
            at += sweep * chance.uniform(10, 30)
            plan.append((at, control, chance.randrange(128)))
        at += sweep * chance.uniform(10, 30)
        turn += 1
    return [move for move in plan if move[0] < seconds]


def perform(
    setup: Setup, seconds: float, begin: Callable[[Setup], Session] = Session, *, stress: bool = False
) -> dict[str, Any]:
    """Play `setup` for `seconds`, knobs at rest first and then moving; return the figures.

    `stress` has every core busy with something else meanwhile, and knobs that move a thousand times a
    second. UserError: it could not play.
    """
    moved = [f"knob{number}" for number in range(1, len(setup.axes) + 1)] + ["interpolation"]
    bindings = {name: (0, FIRST_CONTROL + index) for index, name in enumerate(moved)}
    setup = replace(
        setup, play=False, sound=False, bars=None, bindings=bindings, clock=True, measure=True, opening=None
    )
    resting = seconds * RESTING
    plan = gestures(seconds - resting, len(moved), sweep=FRANTIC if stress else SWEEP)
    with begin(setup) as session, ExitStack() as helpers:
        run = Run(session)
        run.until(lambda snapshot: snapshot.composer == "ready", "the composer is ready")
        api, port = session.port
        hearing, deaf = _join(helpers, api, witness.hear, api, port)
        moving, held = _join(helpers, api, witness.move, api, KNOBS, plan)
        for _ in range((os.cpu_count() or 1) if stress else 0):
            helpers.enter_context(beside(witness.burn))
        session.send(Play())
        run.until(lambda snapshot: snapshot.playing and snapshot.tick >= 0, "it plays")
        at_rest, small = Usage.of(run.pids()), run.memory()
        run.follow(resting)
        begun = Usage.of(run.pids())
        commands = []
        if moving is not None:
            moving.tell()
        else:
            commands = [(at, moved[control - FIRST_CONTROL], value / 127) for at, control, value in plan]
        run.follow(seconds - resting, commands)
        ended = Usage.of(run.pids())
        memory = run.memory()
        scheduled = machine.scheduling(run.pids()["player"])
        if moving is not None:
            moving.result()
        session.send(Quit())
        last = run.until(lambda snapshot: snapshot.finished, "it ends")
        measured = session.measured
        heard = None if hearing is None else hearing.result()
    if measured is None or not measured.due:
        raise UserError("the performance ended without a note")
    hand = f"control changes on {api}: {KNOBS}" if moving is not None else f"commands: {held}"
    return {
        "seconds": seconds,
        "out_port": last.out_port,
        "player_scheduling": scheduled,
        **note_figures(measured, heard, deaf, setup.bpm),
        **knob_figures(measured, hand),
        "late_bars": last.late_bars,
        "cpu_percent_with_clock": at_rest.percent(begun),
        "cpu_percent_knobs_moving": begun.percent(ended),
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
    """Follows a performance as its screen would."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last: Snapshot | None = None

    def pids(self) -> dict[str, int]:
        """Return the processes of the performance, this one as "live"."""
        pids = self._session.pids | {"live": os.getpid()}
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

    def follow(self, seconds: float, commands: list[tuple[float, str, float]] | None = None) -> None:
        """Take snapshots for `seconds`, moving parameters as `commands` say: (seconds, name, value)."""
        begun, due = monotonic(), iter(commands or ())
        following = next(due, None)
        while (now := monotonic() - begun) < seconds:
            while following is not None and following[0] <= now:
                self._session.send(SetParameter(following[1], following[2]))
                following = next(due, None)
            self._look(FRAME if following is None else max(0.0, min(FRAME, following[0] - now)))

    def _look(self, timeout: float = FRAME) -> None:
        try:
            self._last = self._session.poll(timeout) or self._last
        except ConnectionError as error:
            raise UserError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time of each process at one moment."""

    at: float
    seconds: Mapping[str, float | None]

    @classmethod
    def of(cls, pids: Mapping[str, int]) -> "Usage":
        """Return it now."""
        return cls(monotonic(), {name: machine.cpu_seconds(pid) for name, pid in pids.items()})

    def percent(self, later: "Usage") -> dict[str, float | None]:
        """Return the share of one core that each took until `later`, and player and composer together."""
        span = later.at - self.at
        found: dict[str, float | None] = {}
        for name, before in self.seconds.items():
            after = later.seconds.get(name)
            found[name] = None if before is None or after is None else round(100 * (after - before) / span, 1)
        player, composer = found.get("player"), found.get("composer")
        both = None if player is None or composer is None else round(player + composer, 1)
        found["player and composer"] = both
        return found


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
