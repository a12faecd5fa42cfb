"""A simulated master clock: when its pulses truly are, and when they arrive."""

from collections.abc import Callable

import numpy as np

PULSES = 24  # a beat
BAR = 4 * PULSES
SUBDIVISION = 16  # of a pulse, in which a tempo that changes is integrated


def pulses(bpm: Callable[[np.ndarray], np.ndarray] | float, bars: float, start: float = 1000.0) -> np.ndarray:
    """Return the true times of the pulses of `bars` bars, seconds; `bpm` may be a function of the beat."""
    count = round(bars * BAR)
    if not callable(bpm):
        return start + np.arange(count + 1) * 60.0 / (PULSES * bpm)
    beats = np.arange(count * SUBDIVISION + 1) / (PULSES * SUBDIVISION)
    slowness = 60.0 / bpm(beats)
    steps = (slowness[1:] + slowness[:-1]) / 2 / (PULSES * SUBDIVISION)
    return start + np.concatenate([[0.0], np.cumsum(steps)])[::SUBDIVISION]


def ramp(low: float, high: float, start: float, beats: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a tempo that goes from `low` to `high` in `beats` beats from beat `start` on."""
    return lambda beat: low + (high - low) * np.clip((beat - start) / beats, 0.0, 1.0)


def arrivals(times: np.ndarray, shape: str, jitter: float, seed: int) -> np.ndarray:
    """Return when pulses arrive that left at `times`; `jitter` is in milliseconds.

    "uniform" is to both sides by as much as that, "gaussian" has that deviation. Pulses look alike, so one
    that overtakes another is not to be told from it. "periods" is a system that hands on at the beginning
    of its next period, `jitter` long.
    """
    random = np.random.default_rng(seed)
    if shape == "periods":
        period, begun = jitter / 1000.0, random.uniform()
        return (np.ceil(times / period + begun) - begun - 0.5) * period
    size = len(times)
    late = random.uniform(-1, 1, size) if shape == "uniform" else random.standard_normal(size)
    return np.sort(times + late * jitter / 1000.0)
