"""What `live-train papers vrash` trains: VRASH, a VAE and a language model, each with two kinds of cell."""

from dataclasses import dataclass, replace

from training.config import Config
from training.loss import SAMPLES
from training.vrash.examine import DRAWS, LIMIT
from training.vrash.model import ARCHIVES

CONFIG = "vrash"
UNTRAINED = "untrained"
MODELS = {  # by the name of each: family, cell, and the paper's figure
    "LM, highway": ("lm", "highway", None),
    "LM, LSTM": ("lm", "lstm", 2.34),
    "VAE, highway": ("vae", "highway", None),
    "VAE, LSTM": ("vae", "lstm", None),
    "VRASH, highway": ("vrash", "highway", 2.11),
    "VRASH, LSTM": ("vrash", "lstm", None),
}
OURS = "VRASH, highway"
BASELINES = tuple(name for name, (family, _, _) in MODELS.items() if family == "lm")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is trained, and on how much it is examined."""

    config: Config
    archives: tuple[str, ...] = ARCHIVES
    limit: int = LIMIT
    samples: int = SAMPLES
    draws: int = DRAWS
    latents: int = 2000  # phrases in the picture of latents

    def runs(self) -> dict[str, Config]:
        """Return the configuration of each run by the name of its model."""
        sizes = self.config.model
        return {
            name: replace(self.config, model=replace(sizes, family=family, cell=cell))
            for name, (family, cell, _) in MODELS.items()
        }
