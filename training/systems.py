"""The systems that `live-train` trains: one table holds them all."""

from training.batches import Batches
from training.beginning import begin
from training.bounds import BOUNDS
from training.bounds import begin as normalise
from training.bounds import check as check_vrnn
from training.config import Config, ConfigError
from training.frames import FRAMES
from training.musicvae import VOICES, ModelConfig, MusicVAE
from training.objectives import OBJECTIVES, sampled, trained_parts
from training.sequences import Sequences
from training.system import System
from training.vrnn import VRNN, VRNNConfig


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
    "vrnn": System(
        title="VRNN (Chung et al. 2015)",
        sizes=VRNNConfig,
        build=VRNN,
        objectives=BOUNDS,
        stream=Sequences,
        choices={
            "latent": ("prior", "fixed", "none"),
            "output": ("bernoulli", "gauss", "gmm"),
            "form": tuple(FRAMES),
        },
        check=check_vrnn,
        begin=normalise,
    ),
}
