"""The systems that `live-train` trains: one table holds them all."""

from training.batches import Batches
from training.beginning import begin
from training.config import Config, ConfigError
from training.musicvae import VOICES, ModelConfig, MusicVAE
from training.objectives import OBJECTIVES, sampled, trained_parts
from training.system import System


def _check_musicvae(config: Config) -> None:
    voices = list(config.model.voices)
    if voices != [voice for voice in VOICES if voice in voices]:
        raise ConfigError(f"model.voices: {voices!r}, expected some of {', '.join(VOICES)}, in this order")
    for i, stage in enumerate(config.stages):
        if stage.objective != "windows" and config.model.family == "flat":
            raise ConfigError(f"stages[{i}].objective: {stage.objective!r} needs a hierarchical model")


SYSTEMS = {
    "musicvae": System(
        title="MusicVAE (Roberts et al. 2018)",
        sizes=ModelConfig,
        build=MusicVAE,
        objectives=OBJECTIVES,
        stream=Batches,
        choices={"family": ("hierarchical", "flat")},
        check=_check_musicvae,
        trained=trained_parts,
        begin=begin,
        sampled=sampled,
    ),
}
