"""From a VRNN of drum hits to the file of a feel, which plays the drums of other models, and its card."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS, DRUM_VOCABULARY
from engine.feel import CODEC, FeelManifest, read
from engine.manifest import FEEL, FORMAT
from engine.modelfile import frozen, opened
from engine.noise import gumbel
from training import atomic, card, run
from training.data.store import Store
from training.examiners import examine, table
from training.packing import made, script, write
from training.run import LoadedRun
from training.vrnn.exported_feel import METHODS, exported
from training.vrnn.frames import CLASSES
from training.vrnn.model import VRNN
from training.vrnn.playing import hits

CARD = "FEEL.md"  # a feel may lie in the folder of a preset, beside the card of the model that it plays
CHECKED = 4  # bars
LIKE = 1e-3  # of velocity and of a step


class FeelError(Exception):
    """A feel that cannot be exported; the message names what was found and what was expected."""


def export_feel(
    run_dir: Path, loaded: LoadedRun, output: Path, *, store: Path | None, note: str | None
) -> card.OtherReport:
    """Write the model of a run of drum hits to `output`, and FEEL.md beside it.

    FeelError: a store of something else, or a module that plays otherwise than the Python model.
    """
    model: VRNN = loaded.model.cpu().float().eval()
    songs = Store.open(store) if store else None
    if songs and songs.form != model.config.form:
        raise FeelError(f"{store}: codec is {songs.form}, expected {model.config.form}")
    module = exported(copy.deepcopy(model))
    scripted, codec = script(module), CODECS[CODEC]
    manifest = FeelManifest(
        format=FORMAT,
        family=FEEL,
        codec=CODEC,
        codec_version=codec.version,
        steps_per_bar=STEPS_PER_BAR,
        noise=module.width,
        data=tuple(card.data([*loaded.meta.get("before", []), loaded.meta])),
        exported_with=made(model),
    )
    examined = examine(loaded, songs, "test") if songs else None
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic.whole(output) as partial:
        write(scripted, manifest, partial)
        apart = difference(frozen(opened(partial), METHODS), model, module.width)
        if not apart <= LIKE:
            raise FeelError(f"{run_dir}: exported and Python model differ by {apart:.2g}, allowed {LIKE:g}")
    report = card.OtherReport(output, output.stat().st_size, run.count(model), ())
    figures = table(examined) if examined else "Not evaluated: export with --data."
    text = card.card_of_feel(read(output), report, loaded.meta, figures, note)
    atomic.write(output.with_name(CARD), text)
    return report


@torch.inference_mode()
def difference(module: Any, model: VRNN, width: int, seed: int = 0) -> float:
    """Return how far apart the hits of `module` and `model` are, for the same bars and noise.

    Offsets count in steps, and so do velocities in what rounding alone does not explain.
    """
    generator = torch.Generator().manual_seed(seed)
    state, since, held = module.begin(), -1.0, model.begin((1,), model.mean)
    worst = 0.0
    for bar in range(CHECKED):
        tokens = torch.randint(DRUM_VOCABULARY, (STEPS_PER_BAR,), generator=generator)
        tokens &= torch.randint(DRUM_VOCABULARY, (STEPS_PER_BAR,), generator=generator)
        (noise,) = gumbel(seed, 0, bar, STEPS_PER_BAR, (CLASSES * width,))
        chance = torch.from_numpy(noise).view(STEPS_PER_BAR, CLASSES, width)
        velocities, offsets, state = module.feel(state, tokens, chance, 1.0)
        expected, held, since = hits(model, tokens, chance, held, since, 1.0)
        struck = (tokens.unsqueeze(1) >> torch.arange(CLASSES)) & 1 > 0
        loud = expected[:, 0] * 127
        off: Tensor = (velocities[struck] - 1 - loud.clamp(max=126)).abs()
        worst = max(worst, float((off - 1).max()), float((offsets[struck] - expected[:, 1]).abs().max()))
    return worst
