"""A run from its configuration and its store: begun, resumed or begun with another's weights, and trained."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from training import curves, precision, run
from training.config import Config
from training.data.store import Store
from training.loop import Fit, Progress
from training.systems import SYSTEMS


def made_with(config: Config, store: Store) -> dict[str, Any]:
    """Return what must not change while a run goes on."""
    made: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    made["stages"] = {str(number): stage for number, stage in enumerate(made["stages"], 1)}
    return made | {"store": store.digest()}


def _past(made: dict[str, Any], begun: int) -> dict[str, Any]:
    """Return `made` with no more than the first `begun` stages."""
    stages = made.get("stages", {})
    return made | {"stages": {key: stage for key, stage in stages.items() if int(key) <= begun}}


def fit(
    config: Config,
    store: Store,
    output: Path,
    *,
    minutes: float | None = None,
    device: str = "cpu",
    until: int | None = None,
    start: Path | None = None,
    report: Callable[[str], None] = print,
) -> Progress:
    """Train `config` on `store` into the folder `output`, going on from its last checkpoint if there is one.

    `minutes` of computing bound the run over all its sessions: what is left is shared out by the stages'
    `share`. With it the learning rate follows the clock; without it a resumed run is the uninterrupted one,
    bit for bit. Stages that have not begun may change between two sessions, nothing else. `until` pauses
    after so many iterations in all. A new run begins with the weights of the run `start`, if given: one that
    has learnt more than single bars keeps its conductor through a stage of codes. Returns where the run
    stands.
    ConfigError: data that a stage lacks; RunError: a folder of another run, a start of another shape;
    FitError: training that diverged.
    """
    output.mkdir(parents=True, exist_ok=True)
    system = SYSTEMS[config.system]
    half = precision.halved(config.precision, device, system.matrices)
    # A run keeps to one, wherever it goes on.
    config = replace(config, precision="bfloat16" if half else "float32")
    torch.manual_seed(config.seed)
    model, progress = system.build(config.model).to(device), Progress()
    made = made_with(config, store)
    before: list[dict[str, Any]] = []
    saved = run.checkpoint(output, device)
    if saved:
        progress = Progress(**saved["progress"])
        # The best may have been written after the checkpoint: no worse one takes its place.
        progress.best = min(progress.best, run.best_loss(output, progress.stage + 1))
        begun = progress.stage + (progress.iteration > 0)  # a stage to come may still change
        run.same(output, _past(saved.get("made_with", {}), begun), _past(made, begun))
        model.load_state_dict(saved["model"])
        run.restore_noise(saved["noise"])
        before = saved.get("before", [])
        if start is not None and not before:
            raise run.RunError(f"{output}: began without the weights of {start}; --from is for a new folder")
        if progress.stage == len(config.stages):
            report(f"{output} is finished")
            return progress
        report(f"resuming at stage {progress.stage + 1}, iteration {progress.iteration}")
    elif start is not None:
        before = run.begin(model, config.system, start, device)
    work = Fit(config, store, output, device, model, progress, made, before, report)
    for number in range(progress.stage, len(config.stages)):  # what a later stage lacks is said now
        work.batches(number).fixed("valid", 1)
    while progress.stage < len(config.stages):
        shares = [stage.share for stage in config.stages[progress.stage :]]
        left = None if minutes is None else 60.0 * minutes - progress.spent
        within = saved if progress.iteration else None  # a stage begins with an optimiser of its own
        if not work.stage(within, None if left is None else left * shares[0] / sum(shares), until):
            break
        saved = None
    curves.draw(output, progress.rows)
    return progress
