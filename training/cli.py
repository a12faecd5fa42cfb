"""The command `live-train`: prepare, fit, evaluate, export."""

import argparse
import json
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; a user's mistake is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except KeyboardInterrupt:
        print("live-train: interrupted; the same command takes it up again", file=sys.stderr)
        return 130
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("training", "engine"):
            raise  # a fault of this program, which deserves its traceback
        print(f"live-train: {error}", file=sys.stderr)
        return 2
    return 0


def _prepare(options: argparse.Namespace) -> None:
    from training.prepare import prepare

    report = prepare(options.source, options.output, progress=sys.stderr.isatty())
    print("\n".join(report.lines()))


def _fit(options: argparse.Namespace) -> None:
    import torch

    from training.config import load
    from training.fit import fit
    from training.store import Store

    config, store = load(options.config), Store.open(options.data)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    say = partial(print, flush=True)
    fit(config, store, options.output, minutes=options.minutes, device=device, report=say)


def _evaluate(options: argparse.Namespace) -> None:
    from training.evaluate import evaluate
    from training.prepare import midi_windows
    from training.results import table
    from training.store import Store
    from training.subject import open_subject

    subject = open_subject(options.model)
    with midi_windows(options.midi) if options.midi else nullcontext(Store.open(options.data)) as store:
        split = None if options.midi else options.split
        results = evaluate(subject, store, split, limit=options.limit, samples=options.samples)
    text = json.dumps(results, indent=1)
    if options.output:
        options.output.write_text(text + "\n")
    print(text if options.json else table(results))


def _export(options: argparse.Namespace) -> None:
    from training.export import export

    report = export(options.folder, options.output, store=options.data, quantise=not options.float32)
    print("\n".join(report.lines()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="live-train", description="Train the models that `live` plays.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    prepare = commands.add_parser("prepare", help="turn MIDI files into a store of tokens")
    prepare.add_argument("source", type=Path, nargs="+", metavar="SOURCE", help="folder or zip of MIDI files")
    prepare.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the store")
    prepare.set_defaults(run=_prepare)

    fit = commands.add_parser("fit", help="train a model, or go on training it")
    fit.add_argument(
        "config", type=Path, metavar="CONFIG", help="TOML file, such as training/configs/trio.toml"
    )
    fit.add_argument("--data", type=Path, required=True, metavar="DIR", help="a store that `prepare` wrote")
    fit.add_argument("--output", type=Path, required=True, metavar="RUN", help="folder of the run")
    fit.add_argument("--minutes", type=float, help="end after so many minutes, shared out by the stages")
    fit.add_argument("--device", help="such as cpu or cuda; by default cuda where there is one")
    fit.add_argument("--threads", type=int, help="CPU threads")
    fit.set_defaults(run=_fit)

    evaluate = commands.add_parser("evaluate", help="measure a run or an exported model")
    evaluate.add_argument("model", type=Path, metavar="MODEL", help="a run's folder or an exported .ts")
    data = evaluate.add_mutually_exclusive_group(required=True)
    data.add_argument("--data", type=Path, metavar="DIR", help="a store that `prepare` wrote")
    data.add_argument("--midi", type=Path, metavar="DIR", help="any folder or zip of MIDI files, all of it")
    evaluate.add_argument("--split", default="test", choices=("train", "valid", "test"))
    evaluate.add_argument("--limit", type=int, default=1000, help="windows of each source, spread evenly")
    evaluate.add_argument("--samples", type=int, default=1000, help="draws from the prior, 0 for none")
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of a table")
    evaluate.add_argument("--output", type=Path, metavar="FILE", help="write the JSON here as well")
    evaluate.set_defaults(run=_evaluate)

    export = commands.add_parser("export", help="write the file that `live` plays, and its card")
    export.add_argument("folder", type=Path, metavar="RUN", help="folder of the run")
    export.add_argument("--output", type=Path, required=True, metavar="MODEL.ts")
    export.add_argument("--data", type=Path, metavar="DIR", help="store to measure the knobs' axes on")
    export.add_argument("--float32", action="store_true", help="keep float32 weights, four times the size")
    export.set_defaults(run=_export)
    return parser


if __name__ == "__main__":
    sys.exit(main())
