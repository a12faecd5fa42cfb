"""Where a MusicVAE's stage of codes begins: sequence encoder and conductor as the best linear map."""

from collections.abc import Callable

import torch

from training.config import Stage
from training.musicvae import delayline
from training.musicvae.batches import Batches
from training.musicvae.model import MusicVAE

START_ITEMS = 8192  # windows that the conductor's start is computed from
START_SHARE = 0.25  # of the stage's time, at most
KEYS = 12


def begin(
    model: MusicVAE, stage: Stage, batches: Batches, left: Callable[[], float] | None, before: str
) -> str:
    """Set the levels above the bar to where they start, unless an earlier run has taught them.

    `before` is the objective that such a run had reached. Fewer windows do where they would take more than a
    START_SHARE of the seconds that are `left`.
    """
    if stage.objective != "codes" or before not in ("", "bars"):
        return ""
    items = min(START_ITEMS, KEYS * len(batches.draws))  # as many as there are, in every key
    device = next(model.parameters()).device
    some = [batches.draw()]
    if left is not None:
        whole = left()
        delayline.start(model, some[0].to(device), 1.0)
        took = max(whole - left(), 1e-9)  # a clock may be too coarse to tell
        items = min(items, int(stage.batch * START_SHARE * whole / took))
    some += [batches.draw() for _ in range(stage.batch, items, stage.batch)]
    distortion = stage.beta * model.config.code_noise**2  # where a bit more costs what it saves
    delayline.start(model, torch.cat(some).to(device), distortion)
    return f"the conductor begins as the best linear map of {len(some) * stage.batch} windows"
