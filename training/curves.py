"""Learning curves: a CSV always, a PNG where matplotlib is installed, a line for the terminal."""

import csv
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.atomic import whole

Row = Mapping[str, float]
PACE_SECONDS = 30.0  # between lines that tell how fast it goes
HEAD = ("stage", "iteration", "total", "minutes", "loss", "train_loss", "nats_per_step", "kl_bits")


@dataclass(slots=True)
class Pace:
    """How fast iterations go by, lap after lap, and a line that tells of it now and then."""

    counted: int  # iterations when the lap began
    since: float = field(default_factory=time.monotonic)

    def due(self) -> bool:
        """Return whether it is time for a line."""
        return time.monotonic() - self.since > PACE_SECONDS

    def lap(self, iteration: int) -> float:
        """End the lap at `iteration` and return its iterations a second."""
        now, counted = time.monotonic(), iteration - self.counted
        rate = counted / max(now - self.since, 1e-9)
        self.counted, self.since = iteration, now
        return rate

    def line(self, objective: str, iteration: int, loss: float) -> str:
        """End the lap and return how it goes as a line of text; `loss` is the last batch's."""
        return f"{objective} {iteration}  batch {loss:.4f}  {self.lap(iteration):.2f} it/s"


def write(folder: Path, rows: Sequence[Row]) -> None:
    """Write `rows` as curves.csv into `folder`."""
    names = _names(rows)
    with whole(folder / "curves.csv") as partial, partial.open("w", newline="") as file:
        table = csv.DictWriter(file, names)
        table.writeheader()
        table.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)


def draw(folder: Path, rows: Sequence[Row]) -> None:
    """Draw `rows` as curves.png into `folder`, which takes a while: not for every row."""
    try:
        from matplotlib.figure import Figure
    except ImportError:  # a bare GPU machine has torch and NumPy only
        return
    names = _names(rows)
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    panels = figure.subplots(1, 3)
    groups: tuple[tuple[str, list[str]], ...] = (
        ("nats a step", [n for n in ("loss", "train_loss", "nats_per_step") if n in names]),
        ("KL, bits", ["kl_bits"]),
        ("accuracy", [n for n in names if n.endswith("_accuracy") and "onset" not in n]),
    )
    for panel, (title, group) in zip(panels, groups, strict=True):
        for name in group:
            points = [(row["total"], row[name]) for row in rows if name in row]
            if points:
                panel.plot(*zip(*points, strict=True), label=name.removesuffix("_accuracy").replace("_", " "))
        panel.set(title=title, xlabel="iteration")
        if panel.lines:
            panel.legend(fontsize=7)
    with whole(folder / "curves.png") as partial:
        figure.savefig(partial, dpi=120, format="png")


def _names(rows: Sequence[Row]) -> list[str]:
    return [*HEAD, *sorted({name for row in rows for name in row} - set(HEAD))]


def line(objective: str, row: Row) -> str:
    """Return one validation as a line of text."""
    parts = [f"{objective} {row['iteration']:.0f}", f"{row['minutes']:.1f} min", f"loss {row['loss']:.4f}"]
    if "kl_bits" in row:
        parts.append(f"KL {row['kl_bits']:.0f} bits")
    for kind, title in (("_accuracy", "forced"), ("_sampled_accuracy", "sampled")):
        found = [f"{row[v + kind]:.3f}" for v in ("melody", "bass", "drums") if v + kind in row]
        if found:
            parts.append(f"{title} {'/'.join(found)}")
    told = {*HEAD, "iterations_per_second"}
    others = [name for name in row if name not in told and not name.endswith("_accuracy")]
    parts += [f"{name.replace('_', ' ')} {row[name]:.3f}" for name in others]
    parts.append(f"{row['iterations_per_second']:.2f} it/s")
    return "  ".join(parts)
