"""What a reproduction works with: stores and runs, made once and used again, tables and pictures."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import configfile, run
from training.atomic import whole, write
from training.config import Config
from training.data.prepare import prepare
from training.data.store import Store
from training.fit import fit
from training.papers import CONFIGS
from training.papers.facts import Trained, making, trained
from training.run import LoadedRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = str | float | int | None
ARCHIVE = ".zip"


class PaperError(Exception):
    """A reproduction that cannot be made: what is missing, and where it was looked for."""


@dataclass(frozen=True, slots=True)
class Job:
    """One reproduction: its archives lie in `data`, its results in `output`, stores and runs below that.

    Several papers share `output`: each calls its files by its `name`, which `training.papers.NAMES` has.
    `minutes` are for all its runs together, None trains each of them to the end of its configuration.
    """

    name: str
    data: Path
    output: Path
    minutes: float | None = None
    device: str = "cpu"
    configs: Path = CONFIGS  # of its runs, by name
    report: Callable[[str], None] = print
    command: str = ""  # that asked for it, for the results
    trained: dict[str, Trained] = field(default_factory=dict)  # its runs so far
    _stores: dict[str, str] = field(default_factory=dict)
    _written: list[str] = field(default_factory=list)

    def config(self, name: str, system: str, **sizes: Any) -> Config:
        """Return the configuration `name`, which must be of `system` and have these `sizes` of its model.

        PaperError: it is another model's. ConfigError: it cannot be run.
        """
        path = self.configs / f"{name}.toml"
        found = configfile.load(path)
        if found.system != system:
            raise PaperError(f"{path}: system: {found.system!r}, {self.name} needs {system!r}")
        for key, needed in sizes.items():
            if (value := getattr(found.model, key)) != needed:
                raise PaperError(f"{path}: model.{key}: {value!r}, {self.name} needs {needed!r}")
        return found

    def store(self, form: str, *archives: str) -> Store:
        """Return the store of `form` made of `archives`, prepared unless it is there.

        PaperError: archives that are not there, all of them at once.
        """
        name = "-".join([form, *archives])
        folder = self.output / "stores" / name
        if not (folder / "store.json").is_file():
            sources = [self.data / (archive + ARCHIVE) for archive in archives]
            if missing := [source.name for source in sources if not source.exists()]:
                raise PaperError(
                    f"{self.data}: {self.name} needs {', '.join(missing)}, which --data names the folder of; "
                    f"README, Training, says what they hold"
                )
            self.report(f"preparing {', '.join(archives)}")
            prepare(sources, folder, form=form)
        store = Store.open(folder)
        self._stores[name] = store.digest()
        return store

    def run(self, name: str, config: Config, store: Store, share: float = 1.0) -> LoadedRun:
        """Return the best model of the run `name`, trained unless it is finished.

        `share` is its part of the minutes, of 1. A run that was finished with fewer is used as it is, and
        said to be.
        """
        folder = self.output / "runs" / name
        self.report(f"run {name}")
        minutes = None if self.minutes is None else self.minutes * share
        saved = run.checkpoint(folder, "cpu")
        finished = saved is not None and saved["progress"]["stage"] == len(config.stages)
        progress = fit(config, store, folder, minutes=minutes, device=self.device, report=self.report)
        found = run.load(folder, self.device)
        known = self.trained[name] = trained(found, progress, config, minutes)
        if finished and known.short:
            self.say(
                f"{name}: finished earlier, trained {known.told()} minutes; without runs/{name} the same "
                f"command trains it anew."
            )
        return found

    def table(self, part: str, title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Print a table as Markdown, and write it as CSV; a float has three places, None is a dash.

        `part` is what its file is called after the paper's name, "" for the only one or the first.
        """
        text = [f"{title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        text += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
        self._written.extend(["", *text])
        self.report("\n".join(["", *text, ""]))
        with whole(self._file(part, "csv")) as partial, partial.open("w", newline="") as file:
            csv.writer(file).writerows([head, *rows])

    def say(self, text: str) -> None:
        """Print a line that belongs to the results."""
        self._written.extend(["", text])
        self.report(text)

    def picture(self, part: str, figure: "Figure") -> None:
        """Write `figure` as PNG; `part` as in `table`."""
        with whole(self._file(part, "png")) as partial:
            figure.savefig(partial, dpi=120, format="png")

    def finish(self, title: str, differs: str) -> None:
        """Write all that was said and tabled, where it differs from the paper, and how it was made."""
        self._written.extend(["", "## Where this differs from the paper", "", differs.strip()])
        self.report(f"\n{differs.strip()}\n")
        facts = making(self.command, self.trained, self._stores, self.device)
        path = self._file("", "md")
        write(path, "\n".join([f"# {title}", *self._written, "", "## How it was made", "", *facts, ""]))
        self.report(f"{path} holds all of this, and how it was made")

    def _file(self, part: str, kind: str) -> Path:
        return self.output / f"{'-'.join(filter(None, [self.name, part]))}.{kind}"


def needs_plots(packages: Sequence[str] = ("matplotlib", "sklearn")) -> None:
    """PaperError where a package that draws is not installed: better now than after hours of training."""
    if missing := [name for name in packages if find_spec(name) is None]:
        names = ", ".join("scikit-learn" if name == "sklearn" else name for name in missing)
        raise PaperError(f"papers draws pictures with {names}, not installed: pip install -e '.[plots]'")


def _cell(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
