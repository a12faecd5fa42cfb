"""The command line of the instrument; only what a command needs is loaded."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from engine.messages import BPM_RANGE, KNOBS, MAX_TEMPERATURE, PARAMETERS
from engine.preset import Preset, PresetError, available, find
from live.values import APIS, api_name, number, whole

EPILOG = "`live` alone is `live --preset trio`. `live COMMAND --help` says more about a command."


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and leaves with code 2."""

    def error(self, message: str) -> NoReturn:
        """Leave with `message`."""
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, or 2 for a mistake of the user, said in one line."""
    options = _parser().parse_args(arguments)
    from live.errand import UserError  # multiprocessing is not needed to print the help

    try:
        command: Callable[[argparse.Namespace], int] = options.run
        return command(options)
    except (PresetError, UserError) as error:
        print(f"live: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _parser() -> Parser:
    parser = Parser(
        prog="live", description="Plays recurrent variational autoencoders of music.", epilog=EPILOG
    )
    parser.set_defaults(run=_play)
    _preset(parser)
    parser.add_argument("--bpm", type=number("bpm", *BPM_RANGE), help="beats a minute, 20 to 300")
    parser.add_argument("--seed", type=whole("seed", 0), help="the same seed, the same take")
    parser.add_argument("--record", metavar="FILE.mid", help="record from the first note into a new file")
    parser.add_argument("--headless", action="store_true", help="no screen, a few plain lines")
    parser.add_argument("--bars", type=whole("bars", 1), help="end after so many bars")
    parser.add_argument(
        "--delay",
        type=number("delay", 0, 3600),
        default=0.0,
        metavar="SECONDS",
        help="before the first note, so that others can connect",
    )
    parser.add_argument("--port", metavar="NAME", help="send to this existing port (see `live ports`)")
    parser.add_argument("--api", type=api_name, metavar="NAME", help=f"MIDI system: {', '.join(APIS)}")
    parser.add_argument(
        "--sound",
        action=argparse.BooleanOptionalAction,
        help="built-in sound; without the option it steps in where there is no MIDI port",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    commands.add_parser("presets", help="list the presets").set_defaults(run=_presets)
    commands.add_parser("ports", help="list the MIDI ports of other programs").set_defaults(run=_ports)
    render = commands.add_parser("render", help="play into a .mid file, without waiting")
    _preset(render)
    render.add_argument("--bars", type=whole("bars", 1), required=True, help="how many bars")
    render.add_argument("--seed", type=whole("seed", 0), help="the same seed and knobs, the same bytes")
    render.add_argument("--output", metavar="FILE.mid", required=True, help="a new file")
    render.add_argument("--bpm", type=number("bpm", *BPM_RANGE), help="beats a minute, 20 to 300")
    render.add_argument(
        "--knob",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="turn a knob, 0 to 1; repeatable",
    )
    render.add_argument(
        "--temperature", type=number("temperature", 0, MAX_TEMPERATURE), help="0 likeliest to 2 boldest"
    )
    render.set_defaults(run=_render)
    bench = commands.add_parser("bench", help="measure decoding, first note and memory on this machine")
    _preset(bench)
    bench.add_argument("--bars", type=whole("bars", 1), default=200, help="how many bars to decode")
    bench.add_argument("--json", action="store_true", help="print JSON")
    bench.set_defaults(run=_bench)
    return parser


def _preset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--preset", default="trio", metavar="NAME", help="a preset's name or folder (see `live presets`)"
    )


def _play(options: argparse.Namespace) -> int:
    preset = find(options.preset)
    from live import play

    wishes = play.Wishes(
        bpm=options.bpm,
        seed=options.seed,
        record=options.record,
        bars=options.bars,
        delay=options.delay,
        port=options.port,
        api=options.api,
        sound=options.sound,
        headless=options.headless,
    )
    setup = play.setup_for(preset, wishes)
    return play.headless(setup) if options.headless else play.on_screen(preset, setup)


def _presets(_: argparse.Namespace) -> int:
    for info in available():
        print(f"{info.name:<16} {info.title or '(cannot be played)':<24} {info.source:<8} {info.folder}")
        if info.error:
            print(f"{'':<16} {info.error}")
    return 0


def _ports(_: argparse.Namespace) -> int:
    from engine import errands
    from live.errand import run

    found = run(errands.ports)
    for api, name, takes in found:
        print(f"{api:<9} {'takes notes' if takes else 'sends':<12} {name}")
    if not found:
        print("no MIDI port of another program; `live` makes its own, named live:PRESET")
    return 0


def _render(options: argparse.Namespace) -> int:
    preset = find(options.preset)
    from dataclasses import replace

    from engine import errands
    from engine.setup import from_preset
    from live.errand import run
    from live.play import place_for

    output = place_for(options.output)
    setup = from_preset(preset)
    turned = dict(_knob(preset, text) for text in options.knob)
    if options.temperature is not None:
        turned["temperature"] = options.temperature / MAX_TEMPERATURE
    setup = replace(
        setup,
        bpm=setup.bpm if options.bpm is None else options.bpm,
        seed=setup.seed if options.seed is None else options.seed,
        parameters=setup.parameters | turned,
    )
    try:
        run(errands.render, setup, options.bars, str(output))
    except KeyboardInterrupt:
        output.unlink(missing_ok=True)  # half a performance is none
        raise
    print(f"{options.bars} bars of {preset.name}, seed {setup.seed}: {options.output}")
    return 0


def _bench(options: argparse.Namespace) -> int:
    preset = find(options.preset)
    from live import bench

    figures = bench.measure(preset, options.preset, options.bars)
    print(json.dumps(figures, indent=2) if options.json else bench.table(figures))
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


if __name__ == "__main__":
    sys.exit(main())
