"""At which temperature a model plays most like its data, measured in one way for every system."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from training.statistics import Values, overlap

TRIED = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)
FEWER = 5  # all of TRIED take less than three times as long as the draws at temperature 1.0 beside them

Statistics = Mapping[str, Values]


def few(samples: int) -> int:
    """Return how many of `samples` draws from the prior are played at every temperature."""
    return max(1, samples // FEWER)


def temperatures(
    play: Callable[[float], Statistics], data: Mapping[str, Statistics], samples: int
) -> dict[str, Any]:
    """Return how like each source of `data` a model plays at each temperature, and where it is most so.

    `play` gives the statistics of `samples` draws at a temperature, the same latents with the same noise at
    each. "overlap" is of each temperature "tried" the `mean_overlap`, "best" where that is largest, be it the
    first or the last of them: then the best of all may lie beyond.
    """
    played = [play(temperature) for temperature in TRIED]
    sources = {}
    for name, values in data.items():
        shared = [mean_overlap(own, values) for own in played]
        sources[name] = {"overlap": shared, "best": TRIED[int(np.argmax(shared))]}
    return {"samples": samples, "tried": list(TRIED), "sources": sources}


def mean_overlap(own: Statistics, data: Statistics) -> float:
    """Return the mean over all statistics of the area, 0 to 1, that their distributions share.

    What `data` has nothing of is left out. What only `own` lacks counts as nothing shared: music that fell
    silent is not the more like the data for having nothing to measure.
    """
    shared = overlap(own, data)
    return float(np.mean([shared[name] or 0.0 for name in shared if np.isfinite(data[name]).any()]))
