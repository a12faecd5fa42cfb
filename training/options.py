"""The options of `live-train`."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

from training.data.songs import FORMS
from training.papers import CONFIGS, NAMES

Number = TypeVar("Number", int, float)
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """Return the parser; it sets `command`, and `interrupted`, what Ctrl-C leaves behind."""
    parser = argparse.ArgumentParser(prog="live-train", description="Train the models that `live` plays.")
    parser.set_defaults(interrupted="")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _learning(commands)
    _using(commands)
    return parser


def _learning(commands: Commands) -> None:
    prepare = commands.add_parser("prepare", help="turn MIDI files into a store of tokens")
    prepare.add_argument("source", type=Path, nargs="+", metavar="SOURCE", help="folder or zip of MIDI files")
    prepare.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the store")
    form = "trio (the default): bars of tokens; roll: 88 keys a frame, of MIDI or of a polyphonic benchmark; "
    form += "note: single notes in free rhythm; feel: hits of drums"
    prepare.add_argument("--codec", default="trio", choices=tuple(FORMS), help=form)
    prepare.set_defaults(command="prepare", interrupted="; no store was written")

    fit = commands.add_parser("fit", help="train a model, or go on training it")
    fit.add_argument(
        "config", type=Path, metavar="CONFIG", help="TOML file, such as training/configs/trio.toml"
    )
    fit.add_argument("--data", type=Path, required=True, metavar="DIR", help="a store that `prepare` wrote")
    fit.add_argument("--output", type=Path, required=True, metavar="RUN", help="folder of the run")
    minutes = "end after so many minutes of computing, shared out by the stages"
    fit.add_argument("--minutes", type=_positive(float), metavar="M", help=minutes)
    begin = "begin with the weights of this run: for longer, or with songs of your own"
    fit.add_argument("--from", type=Path, dest="start", metavar="RUN", help=begin)
    _machine(fit)
    fit.set_defaults(command="fit", interrupted="; the same command goes on from the last checkpoint")


def _using(commands: Commands) -> None:
    evaluate = commands.add_parser("evaluate", help="measure a run or an exported model")
    evaluate.add_argument("model", type=Path, metavar="MODEL", help="a run's folder or an exported .ts")
    data = evaluate.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, metavar="DIR", help="a store that `prepare` wrote")
    data.add_argument("--midi", type=Path, metavar="DIR", help="any folder or zip of MIDI files, all of it")
    evaluate.add_argument("--split", default="test", choices=("train", "valid", "test"))
    limit = "windows, excerpts, phrases or pieces of each source, spread evenly (1000, as for the card)"
    evaluate.add_argument("--limit", type=_positive(int), default=1000, metavar="N", help=limit)
    samples = "draws from the prior (1000)"
    count = _number(int, lambda value: value >= 0, "0 or above")
    evaluate.add_argument("--samples", type=count, default=1000, metavar="N", help=samples)
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    output = "write the JSON here too; a run keeps its test figures in its folder in any case, for the card"
    evaluate.add_argument("--output", type=Path, metavar="FILE", help=output)
    _machine(evaluate)
    evaluate.set_defaults(command="evaluate")

    export = commands.add_parser("export", help="write the file that `live` plays, and its card")
    source = "folder of the run; a configuration's TOML file gives an untrained model, to be timed"
    export.add_argument("source", type=Path, metavar="RUN", help=source)
    export.add_argument("--output", type=Path, required=True, metavar="MODEL.ts")
    export.add_argument("--data", type=Path, metavar="DIR", help="store to measure the knobs' axes on")
    export.add_argument("--float32", action="store_true", help="keep float32 weights, four times the size")
    export.add_argument("--note", metavar="TEXT", help="what the card shall say about the training as well")
    export.set_defaults(command="export")

    shown = "train and measure what a paper's table or figure shows"
    needed = "The pictures need pip install -e '.[plots]'. README, Training, lists each one's archives."
    papers = commands.add_parser("papers", help=shown, epilog=needed)
    papers.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    archives = "folder of the zip archives that it trains on; what is missing is named before it begins"
    papers.add_argument("--data", type=Path, required=True, metavar="DIR", help=archives)
    results = "folder for tables and pictures, NAME.md and so on; stores and runs lie below it, used again"
    papers.add_argument("--output", type=Path, required=True, metavar="DIR", help=results)
    configs = "folder of other configurations than the project's, by the same names"
    papers.add_argument("--configs", type=Path, default=CONFIGS, metavar="DIR", help=configs)
    shared = (
        "minutes of computing, for all its runs together; without it each trains to the end of its "
        "configuration. A run that is finished stays as it is: remove its folder to train it for longer"
    )
    papers.add_argument("--minutes", type=_positive(float), metavar="M", help=shared)
    _machine(papers)
    papers.set_defaults(command="papers", interrupted="; the same command goes on from the last checkpoint")

    tricks = commands.add_parser("tricks", help="time what each trick of the decoder buys on this machine")
    model = "an exported .ts, a run's folder, or a configuration, whose model is untrained"
    tricks.add_argument("model", type=Path, metavar="MODEL", help=model)
    tricks.add_argument(
        "--bars", type=_positive(int), default=60, metavar="N", help="bars timed (60), a tenth of slow forms"
    )
    tricks.add_argument("--json", action="store_true", help="print JSON instead of a table")
    tricks.set_defaults(command="tricks")


def _machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="such as cpu or cuda; by default cuda where there is one")
    parser.add_argument("--threads", type=_positive(int), metavar="N", help="CPU threads")


def _positive(kind: type[Number]) -> Callable[[str], Number]:
    """Return a reader of numbers above 0 for argparse."""
    return _number(kind, lambda value: value > 0, "above 0")


def _number(kind: type[Number], allowed: Callable[[Number], bool], called: str) -> Callable[[str], Number]:
    def read(text: str) -> Number:
        value = kind(text)
        if not allowed(value):
            raise argparse.ArgumentTypeError(f"{text} is not {called}")
        return value

    read.__name__ = kind.__name__  # argparse says "invalid int value"
    return read
