"""What limits timing on this machine and how to mend it, and how well it plays."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine import errands, machine
from engine.machine import Facts
from engine.session import Session
from live.errand import UserError, run, say
from live.prescriptions import BAD, COULD, OK, Finding, findings
from live.probe import Knob, Lateness, measure, prompt, said, told, verdict


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that the doctor found."""

    facts: Facts
    steal_percent: float | None
    findings: tuple[Finding, ...]
    alone: Lateness
    playing: Lateness
    knob: Knob


def examine(seconds: float, begin: Callable[..., Session] = Session) -> Examination:
    """Look at this machine and measure for `seconds`; what cannot be found out is said, never raised."""
    say("looking at the machine")
    facts = devices(machine.facts())
    before = machine.cpu_times()
    say(f"measuring for {seconds:g} seconds")
    alone, playing, knob = measure(seconds, begin)
    after = machine.cpu_times()
    steal = None
    if before is not None and after is not None and after[1] > before[1]:
        steal = round(100 * (after[0] - before[0]) / (after[1] - before[1]), 2)
    return Examination(facts, steal, tuple(findings(facts, steal)), alone, playing, knob)


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


EXPECT = {
    OK: "nobody hears that: a MIDI cable alone takes a millisecond a note",
    COULD: "tight for most ears; drums may flam now and then",
    BAD: "audible: mend what is not ok above",
}
PROMPT = {
    OK: "what is turned 20 ms before a step is heard at it",
    COULD: "now and then a knob is heard a step later",
    BAD: "a knob is heard a step or two later: mend what is not ok above, real-time scheduling first",
}


def plain(found: Examination) -> dict[str, Any]:
    """Return everything as JSON has it."""
    facts = asdict(found.facts) | {"midi": dict(found.facts.midi or ()), "wheels": dict(found.facts.wheels)}
    if facts["locked_limit"] == float("inf"):
        facts["locked_limit"] = "unlimited"
    if facts["priority_limit"] == float("inf"):
        facts["priority_limit"] = "unlimited"
    lateness, granted = {"alone": found.alone, "playing": found.playing}, found.facts.real_time
    return {
        "facts": facts,
        "steal_percent": found.steal_percent,
        "findings": [asdict(finding) for finding in found.findings],
        "lateness": {
            name: asdict(late) | {"verdict": verdict(late, granted)} for name, late in lateness.items()
        },
        "knob": asdict(found.knob) | {"verdict": prompt(found.knob)},
    }


def text(found: Examination) -> str:
    """Return everything as lines for the terminal."""
    lines: list[str] = []
    for finding in found.findings:
        lines += _lines(finding)
    for topic, late in (("notes, alone", found.alone), ("notes, knobs moving", found.playing)):
        word = verdict(late, found.facts.real_time)
        lines += _lines(Finding(topic, word, said(late), EXPECT.get(word, "")))
    word = prompt(found.knob)
    lines += _lines(Finding("from knob to note", word, told(found.knob), PROMPT.get(word, "")))
    return "\n".join(lines)


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.verdict:<16} {finding.topic:<21} {finding.found}"
    if finding.cure:
        yield f"{'':<16} {'':<21} -> {finding.cure}"
