"""What a VRNN of rolls plays by itself beside the music of its sources: the statistics of both."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from training.statistics import Values, overlap, summary
from training.temperatures import few, temperatures
from training.vrnn.model import VRNN
from training.vrnn.playing import play
from training.vrnn.sequences import Rows
from training.vrnn.statistics import statistics

HEARD = "the mean of the posterior"  # what a draw goes on from, of what was played


def compared(model: VRNN, music: Mapping[str, Sequence[Rows]], samples: int, frames: int) -> dict[str, Any]:
    """Return what `model` plays `beside` the music.

    In a draw the recurrence goes on from the mean of the posterior of the frame just played, not from the z
    that was drawn (equations 5 to 7), as the exported form does: what was played may differ from what was
    drawn.
    """
    found = beside(partial(_played, model, frames), music, samples, frames)
    return found if model.config.latent == "none" else found | {"goes_on_from": HEARD}


def beside(
    play: Callable[[int, float], dict[str, Values]],
    music: Mapping[str, Sequence[Rows]],
    samples: int,
    frames: int,
) -> dict[str, Any]:
    """Return statistics of `samples` draws of `frames` frames, and, by source, those of `music` and overlaps.

    `play` gives the statistics of so many draws at a temperature. The music is cut into stretches of as many
    frames. Fewer draws are played at every temperature tried.
    """
    own, data = play(samples, 1.0), {}
    for name, sequences in music.items():
        stretches = [rows[at : at + frames] for rows in sequences for at in range(0, len(rows), frames)]
        data[name] = statistics(stretches)
    by_source = {
        name: {"statistics": summary(values), "overlap": overlap(own, values)}
        for name, values in data.items()
    }
    found = {"samples": samples, "frames": frames, "statistics": summary(own), "sources": by_source}
    some = few(samples)
    return found | {"temperatures": temperatures(partial(play, some), data, some)}


def _played(model: VRNN, frames: int, count: int, temperature: float) -> dict[str, Values]:
    """Return the statistics of `count` draws of `frames` frames, always with the same noise."""
    rolls = play(model, count, frames, seed=0, temperature=temperature)
    return statistics(list(rolls.cpu().numpy().astype(np.uint8)))
