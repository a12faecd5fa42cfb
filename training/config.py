"""What a training run is: frozen dataclasses whose every default carries its reason."""

from dataclasses import dataclass, field
from typing import Any


class ConfigError(Exception):
    """A configuration that cannot be run: the file, the key, its value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the curriculum, ended by `iterations` or by its `share` of the minutes given.

    Defaults are MusicVAE's; what other systems have instead is in training/systems.py.
    """

    objective: str  # one of its system's, see training/systems.py
    iterations: int = 100_000  # the paper's count for 16 bars (section 5.1)
    share: float = 1.0  # of the minutes, relative to the other stages
    batch: int = 512  # the paper's
    learning_rate: float = 1e-3  # the paper's, decaying exponentially ...
    learning_rate_end: float = 1e-5  # ... to this at the end of the stage
    beta: float = 0.2  # weight of the KL, the paper's; of other systems 1, the bound itself
    beta_rate: float = 0.0  # beta * (1 - rate^iteration): 0.99999 for 2 bars in the paper, 0 is at once
    free_bits: float = 256.0  # bits in total that cost nothing, the paper's for 16 bars; others: 0
    scheduled_sampling: float = 0.0  # rate of the inverse sigmoid (2000 for 2 bars), 0 is teacher forcing
    bar_encoder: bool = True  # "windows" moves it too; without, an iteration costs a third less
    samples: int = 4  # particles of "iwae" and "fivo"; the paper of FIVO trains with 4
    length: int = 0  # frames that a training sequence has at most; 0 is the whole piece
    bars_decoded: int = 0  # of each window, drawn at random: an unbiased estimate; 0 is all of them
    validate_every: int = 250  # iterations


@dataclass(frozen=True, slots=True)
class Data:
    """Which songs a run hears and how often."""

    weights: dict[str, float] = field(default_factory=dict)  # source -> share of the draws; empty: by size
    transpose: tuple[int, int] = (-6, 5)  # semitones, melody and bass together, every key once


@dataclass(frozen=True, slots=True)
class Config:
    """A whole run."""

    model: Any  # the sizes of its system's model
    data: Data
    stages: tuple[Stage, ...]
    system: str = "musicvae"  # one of training/systems.py
    seed: int = 1
    precision: str = "auto"  # "bfloat16", "float32"; training.precision has what auto is
    clip: float = 1.0  # largest norm of the gradient
