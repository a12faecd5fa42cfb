"""How each system but MusicVAE is examined, and the table of what was found."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engine.manifest import FEEL
from training import card, run, sentences
from training.data.draws import spread_rows
from training.data.store import Store
from training.evaluate import LIMIT, SAMPLES, EvaluateError
from training.packing import script
from training.run import LoadedRun
from training.tables import MOVE, prior
from training.vrae.examine import examine as examine_vrae
from training.vrash.examine import examine as examine_vrash
from training.vrnn import drumming, exported_feel
from training.vrnn.compared import compared
from training.vrnn.examine import measure as measure_vrnn
from training.vrnn.sequences import Rows, pieces

Results = dict[str, Any]
PLAYED = 64  # frames that a VRNN plays from each draw


def _examine_vrnn(model: Any, store: Store, split: str, limit: int, samples: int) -> Results:
    if store.form != model.config.form:
        raise EvaluateError(f"the store's codec is {store.form}, expected {model.config.form}")
    facts: Results = {"family": FEEL if store.form == "feel" else "vrnn"}
    facts |= {"parameters": run.count(model), "identity": run.identity(model)}
    results: Results = {"model": facts, "store": store.digest(), "split": split, "sources": {}}
    heard: dict[str, list[Rows]] = {}
    for name in store.sources:
        every = pieces(store, split, [name], model.config.every)
        if chosen := [every[index] for index in spread_rows(np.arange(len(every)), limit)]:
            results["sources"][name] = measure_vrnn(model, chosen).figures()
            heard[name] = chosen
    if not heard:
        raise EvaluateError(f"there is no piece in split {split or 'all'}")
    if store.form == "feel":
        module = exported_feel.exported(copy.deepcopy(model).cpu())
        playing = drumming.compare(
            script(module), module.width, [rows for part in heard.values() for rows in part]
        )
        results |= {"playing": playing} if playing else {}
    elif samples:
        results["prior"] = compared(model, heard, samples, PLAYED)
    return results


def _examine_vrae(model: Any, store: Store, split: str, limit: int, samples: int) -> Results:
    # The figures' noise is the CPU's: the same on every machine.
    return examine_vrae(model.cpu(), store, split, limit=limit, draws=samples)


def _examine_vrash(model: Any, store: Store, split: str, limit: int, samples: int) -> Results:
    return examine_vrash(model.cpu(), store, split, limit=limit, draws=samples)  # as in _examine_vrae


# By system: model, store, split, items of a source at most, draws from the prior.
EXAMINERS: Mapping[str, Callable[..., Results]] = {
    "vrae": _examine_vrae,
    "vrnn": _examine_vrnn,
    "vrash": _examine_vrash,
}


def examine(
    loaded: LoadedRun, store: Store, split: str, *, limit: int = LIMIT, samples: int = SAMPLES
) -> Results:
    """Return the figures of a run's model on `split` of `store`.

    At most `limit` items a source, spread evenly; `samples` draws from the prior. Sources that neither it nor
    a run before it drew from stand apart, as "not trained on", if the run knows its sources. EvaluateError:
    nothing to measure in `split`.
    """
    results = EXAMINERS[loaded.system](loaded.model, store, split, limit, samples)
    drawn = {source["archive"] for source in card.data([*loaded.meta.get("before", []), loaded.meta])}
    foreign = [name for name in results["sources"] if drawn and name in store.sources and name not in drawn]
    results["not trained on"] = {name: results["sources"].pop(name) for name in foreign}
    for name in foreign:
        beside = results.get("prior", {})
        for part in (beside, beside.get("temperatures", {})):
            part.get("sources", {}).pop(name, None)
    return results


def table(results: Results) -> str:
    """Return the figures of an examination as Markdown, a row a source."""
    foreign = {f"{name}, not trained on": row for name, row in results.get("not trained on", {}).items()}
    rows = dict(results["sources"]) | ({"all": results["all"]} if "all" in results else {}) | foreign
    numbers = {
        name: {
            key: value for key, value in row.items() if isinstance(value, int | float) and key != "collapsed"
        }
        for name, row in rows.items()
    }
    collapsed = [f"{name}: **posterior collapse**" for name, row in rows.items() if row.get("collapsed")]
    lines = [sentences.figures(results), "", *_grid(numbers)]
    lines += [part for line in collapsed for part in ("", line)]
    parts = {name: _parts(row) for name, row in rows.items()}
    if any(parts.values()):
        lines += ["", *_grid(parts)]
    return "\n".join([*lines, *prior(results), *_playing(results)])


def _grid(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return `rows` under all their names, a dash where a row lacks one: all sources are of no number."""
    head = list(dict.fromkeys(key for row in rows.values() for key in row))
    lines = [f"| source | {' | '.join(head).replace('_', ' ')} |", f"|---|{'---|' * len(head)}"]
    for name, row in rows.items():
        values = [row.get(key, "-") for key in head]
        cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in values]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _parts(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a source that have parts, such as those of each element of a note."""
    walk = row.get("interpolation", {})
    found = {
        f"{name} {part}": value
        for name, parts in row.items()
        if isinstance(parts, Mapping) and parts is not walk
        for part, value in parts.items()
    }
    return found | ({MOVE: walk["largest_move"]} if "largest_move" in walk else {})


def _playing(results: Results) -> list[str]:
    return ["", *drumming.lines(results["playing"])] if "playing" in results else []
