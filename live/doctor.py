"""What limits timing on this machine and how to mend it, and how late notes are on it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine import errands, machine, metronome, witness
from engine.bench import percentiles
from engine.clock import read
from engine.machine import Facts
from engine.messages import Play, Quit
from engine.preset import PresetError
from engine.session import Session, Setup, from_preset
from engine.shelf import find
from live.errand import UserError, beside, run, say
from live.options import DEFAULTS
from live.prescriptions import BAD, COULD, OK, UNKNOWN, Finding, findings
from live.trial import Run

# p99 and worst in ms up to which notes are ok, then up to which they could be better.
TIGHT, LOOSE = (1.0, 5.0), (10.0, 25.0)


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late `notes` notes were sent, ms; or `reason`, why that was not measured."""

    notes: int = 0
    ms: dict[str, float] | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that the doctor found."""

    facts: Facts
    steal_percent: float | None
    findings: tuple[Finding, ...]
    alone: Lateness
    decoding: Lateness


def examine(seconds: float, begin: Callable[..., Session] = Session) -> Examination:
    """Look at this machine and measure for `seconds`; what cannot be found out is said, never raised."""
    say("looking at the machine")
    facts = devices(machine.facts())
    before = machine.cpu_times()
    say(f"measuring for {seconds:g} seconds")
    alone, decoding = measure(seconds, begin)
    after = machine.cpu_times()
    steal = None
    if before is not None and after is not None and after[1] > before[1]:
        steal = round(100 * (after[0] - before[0]) / (after[1] - before[1]), 2)
    return Examination(facts, steal, tuple(findings(facts, steal)), alone, decoding)


def devices(facts: Facts) -> Facts:
    """Return `facts` with what must be asked in processes of their own."""
    granted, _ = _asked(errands.grants)
    if granted is not None:
        facts = replace(facts, real_time=granted[0], locked=granted[1])
    midi, trouble = _asked(errands.midi_systems)
    if midi is None:
        facts = replace(facts, midi=(), midi_trouble=trouble)
    else:
        facts = replace(facts, midi=tuple((name, why) for name, why in midi[0]), jack_period_ms=midi[1])
    sound, trouble = _asked(errands.sound_system)
    return replace(facts, sound=sound or "", sound_trouble=trouble)


def _asked(errand: Callable[..., None]) -> tuple[Any, str]:
    try:
        return run(errand), ""
    except UserError as error:
        return None, str(error)


def shipped() -> Setup:
    """Return the performance whose composer is at work beside the notes; PresetError: it is not there."""
    return from_preset(find(str(DEFAULTS["preset"])))


def measure(
    seconds: float, begin: Callable[..., Session] = Session, beside_it: Callable[[], Setup] = shipped
) -> tuple[Lateness, Lateness]:
    """Play sixteen notes a second, half of `seconds` alone and half beside a composer at work."""
    spans: list[tuple[float, float]] = []
    trouble = ""
    try:
        with ExitStack() as helpers, begin(metronome.setup(), metronome.run) as session:
            playing = Run(session)
            playing.until(lambda snapshot: snapshot.composer == "ready", "the player is ready")
            session.send(Play())
            playing.until(lambda snapshot: snapshot.playing and snapshot.tick >= 0, "it plays")
            spans.append(_span(playing, seconds / 2))
            try:
                composer = helpers.enter_context(beside(witness.decode, beside_it()))
            except (UserError, PresetError) as error:
                trouble = str(error)
            else:
                spans.append(_span(playing, seconds / 2))
                composer.result()
            session.send(Quit())
            playing.until(lambda snapshot: snapshot.finished, "it ends")
            measured = session.measured
    except UserError as error:
        return Lateness(reason=str(error)), Lateness(reason=str(error))
    if measured is None:
        return Lateness(reason="the player left too early"), Lateness(reason="the player left too early")
    due, sent = np.frombuffer(measured.due), np.frombuffer(measured.sent)
    found = [_within(due, sent, span) for span in spans]
    return found[0], found[1] if len(found) > 1 else Lateness(reason=trouble)


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


def verdict(late: Lateness) -> str:
    """Return how good it is."""
    if late.ms is None:
        return UNKNOWN
    for (p99, worst), word in ((TIGHT, OK), (LOOSE, COULD)):
        if late.ms["p99"] <= p99 and late.ms["max"] <= worst:
            return word
    return BAD


EXPECT = {
    OK: "nobody hears that: a MIDI cable alone takes a millisecond a note",
    COULD: "tight for most ears; drums may flam now and then",
    BAD: "audible: mend what is not ok above",
}


def plain(found: Examination) -> dict[str, Any]:
    """Return everything as JSON has it."""
    facts = asdict(found.facts) | {"midi": dict(found.facts.midi or ()), "wheels": dict(found.facts.wheels)}
    if facts["locked_limit"] == float("inf"):
        facts["locked_limit"] = "unlimited"
    if facts["priority_limit"] == float("inf"):
        facts["priority_limit"] = "unlimited"
    lateness = {"alone": found.alone, "beside_a_composer": found.decoding}
    return {
        "facts": facts,
        "steal_percent": found.steal_percent,
        "findings": [asdict(finding) for finding in found.findings],
        "lateness": {name: asdict(late) | {"verdict": verdict(late)} for name, late in lateness.items()},
    }


def text(found: Examination) -> str:
    """Return everything as lines for the terminal."""
    lines: list[str] = []
    for finding in found.findings:
        lines += _lines(finding)
    late = (("notes, alone", found.alone), ("notes, composer busy", found.decoding))
    for topic, lateness in late:
        lines += _lines(Finding(topic, verdict(lateness), said(lateness), EXPECT.get(verdict(lateness), "")))
    return "\n".join(lines)


def said(late: Lateness) -> str:
    """Return the lateness in words."""
    if late.ms is None:
        return f"not measured: {late.reason}"
    figures = ", ".join(f"{name} {value:.2f}" for name, value in late.ms.items())
    return f"sent late by {figures} ms ({late.notes} notes)"


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.verdict:<16} {finding.topic:<21} {finding.found}"
    if finding.cure:
        yield f"{'':<16} {'':<21} -> {finding.cure}"
