"""How late notes are on this machine, and how soon a turned knob is heard: measured, and judged."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine import metronome
from engine.bench import percentiles
from engine.clock import read
from engine.messages import Play, Quit
from engine.preset import PresetError
from engine.session import Session
from engine.setup import Setup, from_preset
from engine.shelf import find
from live.errand import UserError
from live.options import DEFAULTS
from live.prescriptions import BAD, COULD, OK, UNKNOWN
from live.trial import Run, perform

# p99 and worst in ms up to which notes are ok where real-time scheduling is granted, and where it is not; and
# up to which they could be better: beyond that everybody hears it.
TIGHT, FAIR, LOOSE = (0.2, 1.0), (5.0, 15.0), (10.0, 25.0)
FEW, MANY = 0.01, 0.1  # shares of the steps without a knob moved 20 ms before: ok, and audible
ALONE = 1 / 3  # of the time, in which nothing but notes is played


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late `notes` notes were sent, ms; or `reason`, why that was not measured."""

    notes: int = 0
    ms: dict[str, float] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Knob:
    """How soon a moved knob was heard, ms, and how many of `steps` it `missed`; or the `reason` for neither.

    A step is missed by a move that came 20 ms or more before it and is not heard at it. `by` says what moved.
    """

    steps: int = 0
    missed: int = 0
    ms: dict[str, float] | None = None
    by: str = ""
    reason: str = ""


def shipped() -> Setup:
    """Return the performance in which knobs are moved; PresetError: it is not there."""
    return from_preset(find(str(DEFAULTS["preset"])))


def measure(
    seconds: float, begin: Callable[..., Session] = Session, then: Callable[[], Setup] = shipped
) -> tuple[Lateness, Lateness, Knob]:
    """Play sixteen notes a second for a third of `seconds`, then a real performance whose knobs are moved."""
    alone = _alone(seconds * ALONE, begin)
    try:
        figures = perform(then(), seconds * (1 - ALONE), begin)
    except (UserError, PresetError) as error:
        return alone, Lateness(reason=str(error)), Knob(reason=str(error))
    steps, by = figures["knob_steps"], figures["knobs_moved_by"]
    knob = Knob(steps, figures["knob_missed_steps"], figures["knob_to_note_ms"], by)
    if not steps:
        knob = Knob(by=by, reason="no step came after a move")
    return alone, Lateness(figures["notes"]["sent"], figures["lateness_ms"]), knob


def _alone(seconds: float, begin: Callable[..., Session]) -> Lateness:
    try:
        with begin(metronome.setup(), metronome.run) as session:
            playing = Run(session)
            playing.until(lambda snapshot: snapshot.composer == "ready", "the player is ready")
            session.send(Play())
            playing.until(lambda snapshot: snapshot.playing and snapshot.tick >= 0, "it plays")
            span = _span(playing, seconds)
            session.send(Quit())
            playing.until(lambda snapshot: snapshot.finished, "it ends")
            measured = session.measured
    except UserError as error:
        return Lateness(reason=str(error))
    if measured is None:
        return Lateness(reason="the player left too early")
    return _within(np.frombuffer(measured.due), np.frombuffer(measured.sent), span)


def _span(playing: Run, seconds: float) -> tuple[float, float]:
    """Follow the performance for `seconds`; return from when to when, on the engine's clock."""
    begun = read()
    playing.follow(seconds)
    return begun, read()


def _within(due: NDArray[np.float64], sent: NDArray[np.float64], span: tuple[float, float]) -> Lateness:
    chosen = (due >= span[0]) & (due < span[1])
    if not chosen.any():
        return Lateness(reason="no note was due")
    return Lateness(int(chosen.sum()), percentiles((sent - due)[chosen] * 1000.0))


def verdict(late: Lateness, real_time: bool | None) -> str:
    """Return how good it is where `real_time` scheduling is granted, or not."""
    if late.ms is None:
        return UNKNOWN
    for (p99, worst), word in ((TIGHT if real_time else FAIR, OK), (LOOSE, COULD)):
        if late.ms["p99"] <= p99 and late.ms["max"] <= worst:
            return word
    return BAD


def prompt(knob: Knob) -> str:
    """Return how good it is."""
    if not knob.steps:
        return UNKNOWN
    share = knob.missed / knob.steps
    return OK if share <= FEW else COULD if share <= MANY else BAD


def said(late: Lateness) -> str:
    """Return the lateness in words."""
    if late.ms is None:
        return f"not measured: {late.reason}"
    figures = ", ".join(f"{name} {value:.2f}" for name, value in late.ms.items())
    return f"sent late by {figures} ms ({late.notes} notes)"


def told(knob: Knob) -> str:
    """Return how soon a knob is heard, in words."""
    if knob.ms is None or not knob.steps:
        return f"not measured: {knob.reason}"
    figures = ", ".join(f"{name} {value:.0f}" for name, value in knob.ms.items())
    return f"missed {knob.missed} of {knob.steps} steps; heard after {figures} ms ({knob.by})"
