"""What each command of the command line does; only what it needs is loaded."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from engine.messages import KNOBS, MAX_TEMPERATURE, PARAMETERS
from engine.opening import BARS
from engine.preset import Preset, PresetError
from engine.shelf import available, find, with_feel
from live.options import BENCH_BARS, BENCH_SECONDS, DOCTOR_SECONDS, parse
from live.values import number

MISTAKEN = 2


def answer(arguments: Sequence[str] | None) -> int:
    """Do what the command line says and return the exit code; what the user got wrong is said in one line."""
    options = parse(arguments)
    from live.errand import UserError  # multiprocessing is not needed to print the help

    try:
        return COMMANDS[options.command](options)
    except (PresetError, UserError) as error:
        print(f"live: {error}", file=sys.stderr)
        return MISTAKEN


def _play(options: argparse.Namespace) -> int:
    preset = with_feel(find(options.preset), options.feel)
    from live import play

    wishes = play.Wishes(
        bpm=options.bpm,
        swing=options.swing,
        seed=options.seed,
        record=options.record,
        bars=options.bars,
        delay=options.delay,
        offset=options.offset,
        count_in=options.count_in,
        clock=options.clock,
        sync=options.sync,
        port=options.port,
        control=options.control,
        api=options.api,
        sound=options.sound,
        headless=options.headless,
    )
    setup = play.setup_for(preset, wishes)
    if options.headless:
        from live.headless import headless

        return headless(setup)
    from live.onscreen import on_screen

    return on_screen(preset, setup)


def _presets(_: argparse.Namespace) -> int:
    from live import listing

    for line in listing.presets(available()):
        print(line)
    return 0


def _ports(_: argparse.Namespace) -> int:
    from engine import errands
    from live import listing
    from live.errand import run

    for line in listing.ports(run(errands.ports)):
        print(line)
    return 0


def _render(options: argparse.Namespace) -> int:
    preset = with_feel(find(options.preset), options.feel)
    from dataclasses import replace

    from engine import errands
    from engine.setup import from_preset
    from live.errand import run
    from live.takes import part_of, place_for

    output = place_for(options.output)
    setup = from_preset(preset)
    turned = dict(_knob(preset, text) for text in options.knob or ())
    if options.temperature is not None:
        turned["temperature"] = options.temperature / MAX_TEMPERATURE
    if options.swing is not None:
        turned["swing"] = options.swing
    setup = replace(
        setup,
        bpm=setup.bpm if options.bpm is None else options.bpm,
        seed=setup.seed if options.seed is None else options.seed,
        parameters=setup.parameters | turned,
    )
    try:
        run(errands.render, setup, options.bars, str(output))
    except KeyboardInterrupt:
        for half in (output, part_of(output)):  # half a performance is none
            half.unlink(missing_ok=True)
        raise KeyboardInterrupt(f"{options.output} is not written") from None
    print(f"{options.bars} bars of {preset.name}, seed {setup.seed}: {options.output}")
    return 0


def _finish(options: argparse.Namespace) -> int:
    from live import takes

    print(takes.finish(options.journal))
    return 0


def _opening(options: argparse.Namespace) -> int:
    preset = find(options.preset)
    from engine import errands
    from engine.setup import from_preset
    from live.errand import run

    bars = options.bars or BARS
    file = run(errands.opening, from_preset(preset), bars, str(preset.folder))
    print(f"the first {bars} bars of {preset.name}, seed {preset.seed}: {file}")
    return 0


def _bench(options: argparse.Namespace) -> int:
    preset = find(options.preset)
    from live import bench

    if options.model is not None:
        preset = bench.with_model(preset, options.model)
    figures = bench.measure(
        with_feel(preset, options.feel),
        options.preset if options.model is None else None,
        *(() if options.feel is None else ("--feel", options.feel)),
        bars=options.bars or BENCH_BARS,
        seconds=options.seconds or BENCH_SECONDS,
        against=options.against,
        stress=options.stress,
    )
    print(json.dumps(figures, indent=2) if options.json else bench.table(figures))
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from live import doctor

    found = doctor.examine(options.seconds or DOCTOR_SECONDS)
    print(json.dumps(doctor.plain(found), indent=2) if options.json else doctor.text(found))
    return 0


def _knob(preset: Preset, text: str) -> tuple[str, float]:
    """Return (parameter, value) of NAME=VALUE, NAME being a knob's label, axis or number, or a parameter."""
    from live.errand import UserError

    name, _, value = text.rpartition("=")
    names = dict(zip(PARAMETERS, PARAMETERS, strict=True))
    for parameter, knob in zip(KNOBS, preset.knobs, strict=False):
        names |= {knob.axis.name: parameter, knob.label: parameter}
    if name not in names:
        raise UserError(f"--knob {text}: no knob {name!r}; there are {', '.join(names)}")
    try:
        return names[name], number("knob", 0, 1)(value)
    except argparse.ArgumentTypeError as error:
        raise UserError(f"--knob {text}: {error}") from error


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "play": _play,
    "presets": _presets,
    "ports": _ports,
    "render": _render,
    "finish": _finish,
    "opening": _opening,
    "bench": _bench,
    "doctor": _doctor,
}
