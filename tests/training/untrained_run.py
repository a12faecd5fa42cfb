"""Untrained models of every system in the form that `fit` leaves them in."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from training.run import BEST, save
from training.systems import SYSTEMS


def source(name: str, frames_a_bar: int) -> dict[str, Any]:
    """Return what a run tells of a source that it learnt from."""
    return {"name": name, "licence": "MIT", "frames_a_bar": frames_a_bar}


def run_of(
    system: str,
    sizes: Any,
    folder: Path,
    sources: list[dict[str, Any]] | None = None,
    weights: dict[str, float] | None = None,
) -> Path:
    """Write an untrained model of `system` as a run of `fit` into `folder`, and return that."""
    torch.manual_seed(0)
    model = SYSTEMS[system].build(sizes)
    row = {"total": 40, "minutes": 2.0, "loss": 1.25}
    content = {"model": model.state_dict(), "system": system, "model_config": asdict(sizes)}
    content |= {"sources": sources or [source("own", 16)], "weights": weights or {}, "row": row}
    folder.mkdir()
    save(folder / BEST, content | {"objective": next(iter(SYSTEMS[system].objectives))})
    return folder
