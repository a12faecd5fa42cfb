"""The command `live-train`: prepare, fit, evaluate, export, papers, tricks."""

import argparse
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from training.options import parser
from training.papers import CONFIGS

Results = dict[str, Any]


class DeviceError(Exception):
    """A device that torch cannot use here."""


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; a user's mistake is one line on stderr and exit code 2."""
    options = parser().parse_args(arguments)
    try:
        COMMANDS[options.command](options)
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
    from training.data.prepare import prepare

    report = prepare(options.source, options.output, form=options.codec, progress=sys.stderr.isatty())
    print("\n".join(report.lines()))


def _fit(options: argparse.Namespace) -> None:
    from training.configfile import load
    from training.data.store import Store
    from training.fit import fit

    config, store, device = load(options.config), Store.open(options.data), _device(options)
    say = partial(print, flush=True)
    minutes, start = options.minutes, options.start
    fit(config, store, options.output, minutes=minutes, device=device, start=start, report=say)


def _evaluate(options: argparse.Namespace) -> None:
    from training import examiners, figures, played, run
    from training.atomic import write
    from training.data.store import Store
    from training.endless import endless
    from training.evaluate import evaluate
    from training.subject import open_subject
    from training.tables import table

    device = _device(options)
    if options.model.is_dir() and (loaded := run.load(options.model, device)).system != "musicvae":
        _examine(options, partial(examiners.examine, loaded), examiners.table)
        return
    if options.model.suffix == ".ts" and endless(options.model):
        _examine(options, partial(played.examine, options.model), played.table)
        return
    subject = open_subject(options.model, device)
    measure = partial(evaluate, subject, limit=options.limit, samples=options.samples)
    if options.midi:
        from training.data.prepare import midi_windows

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


def _examine(
    options: argparse.Namespace, examine: Callable[..., Results], table: Callable[[Results], str]
) -> None:
    from training import figures
    from training.atomic import write
    from training.data.store import Store

    if options.midi:
        raise DeviceError("--midi: this model takes --data, a store that `prepare --codec` wrote")
    store, bounds = Store.open(options.data), {"limit": options.limit, "samples": options.samples}
    results = examine(store, options.split, **bounds)
    print(figures.text(results) if options.json else table(results))
    if options.output:
        write(options.output, figures.text(results) + "\n")


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
    from training.musicvae.tricks import measure, table

    found = measure(options.model, options.bars, say=lambda text: print(text, file=sys.stderr, flush=True))
    print(figures.text(found) if options.json else table(found))


def _papers(options: argparse.Namespace) -> None:
    from importlib import import_module

    from training.papers.job import Job, needs_plots

    needs_plots()
    device = _device(options)
    options.output.mkdir(parents=True, exist_ok=True)
    module = import_module(f"training.papers.{options.name.replace('-', '_')}")
    job = Job(
        options.name,
        options.data,
        options.output,
        options.minutes,
        device,
        options.configs,
        partial(print, flush=True),
        _called(options),
    )
    module.reproduce(job)


def _called(options: argparse.Namespace) -> str:
    """Return the command of `papers` for its results; of an absolute path, a machine's own, the last part."""
    parts = ["live-train", "papers", options.name]
    for name in ("data", "output", "configs", "minutes", "device", "threads"):
        value = getattr(options, name)
        if value is None or value == CONFIGS:
            continue
        text = f"{value:g}" if isinstance(value, float) else str(value)
        parts += [f"--{name}", value.name if isinstance(value, Path) and value.is_absolute() else text]
    return shlex.join(parts)


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


COMMANDS = {
    "prepare": _prepare,
    "fit": _fit,
    "evaluate": _evaluate,
    "export": _export,
    "papers": _papers,
    "tricks": _tricks,
}

if __name__ == "__main__":
    sys.exit(main())
