"""The command `live-train`: prepare, fit, evaluate, export, tricks."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

Number = TypeVar("Number", int, float)


class DeviceError(Exception):
    """A device that torch cannot use here."""


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; a user's mistake is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print(f"live-train: interrupted{options.interrupted}", file=sys.stderr)
        return 130
    except OSError as error:  # a file or folder that cannot be read or written
        print(f"live-train: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("training", "engine", "__main__"):
            raise  # a fault of this program, which deserves its traceback
        print(f"live-train: {error}", file=sys.stderr)
        return 2
    return 0


def _prepare(options: argparse.Namespace) -> None:
    from training.prepare import prepare

    report = prepare(options.source, options.output, progress=sys.stderr.isatty())
    print("\n".join(report.lines()))


def _fit(options: argparse.Namespace) -> None:
    from training.config import load
    from training.fit import fit
    from training.store import Store

    config, store, device = load(options.config), Store.open(options.data), _device(options)
    say = partial(print, flush=True)
    minutes, start = options.minutes, options.start
    fit(config, store, options.output, minutes=minutes, device=device, start=start, report=say)


def _evaluate(options: argparse.Namespace) -> None:
    from training import figures
    from training.atomic import write
    from training.evaluate import evaluate
    from training.store import Store
    from training.subject import open_subject
    from training.tables import table

    subject = open_subject(options.model, _device(options))
    measure = partial(evaluate, subject, limit=options.limit, samples=options.samples)
    if options.midi:
        from training.prepare import midi_windows

        with midi_windows(options.midi) as (store, report):
            results = measure(store, None)
        results["left_out"] = report.lines()
    else:
        results = measure(Store.open(options.data), options.split)
    text = figures.text(results)
    print(text if options.json else "\n".join([table(results), *results.get("left_out", [])]))
    if options.output:
        write(options.output, text + "\n")
    if options.model.is_dir() and (reason := figures.keep(options.model, results)):
        print(f"live-train: {options.model}: not kept for the card: {reason}", file=sys.stderr)


def _export(options: argparse.Namespace) -> None:
    from training.export import ExportError, export, export_untrained

    quantise, note = not options.float32, options.note
    if options.source.suffix != ".toml" or options.source.is_dir():
        report = export(options.source, options.output, store=options.data, quantise=quantise, note=note)
    elif options.data:
        raise ExportError(f"--data {options.data}: a knob of an untrained model does nothing to measure")
    else:
        report = export_untrained(options.source, options.output, quantise=quantise, note=note)
    print("\n".join(report.lines()))


def _tricks(options: argparse.Namespace) -> None:
    from training import figures
    from training.tricks import measure, table

    found = measure(options.model, options.bars, say=lambda text: print(text, file=sys.stderr, flush=True))
    print(figures.text(found) if options.json else table(found))


def _device(options: argparse.Namespace) -> str:
    """Return the device asked for, or the best there is, once torch has shown that it can use it."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"--device {device}: {str(error).splitlines()[0]}") from error
    return str(device)


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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="live-train", description="Train the models that `live` plays.")
    parser.set_defaults(interrupted="")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    prepare = commands.add_parser("prepare", help="turn MIDI files into a store of tokens")
    prepare.add_argument("source", type=Path, nargs="+", metavar="SOURCE", help="folder or zip of MIDI files")
    prepare.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the store")
    prepare.set_defaults(run=_prepare, interrupted="; no store was written")

    fit = commands.add_parser("fit", help="train a model, or go on training it")
    fit.add_argument(
        "config", type=Path, metavar="CONFIG", help="TOML file, such as training/configs/trio.toml"
    )
    fit.add_argument("--data", type=Path, required=True, metavar="DIR", help="a store that `prepare` wrote")
    fit.add_argument("--output", type=Path, required=True, metavar="RUN", help="folder of the run")
    minutes = "end after so many minutes, shared out by the stages"
    fit.add_argument("--minutes", type=_positive(float), metavar="M", help=minutes)
    begin = "begin with the weights of this run: for longer, or with songs of your own"
    fit.add_argument("--from", type=Path, dest="start", metavar="RUN", help=begin)
    _machine(fit)
    fit.set_defaults(run=_fit, interrupted="; the same command goes on from the last checkpoint")

    evaluate = commands.add_parser("evaluate", help="measure a run or an exported model")
    evaluate.add_argument("model", type=Path, metavar="MODEL", help="a run's folder or an exported .ts")
    data = evaluate.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, metavar="DIR", help="a store that `prepare` wrote")
    data.add_argument("--midi", type=Path, metavar="DIR", help="any folder or zip of MIDI files, all of it")
    evaluate.add_argument("--split", default="test", choices=("train", "valid", "test"))
    limit = "windows of each source, spread evenly (1000, which the card takes)"
    evaluate.add_argument("--limit", type=_positive(int), default=1000, metavar="N", help=limit)
    samples = "draws from the prior (1000)"
    count = _number(int, lambda value: value >= 0, "0 or above")
    evaluate.add_argument("--samples", type=count, default=1000, metavar="N", help=samples)
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    output = "write the JSON here too; a run keeps its test figures in its folder in any case, for the card"
    evaluate.add_argument("--output", type=Path, metavar="FILE", help=output)
    _machine(evaluate)
    evaluate.set_defaults(run=_evaluate)

    export = commands.add_parser("export", help="write the file that `live` plays, and its card")
    source = "folder of the run; a configuration's TOML file gives an untrained model, to be timed"
    export.add_argument("source", type=Path, metavar="RUN", help=source)
    export.add_argument("--output", type=Path, required=True, metavar="MODEL.ts")
    export.add_argument("--data", type=Path, metavar="DIR", help="store to measure the knobs' axes on")
    export.add_argument("--float32", action="store_true", help="keep float32 weights, four times the size")
    export.add_argument("--note", metavar="TEXT", help="what the card shall say about the training as well")
    export.set_defaults(run=_export)

    tricks = commands.add_parser("tricks", help="time what each trick of the decoder buys on this machine")
    model = "an exported .ts, a run's folder, or a configuration, whose model is untrained"
    tricks.add_argument("model", type=Path, metavar="MODEL", help=model)
    tricks.add_argument("--bars", type=_positive(int), default=60, metavar="N", help="bars timed (60)")
    tricks.add_argument("--json", action="store_true", help="print JSON instead of a table")
    tricks.set_defaults(run=_tricks)
    return parser


def _machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", help="such as cpu or cuda; by default cuda where there is one")
    parser.add_argument("--threads", type=_positive(int), metavar="N", help="CPU threads")


if __name__ == "__main__":
    sys.exit(main())
