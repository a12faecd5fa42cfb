"""A simulated master clock: when its pulses truly are, when they arrive, and what a follower makes of them.

Run as a program, with a number of seeds, it prints how near the follower stays to masters of every kind.
"""

import sys
from collections.abc import Callable

import numpy as np

from engine.bar import TICKS_PER_PULSE
from engine.follower import Follower
from engine.midi import CLOCK, START

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


class Heard:
    """What a follower made of a row of pulses from bar 1 on."""

    def __init__(self, true: np.ndarray, arrived: np.ndarray) -> None:
        self.follower = Follower(100.0)
        self.follower.hear([START], float(arrived[0]) - 0.001)
        self.locked = 0  # pulses heard when it said so first, 0 for never
        errors = []
        for number, time in enumerate(arrived[:-1].tolist(), 1):
            self.follower.hear([CLOCK], time)
            line = self.follower.line(time)
            assert line is not None
            # Ahead: what it says about a pulse that is still to come, as the player needs it.
            errors.append(1000.0 * (line.time_of(number * TICKS_PER_PULSE) - true[number]))
            if not self.locked and self.follower.text(time).startswith("locked"):
                self.locked = number
        self.errors = np.abs(errors)  # milliseconds, of pulse 1 and on

    def worst(self, from_bar: float, to_bar: float = 1e9) -> float:
        """Return the largest error between two bars, milliseconds."""
        return float(self.errors[round(from_bar * BAR) - 1 : round(min(to_bar * BAR, 1e9)) - 1].max())

    def once_locked(self) -> float:
        """Return the largest error after it said that it is locked, infinity where it never did."""
        return float(self.errors[self.locked :].max()) if self.locked else float("inf")


JITTERS = (("uniform", 0), ("uniform", 1), ("uniform", 3), ("gaussian", 1), ("gaussian", 3))
STEADY = (40, 120, 240)  # beats a minute
# Each begins at 100 on beat 32: its tempo, and the bars in which its worst error is looked for.
TURNS = {
    "to 140 in 16 bars": (ramp(100, 140, 32, 64), (8, 24)),
    "to 140 in 4 bars": (ramp(100, 140, 32, 16), (8, 12)),
    "1 % faster a beat for 8 bars": (lambda beat: 100 * 1.01 ** np.clip(beat - 32, 0, 32), (8, 16)),
    "110 at once, half a bar later": (lambda beat: np.where(beat < 32, 100.0, 110.0), (8.5, 16)),
}


def _steady(shape: str, jitter: float, bpm: float, seeds: int) -> str:
    true = pulses(bpm, 12)
    heard = [Heard(true, arrivals(true, shape, jitter, seed=5000 + n)) for n in range(seeds if jitter else 1)]
    locked = np.array([each.locked or len(true) for each in heard]) / BAR
    worst = np.array([each.once_locked() for each in heard])
    late = f"{np.median(locked):.2f} / {np.quantile(locked, 0.99):.2f} / {locked.max():.2f}"
    far = " / ".join(f"{np.quantile(worst, share):.2f}" for share in (0.5, 0.95, 0.99, 1.0))
    return f"| {shape} {jitter} | {bpm} | {late} | {far} | {int((worst >= 1).sum())} of {len(worst)} |"


def _turn(name: str, shape: str, jitter: float, seeds: int) -> str:
    bpm, (begin, end) = TURNS[name]
    true = pulses(bpm, end + 2)
    heard = [Heard(true, arrivals(true, shape, jitter, seed=5000 + n)) for n in range(seeds if jitter else 1)]
    worst = [each.worst(begin, end) for each in heard]
    far = " / ".join(f"{np.quantile(worst, share):.2f}" for share in (0.5, 0.95, 1.0))
    return f"| {name} | {shape} {jitter} | {far} |"


if __name__ == "__main__":
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    print(
        "| jitter, ms | BPM | locked after, bars: p50 / p99 / last | worst error once locked, ms: "
        "p50 / p95 / p99 / worst | over 1 ms |\n|---|---|---|---|---|"
    )
    for kind, size in JITTERS:
        for tempo in STEADY:
            print(_steady(kind, size, tempo, many), flush=True)
    print("\n| from 100 BPM | jitter, ms | worst error, ms: p50 / p95 / worst |\n|---|---|---|")
    for which in TURNS:
        for kind, size in JITTERS[:4]:
            print(_turn(which, kind, size, max(1, many // 4)), flush=True)
