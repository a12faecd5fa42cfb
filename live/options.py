"""The options of each command; only what a command needs is loaded."""

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from engine.messages import BPM_RANGE, MAX_COUNT_IN, MAX_TEMPERATURE, OFFSET_MS
from engine.midi import APIS
from engine.opening import BARS
from live.values import api_name, number, swing, sync, whole

EPILOG = "`live` alone is `live --preset trio`. `live COMMAND --help` says more about a command."
DISTRIBUTION = "live-vae"  # what pip calls it
PLAY = "play"  # what `live` does without a command
# What an option that was not given stands for, where that is not None.
DEFAULTS = {
    "preset": "trio",
    "headless": False,
    "delay": 0.0,
    "count_in": 0,
    "clock": False,
    "sync": "internal",
    "json": False,
    "against": False,
    "stress": False,
}
BENCH_BARS, BENCH_SECONDS = 200, 12.0
DOCTOR_SECONDS = 10.0


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line and leaves with code 2; options not given leave no trace."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(argument_default=argparse.SUPPRESS, **settings)

    def error(self, message: str) -> NoReturn:
        """Leave with `message`."""
        self.exit(2, f"{self.prog}: {message}\n")

    def names(self) -> dict[str, str]:
        """Return the attribute of each option and the option as it is written."""
        return {action.dest: next(iter(action.option_strings), action.dest) for action in self._actions}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options, every one of the command's set, `command` among them.

    An option holds before the command as well as after it; one that the command does not know is refused.
    """
    parser, commands = _parsers()
    given = vars(parser.parse_args(arguments))
    if given.pop("version", False):
        print(f"live {version()}")
        parser.exit()
    command = given.pop("command", None) or PLAY
    chosen = commands.get(command, parser)
    own = chosen.names()
    for name in given:
        if name not in own:
            chosen.error(f"{parser.names()[name]} is not for this command")
    for name in _required(command):
        if name not in given:
            chosen.error(f"{own[name]} is required")
    absent = {name: DEFAULTS.get(name) for name in own}
    return argparse.Namespace(**(absent | given | {"command": command}))


def version() -> str:
    """Return the version that is installed, "unknown" where nothing is, as in a bare copy of the code."""
    from importlib import metadata

    try:
        return metadata.version(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "unknown"


def _required(command: str) -> tuple[str, ...]:
    return ("bars", "output") if command == "render" else ()


def _parsers() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of everything, and the parser of each command by its name."""
    parser = Parser(
        prog="live", description="Plays recurrent variational autoencoders of music.", epilog=EPILOG
    )
    parser.add_argument("--version", action="store_true", help="say which it is")
    _play(parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    commands.add_parser("presets", help="list the presets")
    commands.add_parser("ports", help="list the MIDI ports of other programs, for --port and --control")
    _render(commands.add_parser("render", help="play into a .mid file, without waiting"))
    finish = commands.add_parser("finish", help="make the .mid file of a take that broke off")
    finish.add_argument("journal", metavar="FILE.mid.part", help="what the crash left")
    opening = commands.add_parser("opening", help="write a preset's first bars into its folder")
    _preset(opening)
    opening.add_argument("--bars", type=whole("bars", 1), help=f"how many bars, {BARS}")
    bench = commands.add_parser("bench", help="measure timing, decoding and memory on this machine")
    _preset(bench)
    _feel(bench)
    bench.add_argument("--model", metavar="MODEL.ts", help="measure this model in the place of the preset's")
    bench.add_argument("--bars", type=whole("bars", 1), help=f"how many bars to decode, {BENCH_BARS}")
    _measured(bench, "the performance", BENCH_SECONDS)
    bench.add_argument(
        "--against",
        action="store_true",
        help="decode each bar by the plain PyTorch loop of the same weights as well",
    )
    bench.add_argument(
        "--stress",
        action="store_true",
        help="play at 200 BPM, drawn, recorded, every core busy besides, a thousand control changes a second",
    )
    doctor = commands.add_parser("doctor", help="say what limits timing on this machine, and measure it")
    _measured(doctor, "the measurement", DOCTOR_SECONDS)
    return parser, dict(commands.choices)


def _play(parser: Parser) -> None:
    _preset(parser)
    _feel(parser)
    _tempo_and_seed(parser)
    parser.add_argument("--record", metavar="FILE.mid", help="record from the first note into a new file")
    parser.add_argument("--headless", action="store_true", help="no screen, a few plain lines")
    parser.add_argument("--bars", type=whole("bars", 1), help="end after so many bars")
    parser.add_argument(
        "--delay",
        type=number("delay", 0, 3600),
        metavar="SECONDS",
        help="before the first note, so that others can connect",
    )
    parser.add_argument(
        "--offset",
        type=number("offset", *OFFSET_MS),
        metavar="MS",
        help="let the output have everything so many milliseconds after its time, negative before",
    )
    parser.add_argument(
        "--count-in",
        type=whole("count-in", 0, MAX_COUNT_IN),
        metavar="BARS",
        help="click so many bars before the first one",
    )
    parser.add_argument("--clock", action="store_true", help="send MIDI clock along with the notes")
    parser.add_argument(
        "--sync",
        type=sync,
        metavar="NAME",
        help="midi: follow the MIDI clock that comes in; link: join an Ableton Link session; internal",
    )
    parser.add_argument("--port", metavar="NAME", help="send to this existing port (see `live ports`)")
    parser.add_argument("--control", metavar="NAME", help="listen to this controller (see `live ports`)")
    parser.add_argument("--api", type=api_name, metavar="NAME", help=f"MIDI system: {', '.join(APIS)}")
    parser.add_argument(
        "--sound",
        action=argparse.BooleanOptionalAction,
        help="built-in sound: always or never; without the option, while nobody listens on MIDI",
    )


def _measured(parser: Parser, what: str, seconds: float) -> None:
    parser.add_argument(
        "--seconds", type=number("seconds", 1, 3600), help=f"how long {what} takes, {seconds:g}"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _render(parser: Parser) -> None:
    _preset(parser)
    _feel(parser)
    _tempo_and_seed(parser)
    parser.add_argument("--bars", type=whole("bars", 1), help="how many bars")
    parser.add_argument("--output", metavar="FILE.mid", help="a new file")
    parser.add_argument(
        "--knob", metavar="NAME=VALUE", action="append", help="turn a knob, 0 to 1; repeatable"
    )
    parser.add_argument(
        "--temperature", type=number("temperature", 0, MAX_TEMPERATURE), help="0 likeliest to 2 boldest"
    )


def _preset(parser: Parser) -> None:
    parser.add_argument("--preset", metavar="NAME", help="a preset's name or folder (see `live presets`)")


def _feel(parser: Parser) -> None:
    parser.add_argument(
        "--feel",
        metavar="NAME",
        help="play the drums as a human does, by the feel of this preset or in this file; none: as written",
    )


def _tempo_and_seed(parser: Parser) -> None:
    parser.add_argument("--bpm", type=number("bpm", *BPM_RANGE), help="beats a minute, 20 to 300")
    parser.add_argument(
        "--swing",
        type=swing,
        metavar="PERCENT",
        help="every second sixteenth later: 50 is straight, 66.7 triplets, 75 the most",
    )
    parser.add_argument("--seed", type=whole("seed", 0), help="the same seed and knobs, the same take")
