"""The systems that `live-train` trains: one table holds them all."""

from training import phrase_bound, vrash
from training.batches import Batches
from training.beginning import begin
from training.config import Config, ConfigError
from training.musicvae import VOICES, ModelConfig, MusicVAE
from training.objectives import OBJECTIVES, sampled, trained_parts
from training.phrases import FEWEST, PhraseStream
from training.system import System


def _check_musicvae(config: Config) -> None:
    voices = list(config.model.voices)
    if voices != [voice for voice in VOICES if voice in voices]:
        raise ConfigError(f"model.voices: {voices!r}, expected some of {', '.join(VOICES)}, in this order")
    for i, stage in enumerate(config.stages):
        if stage.objective != "windows" and config.model.family == "flat":
            raise ConfigError(f"stages[{i}].objective: {stage.objective!r} needs a hierarchical model")


def _check_vrash(config: Config) -> None:
    sizes = config.model
    if sizes.notes < FEWEST:
        raise ConfigError(f"model.notes: {sizes.notes}, expected {FEWEST} or more")
    if sizes.unlabelled > 1:
        raise ConfigError(f"model.unlabelled: {sizes.unlabelled}, expected at most 1")


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
    "vrash": System(
        title="VRASH (Tikhonov & Yamshchikov 2017)",
        sizes=vrash.ModelConfig,
        build=vrash.VRASH,
        objectives={"notes": phrase_bound.notes},
        stream=PhraseStream,
        choices={"family": ("vrash", "vae", "lm"), "cell": ("highway", "lstm")},
        check=_check_vrash,
    ),
}
