"""What a VRNN of rolls plays by itself beside the music of its sources: the statistics of both."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.statistics import overlap, summary
from training.vrnn.model import VRNN
from training.vrnn.playing import play
from training.vrnn.sequences import Rows
from training.vrnn.statistics import statistics


def compared(model: VRNN, music: Mapping[str, Sequence[Rows]], samples: int, frames: int) -> dict[str, Any]:
    """Return statistics of `samples` draws of `frames` frames, and, by source, those of `music` and overlaps.

    The music is cut into stretches of as many frames.
    """
    own = statistics(list(play(model, samples, frames, seed=0).cpu().numpy().astype(np.uint8)))
    beside = {}
    for name, sequences in music.items():
        stretches = [rows[at : at + frames] for rows in sequences for at in range(0, len(rows), frames)]
        data = statistics(stretches)
        beside[name] = {"statistics": summary(data), "overlap": overlap(own, data)}
    return {"samples": samples, "frames": frames, "statistics": summary(own), "sources": beside}
