"""The figures of `live-train evaluate` that a run keeps for its card: written, refused, read again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training import run
from training.atomic import write
from training.evaluate import LIMIT, SAMPLES
from training.tables import table


class FiguresError(Exception):
    """Figures in a run's folder that are broken or tell of another model."""


def text(results: Mapping[str, Any]) -> str:
    """Return the JSON of `results`."""
    return json.dumps(results, indent=1, allow_nan=False)


def keep(folder: Path, results: Mapping[str, Any]) -> str:
    """Write `results` into the run's `folder` if they are for its card, else return why they are not.

    A card takes the test split, up to LIMIT windows of every source and SAMPLES draws from the prior, of the
    store that the run learnt from, as far as the run knows it.
    """
    if results["split"] != "test":
        return f"it takes the test split of a store, not {results['split'] or 'a folder of MIDI files'}"
    for name, source in results["sources"].items():
        if source["windows"] < min(source["of"], LIMIT):
            return f"it takes {min(source['of'], LIMIT)} windows of {name}, not {source['windows']}"
    if _store_of(folder) not in (None, results["store"]):
        return "this is another store than the run learnt from"
    samples = results.get("prior", {}).get("samples", 0)
    if samples < SAMPLES:
        return f"it takes {SAMPLES} draws from the prior, not {samples}"
    write(folder / run.EVALUATION, text(results) + "\n")
    return ""


def kept(folder: Path, identity: str) -> dict[str, Any] | None:
    """Return the figures in the run's `folder` of the model `identity`, None if there are none.

    FiguresError: the file is broken or tells of another model.
    """
    path = folder / run.EVALUATION
    if not path.exists():
        return None
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = results["model"]["identity"]
        table(results)  # what it lacks is said now, not when the model has been written
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise FiguresError(f"{path}: not an evaluation: {error!r}; evaluate the run again") from error
    if found != identity:
        raise FiguresError(f"{path}: tells of model {found}, this is {identity}; evaluate the run again")
    return results


def _store_of(folder: Path) -> str | None:
    """Return the digest of the store that the run learnt from, None where its checkpoint is gone."""
    try:
        made: Mapping[str, Any] = run.read(folder / run.LAST, "cpu").get("made_with", {})
    except run.RunError:
        return None
    return made.get("store")
