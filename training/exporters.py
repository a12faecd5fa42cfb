"""How each system but MusicVAE becomes a file that plays, bars that go on from each other without end."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from engine.bar import TICKS_PER_BAR
from engine.manifest import read
from engine.modelfile import frozen, opened
from engine.pianoroll import KEYS
from training import agreement, atomic, card, run
from training.data.archives import frames_a_bar
from training.data.store import Store
from training.examiners import examine, table
from training.latents import Latents, of_prior
from training.packing import describe, script, write
from training.run import LoadedRun
from training.vrae import exported as exported_vrae
from training.vrae import latents as of_vrae
from training.vrae import playing as vrae_playing
from training.vrash import exported as exported_vrash
from training.vrash import latents as of_vrash
from training.vrash import playing as vrash_playing
from training.vrnn import axes as axes_vrnn
from training.vrnn import exported as exported_vrnn
from training.vrnn import playing as vrnn_playing
from training.vrnn.sequences import pieces

LOOP = 16  # bars after which a performance without end counts a loop


class EndlessError(Exception):
    """A model that cannot be exported; the message names what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Exporter:
    """A system's way to a file: the module, what its manifest says of it, and its latents.

    `rows` takes the model, a latent and noise, and returns what the module ought to write of them. `measure`
    takes the model, a store and the sources that it heard (None: all).
    """

    title: str
    build: Callable[[Any], nn.Module]
    rows: Callable[[Any, Tensor, agreement.Noise], Tensor]
    facts: Callable[[Any], dict[str, Any]]
    measure: Callable[[Any, Store, Sequence[str] | None], Latents]
    prior: Callable[[Any], Latents]  # of a model that nothing has been measured of


def _vrae(model: Any) -> dict[str, Any]:
    grid = {"codec": "roll", "steps_per_bar": model.config.bar, "noise": (KEYS,)}
    return {"family": "vrae", "z_size": model.config.z_size, **grid}


def _vrnn(model: Any) -> dict[str, Any]:
    config = model.config
    facts = {"codec": "roll", "noise": (config.z_size, KEYS), "traces": exported_vrnn.TRACES}
    return {"family": "vrnn", "z_size": config.z_size + 1, **facts}  # its data tells the steps of a bar


def _vrash(model: Any) -> dict[str, Any]:
    grid = {"codec": "melody", "steps_per_bar": exported_vrash.STEPS, "noise": exported_vrash.NOISE}
    return {"family": f"vrash-{model.config.cell}", "z_size": model.config.z_size + 1, **grid}


def _vrnn_latents(model: Any, store: Store, sources: Sequence[str] | None) -> Latents:
    return axes_vrnn.measure(model, pieces(store, "train", sources, model.config.every))


def _check_vrnn(run_dir: Path, model: Any, songs: Store | None) -> None:
    """EndlessError: a VRNN without latents, which no knob could move, or another's data."""
    if model.config.latent == "none":
        raise EndlessError(f"{run_dir}: model.latent is 'none', expected prior or fixed: knobs move latents")
    if songs and songs.form != model.config.form:
        raise EndlessError(f"{run_dir}: the store's codec is {songs.form}, expected {model.config.form}")


def _steps_per_bar(run_dir: Path, loaded: LoadedRun) -> int:
    """Return how many frames that a VRNN hears make a bar. EndlessError: its data does not say."""
    weights, every = loaded.meta.get("weights") or {}, int(loaded.model.config.every)
    sources = [
        source
        for source in loaded.meta.get("sources") or ()
        if weights.get(source["name"], 0.0 if weights else 1.0) > 0
    ]
    grids = {source["name"]: frames_a_bar(source) for source in sources}
    found = set(grids.values())
    frames = found.pop() if len(found) == 1 else 0
    if not frames or frames % every or TICKS_PER_BAR % (frames // every):
        told = ", ".join(f"{name} {frames or 'unknown'}" for name, frames in grids.items()) or "no source"
        raise EndlessError(
            f"{run_dir}: frames in a bar of 4/4: {told}; expected one known number, which divided by "
            f"model.every, {every}, divides the {TICKS_PER_BAR} ticks of a bar"
        )
    return frames // every


def _vrnn_prior(model: Any) -> Latents:
    size = model.config.z_size + 1
    return Latents((0.0,) * size, (1.0,) * size, (), ((0.0,) * size,))


EXPORTERS = {
    "vrae": Exporter(
        "VRAE (Fabius & van Amersfoort 2015)",
        exported_vrae.exported,
        vrae_playing.rows,
        _vrae,
        lambda model, store, sources: of_vrae.measure(model, store),
        lambda model: of_prior(model.config.z_size),
    ),
    "vrnn": Exporter(
        "VRNN (Chung et al. 2015)",
        exported_vrnn.exported,
        vrnn_playing.rows,
        _vrnn,
        _vrnn_latents,
        _vrnn_prior,
    ),
    "vrash": Exporter(
        "VRASH (Tikhonov & Yamshchikov 2017)",
        exported_vrash.exported,
        vrash_playing.rows,
        _vrash,
        lambda model, store, sources: of_vrash.measure(model, store),
        lambda model: of_vrash.of_prior(model.config.z_size),
    ),
}


def export_endless(
    run_dir: Path, loaded: LoadedRun, output: Path, *, store: Path | None, note: str | None
) -> card.OtherReport:
    """Write the model of a run of another system than MusicVAE to `output`, and CARD.md beside it.

    Its weights stay float32. EndlessError: a system that does not play, or a file that writes other notes
    than the Python model for the same noise, or hears otherwise than it writes.
    """
    exporter = EXPORTERS.get(loaded.system)
    if exporter is None:
        raise EndlessError(
            f"{run_dir}: system is {loaded.system!r}, expected musicvae, {', '.join(EXPORTERS)}"
        )
    model = loaded.model.cpu().float().eval()
    songs = Store.open(store) if store else None
    facts = exporter.facts(model) | {"weights": "float32", "memory": "endless", "bars": LOOP}
    if loaded.system == "vrnn":
        _check_vrnn(run_dir, model, songs)
        facts["steps_per_bar"] = _steps_per_bar(run_dir, loaded)
    weighed = [name for name, weight in (loaded.meta.get("weights") or {}).items() if weight > 0]
    measured = exporter.measure(model, songs, weighed or None) if songs else exporter.prior(model)
    # A copy: what becomes of the module does not become of the model that it is held against.
    scripted = script(exporter.build(copy.deepcopy(model)))
    data = card.data([*loaded.meta.get("before", []), loaded.meta])
    manifest = describe(model, facts, measured, data)
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic.whole(output) as file:
        write(scripted, manifest, file)
        module = frozen(opened(file), ["begin", "bar"])  # as the engine loads it
        if apart := agreement.difference(module, partial(exporter.rows, model), facts):
            raise EndlessError(f"{run_dir}: exported and Python model differ: {apart}")
        if not agreement.listens(module, facts):
            raise EndlessError(f"{run_dir}: the exported module hears a bar otherwise than it wrote it")
    report = card.OtherReport(output, output.stat().st_size, run.count(model), manifest.axes)
    examined = examine(loaded, songs, "test") if songs else None
    figures_text = table(examined) if examined else "Not evaluated: export with --data."
    text = card.card_of_other(exporter.title, read(output), report, loaded.meta, figures_text, note)
    atomic.write(output.with_name("CARD.md"), text)
    return report
