"""How each system but MusicVAE is examined, and the table of what was found."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from training import run
from training.data.store import Store
from training.packing import script
from training.vrae.examine import examine as examine_vrae
from training.vrash.examine import examine as examine_vrash
from training.vrnn import drumming, exported_feel
from training.vrnn.examine import ExamineError
from training.vrnn.examine import measure as measure_vrnn
from training.vrnn.sequences import pieces

Results = dict[str, Any]


def _examine_vrnn(model: Any, store: Store, split: str) -> Results:
    if store.form != model.config.form:
        raise ExamineError(f"the store's codec is {store.form}, expected {model.config.form}")
    facts = {"family": "vrnn", "parameters": run.count(model), "identity": run.identity(model)}
    results: Results = {"model": facts, "store": store.digest(), "split": split, "sources": {}}
    for name in store.sources:
        if sequences := pieces(store, split, [name], model.config.every):
            found = measure_vrnn(model, sequences)
            results["sources"][name] = asdict(found) | {"collapsed": found.collapsed}
    if store.form == "feel":
        module = exported_feel.exported(copy.deepcopy(model))
        playing = drumming.compare(script(module), module.width, pieces(store, split))
        results |= {"playing": playing} if playing else {}
    return results


EXAMINERS: Mapping[str, Callable[[Any, Store, str], Results]] = {
    "vrae": examine_vrae,
    "vrnn": _examine_vrnn,
    "vrash": examine_vrash,
}


def table(results: Results) -> str:
    """Return the figures of an examination as Markdown, a row a source."""
    rows = dict(results["sources"]) | ({"all": results["all"]} if "all" in results else {})
    head = [
        name
        for name, value in next(iter(rows.values()), {}).items()
        if isinstance(value, int | float) and name != "collapsed"
    ]
    lines = [f"Split `{results['split']}`.", "", f"| source | {' | '.join(head)} |"]
    lines[2] = lines[2].replace("_", " ")
    lines.append(f"|---|{'---|' * len(head)}")
    for name, row in rows.items():
        values = [row.get(key, "-") for key in head]  # all sources together are of no number of their own
        cells = [f"{value:.3f}" if isinstance(value, float) else str(value) for value in values]
        lines.append(f"| {name} | {' | '.join(cells)} |")
        if row.get("collapsed"):
            lines.append(f"| {name}: **posterior collapse** |{' |' * len(head)}")
    prior = results.get("prior", {})
    if "statistics" in prior and "data" in prior:
        lines += ["", "What it plays beside its data: mean, and overlap of the distributions.", ""]
        lines += ["| statistic | model | data | overlap |", "|---|---|---|---|"]
        for name, value in prior["statistics"].items():
            beside = (value, prior["data"].get(name), prior["overlap"].get(name))
            lines.append(f"| {name} | {' | '.join(_figure(part) for part in beside)} |")
    if "playing" in results:
        lines += ["", *drumming.lines(results["playing"])]
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "-" if value is None or not np.isfinite(value) else f"{value:.3g}"
