"""What a result says of its making: how long each run was trained, on what, by which command, and when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from training import run
from training.config import Config
from training.loop import Progress
from training.run import LoadedRun

ENOUGH = 0.9  # of the minutes asked for: a stage ends at the validation that it still has time for


@dataclass(frozen=True, slots=True)
class Trained:
    """How long a run was trained and was to be, in minutes and in iterations of all its stages."""

    asked: float | None  # None: to the end of its configuration
    minutes: float
    iterations: int
    configured: int  # iterations at the most
    best: int  # iteration of the checkpoint that is measured
    parameters: int
    machine: str

    @property
    def short(self) -> bool:
        """Whether it ended with less than what is asked for now."""
        if self.iterations >= self.configured:
            return False
        return self.asked is None or self.minutes < ENOUGH * self.asked

    def told(self) -> str:
        """Return the minutes in words, such as "5 of 120"."""
        if self.iterations >= self.configured:
            return f"{self.minutes:.3g}, to its end"
        if self.asked is not None and self.minutes > self.asked / ENOUGH:  # by an earlier command
            return f"{self.minutes:.3g}, more than {self.asked:.3g}"
        return f"{self.minutes:.3g} of {'all' if self.asked is None else format(self.asked, '.3g')}"


def trained(found: LoadedRun, progress: Progress, config: Config, asked: float | None) -> Trained:
    """Return how long the run `found` was trained, which stands at `progress`."""
    return Trained(
        asked,
        progress.spent / 60,
        progress.total,
        sum(stage.iterations for stage in config.stages),
        int(found.meta["row"]["total"]),
        run.count(found.model),
        str(found.meta["machine"]),
    )


def making(
    command: str, runs: Mapping[str, Trained], stores: Mapping[str, str], device: str
) -> Iterable[str]:
    """Yield the lines of Markdown that tell how a result came about; `stores` are digests by name."""
    if command:
        yield from ("```sh", command, "```", "")
    yield "| run | minutes trained, of those asked for | iterations | best at | parameters | trained on |"
    yield "|---|---|---|---|---|---|"
    for name, each in runs.items():
        cells = (name, each.told(), each.iterations, each.best, each.parameters, each.machine)
        yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    for name, digest in stores.items():
        yield f"Store `{name}`: {digest}."
    yield f"Measured on {date.today().isoformat()}, {run.machine(device)}."
