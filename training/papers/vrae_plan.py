"""What `live-train papers vrae` trains: the paper's two models, its proposals one by one, and the presets."""

from dataclasses import dataclass, replace
from typing import Any

from training.config import Config
from training.vrae.examine import LIMIT, PLAYED
from training.vrae.model import ModelConfig

ARCHIVE = "free-games"
PAPER: dict[str, Any] = {"cell": "rnn", "feedback": "outputs", "reverse": False}
BAR = 40  # frames of an excerpt of the 20-d model
UNITS = 500
RATES: dict[str, Any] = {
    "learning_rate": 1e-3,
    "learning_rate_end": 5e-6,
}  # its 2-d model's; 2e-5 for the other takes days
HALF = 20  # frames from one excerpt of the 20-d model to the next
MAP_STEPS = 50  # frames of an excerpt of the 2-d model
STEPS = 1000  # from one vector
MAP, MEDLEY, ALL = "2-d, the paper's", "20-d, the paper's", "all four"
PLAYS = {"map": "2-d, as map plays", "medley": "20-d, as medley plays"}  # what their configurations train
OPTIONS: dict[str, dict[str, Any]] = {  # the first three are the paper's (section 4)
    "a data point at every step": {"hop": 1},
    "reversed input": {"reverse": True},
    "LSTM": {"cell": "lstm"},
    "hears notes": {"feedback": "notes"},
    ALL: {"hop": 1, "reverse": True, "cell": "lstm", "feedback": "notes"},
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained, and on how much it is examined."""

    map: Config
    medley: Config
    archive: str = ARCHIVE
    units: int = UNITS
    map_steps: int = MAP_STEPS
    limit: int = LIMIT
    played: int = PLAYED
    bars: int = 200
    steps: int = STEPS

    def runs(self) -> dict[str, Config]:
        """Return the configuration of each run by the name of its model."""
        paper, steps = PAPER | {"units": self.units}, self.map_steps
        half = replace(self.medley.model, **paper, steps=BAR, bar=BAR, hop=HALF)
        runs = {MAP: _bounded(self.map, replace(self.map.model, **paper, steps=steps, bar=steps, hop=steps))}
        runs[MEDLEY] = _bounded(self.medley, half)
        runs |= {name: _bounded(self.medley, replace(half, **changes)) for name, changes in OPTIONS.items()}
        return runs | {PLAYS["map"]: self.map, PLAYS["medley"]: self.medley}


def _bounded(config: Config, sizes: ModelConfig) -> Config:
    """Return `config` with a model of `sizes` that minimises the bound itself, as the paper does."""
    stages = tuple(replace(stage, beta=1.0, free_bits=0.0, **RATES) for stage in config.stages)
    return replace(config, model=sizes, stages=stages)
