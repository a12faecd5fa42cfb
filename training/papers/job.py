"""What a reproduction works with: stores and runs, made once and used again, tables and pictures."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from training import run
from training.atomic import whole, write
from training.config import Config
from training.data.prepare import prepare
from training.data.store import Store
from training.fit import fit
from training.papers import CONFIGS
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

    `minutes` are for all its runs together, None trains each of them to the end of its configuration.
    """

    data: Path
    output: Path
    minutes: float | None = None
    device: str = "cpu"
    configs: Path = CONFIGS  # of its runs, by name
    report: Callable[[str], None] = print
    _written: list[str] = field(default_factory=list)

    def store(self, form: str, *archives: str) -> Store:
        """Return the store of `form` made of `archives`, prepared unless it is there. PaperError: none."""
        folder = self.output / "stores" / "-".join([form, *archives])
        if not (folder / "store.json").is_file():
            sources = [self.data / (name + ARCHIVE) for name in archives]
            for source in sources:
                if not source.exists():
                    raise PaperError(f"{source}: no such archive; --data names the folder that holds them")
            self.report(f"preparing {', '.join(archives)}")
            prepare(sources, folder, form=form)
        return Store.open(folder)

    def run(self, name: str, config: Config, store: Store, share: float = 1.0) -> LoadedRun:
        """Return the best model of the run `name`, trained unless it is finished.

        `share` is its part of the minutes, of 1.
        """
        folder = self.output / "runs" / name
        self.report(f"run {name}")
        minutes = None if self.minutes is None else self.minutes * share
        fit(config, store, folder, minutes=minutes, device=self.device, report=self.report)
        return run.load(folder, self.device)

    def table(self, name: str, title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Print a table as Markdown, and write it as `name`.csv; a float has three places, None is a dash."""
        text = [f"{title}", "", f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
        text += [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
        self._written.extend(["", *text])
        self.report("\n".join(["", *text, ""]))
        with whole(self.output / f"{name}.csv") as partial, partial.open("w", newline="") as file:
            csv.writer(file).writerows([head, *rows])

    def say(self, text: str) -> None:
        """Print a line that belongs to the results."""
        self._written.extend(["", text])
        self.report(text)

    def picture(self, name: str, figure: "Figure") -> None:
        """Write `figure` as `name`.png."""
        with whole(self.output / f"{name}.png") as partial:
            figure.savefig(partial, dpi=120, format="png")

    def finish(self, title: str) -> None:
        """Write all that was said and tabled as results.md."""
        write(self.output / "results.md", "\n".join([f"# {title}", *self._written, ""]))


def _cell(cell: Cell) -> str:
    if cell is None:
        return "-"
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
