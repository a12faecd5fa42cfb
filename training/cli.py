"""The command `live-train`: prepare, fit, evaluate, export."""

import argparse
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; a user's mistake is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        result: int = options.run(options)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last checkpoint", file=sys.stderr)
        return 130
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("training", "engine"):
            raise
        print(f"live-train: {error}", file=sys.stderr)
        return 2
    return result


def _fit(options: argparse.Namespace) -> int:
    import torch

    from training.config import load
    from training.fit import fit
    from training.store import Store

    torch.set_num_threads(options.threads or torch.get_num_threads())
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    fit(
        load(options.config), Store.open(options.data), options.output, minutes=options.minutes, device=device
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="live-train", description="Train the models that `live` plays.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
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
    return parser


if __name__ == "__main__":
    sys.exit(main())
