"""Measures an installation on the user's own machine: one real performance, decoding, and fresh starts."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine import bench, machine, manifest
from engine.entry import ManifestError
from engine.preset import AnchorPreset, Preset
from engine.session import Session
from engine.setup import Setup, from_preset
from live import fresh
from live.errand import UserError, run, say
from live.trial import RESTING, perform, rest

BPM, STRESSED_BPM = 120.0, 200.0  # of the performance, so that figures compare from preset to preset
REST = 60.0  # seconds at most of playing with the knobs at rest
STARTS = 3  # fresh processes timed; the median is reported, and each of them
MACHINE = ("system", "processor", "cores", "load", "memory_free", "clock_source", "python", "wheels")


def measure(
    preset: Preset,
    name: str | None,
    *given: str,
    bars: int,
    seconds: float,
    against: bool = False,
    stress: bool = False,
    begin: Callable[[Setup], Session] = Session,
) -> dict[str, Any]:
    """Return the figures; milliseconds, seconds, MiB and percent of one core as the keys say.

    A fresh start is that of `name` with the options `given`; None for a preset that has no name to start by.

    Null stands for what this machine does not tell, with a reason beside it where there is one. Everything
    that was measured counts; only the warm-up of decoding is apart. UserError: the preset does not play.
    """
    setup = from_preset(preset)
    facts = machine.facts()  # before this loads the machine
    say(f"decoding {bars} bars")
    figures: dict[str, Any] = {"preset": preset.name} | _decoding(setup, bars, against)
    say(f"playing for {seconds:g} seconds, after some at rest")
    figures["cpu_percent"] = rest(replace(setup, bpm=BPM), min(REST, seconds * RESTING), begin)
    setup = replace(setup, bpm=STRESSED_BPM if stress else BPM)
    figures |= {"stress": stress} | perform(setup, seconds, begin, stress=preset if stress else None)
    if name is None:
        lacking = "a model given by --model is in no preset that could be started"
        figures |= {"first_note_s": None, "screen_s": None, "start_reason": lacking}
    else:
        say("starting afresh")
        starts, memory = _starts(preset, [name, *given])
        figures |= starts
        if figures["screen_frames_a_second"] is None and memory is not None:  # no screen was measured yet
            figures["rss_mib"]["live"] = memory
    told = [value for value in figures["rss_mib"].values() if value is not None]
    figures["rss_mib"]["all"] = round(sum(told), 1) if told else None
    figures["machine"] = {key: getattr(facts, key) for key in MACHINE} | {"wheels": dict(facts.wheels)}
    return figures


def with_model(preset: Preset, file: str) -> Preset:
    """Return `preset` with the model in `file` in the place of its own, and without its knobs and anchors.

    UserError: a file that is no model of the preset's voices.
    """
    try:
        contract = manifest.read(Path(file))
    except ManifestError as error:
        raise UserError(f"--model: {error}") from error
    if contract.voices != preset.manifest.voices:
        raise UserError(f"--model {file}: plays {contract.voices}, the preset {preset.manifest.voices}")
    draws = AnchorPreset("seed", 0), AnchorPreset("seed", 1)
    return replace(preset, model=Path(file), manifest=contract, knobs=(), anchors=draws, opening=None)


def _decoding(setup: Setup, bars: int, against: bool) -> dict[str, Any]:
    found = run(bench.decode, setup, bars, against)
    figures = {"decode_ms_per_bar": found.pop("decode_ms_per_bar"), "against": found.pop("against", None)}
    figures["decode"] = found
    if not against:
        del figures["against"]
    return figures


def _starts(preset: Preset, words: Sequence[str]) -> tuple[dict[str, Any], float | None]:
    """Return how long fresh processes take, and the memory of the one with the screen, None without one."""
    notes = [fresh.first_note(*words) for _ in range(STARTS)]
    figures: dict[str, Any] = {
        "first_note_s": round(statistics.median(notes), 2),
        "first_note_runs_s": [round(seconds, 2) for seconds in notes],
    }
    try:
        screens = [fresh.screen(preset, *words) for _ in range(STARTS)]
    except UserError as error:
        return figures | {"screen_s": None, "screen_reason": str(error)}, None
    return figures | {
        "screen_s": round(statistics.median(seconds for seconds, _ in screens), 2),
        "screen_runs_s": [round(seconds, 2) for seconds, _ in screens],
    }, screens[-1][1]


def table(figures: dict[str, Any]) -> str:
    """Return the figures as lines of text, percentiles side by side."""
    lines = []
    for name, value in figures.items():
        if name == "machine":
            lines += [""] + [f"{key:<28} {_cell(found)}" for key, found in value.items()]
        elif name == "against":
            lines += [f"against: {key:<19} {_cell(found)}" for key, found in value.items()]
        else:
            lines.append(f"{name:<28} {_cell(value)}")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return "   ".join(f"{name} {_cell(found)}" for name, found in value.items())
    if isinstance(value, list | tuple):
        return "  ".join(_cell(each) for each in value)
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
