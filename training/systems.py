"""The systems that `live-train` trains: one table holds them all."""

from engine.pianoroll import KEYS, LOWEST
from training.config import Config, ConfigError
from training.musicvae.batches import Batches
from training.musicvae.beginning import begin
from training.musicvae.model import VOICES, ModelConfig, MusicVAE
from training.musicvae.objectives import OBJECTIVES, sampled, trained_parts
from training.system import System
from training.vrae import bound, excerpts
from training.vrae import model as vrae
from training.vrash import bound as phrase_bound
from training.vrash import model as vrash
from training.vrash.phrases import FEWEST, PhraseStream
from training.vrnn.bound import BOUNDS
from training.vrnn.bound import begin as normalise
from training.vrnn.bound import check as check_vrnn
from training.vrnn.frames import FRAMES
from training.vrnn.model import VRNN, VRNNConfig
from training.vrnn.sequences import Sequences

OCTAVE = 12
BOUND = {"beta": 1.0, "free_bits": 0.0}  # the lower bound itself, unless a configuration says otherwise


def _check_musicvae(config: Config) -> None:
    voices = list(config.model.voices)
    if voices != [voice for voice in VOICES if voice in voices]:
        raise ConfigError(f"model.voices: {voices!r}, expected some of {', '.join(VOICES)}, in this order")
    for i, stage in enumerate(config.stages):
        if stage.objective != "windows" and config.model.family == "flat":
            raise ConfigError(f"stages[{i}].objective: {stage.objective!r} needs a hierarchical model")


def _check_vrae(config: Config) -> None:
    sizes, top = config.model, LOWEST + KEYS
    if sizes.lowest < LOWEST or sizes.lowest + sizes.pitches > top:
        highest = sizes.lowest + sizes.pitches - 1
        raise ConfigError(f"model.pitches: {sizes.lowest} to {highest}, allowed {LOWEST} to {top - 1}")
    if sizes.pitches < OCTAVE:
        raise ConfigError(f"model.pitches: {sizes.pitches}, expected an octave, {OCTAVE}, or more")
    if sizes.lean > 1:
        raise ConfigError(f"model.lean: {sizes.lean}, expected at most 1")


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
        matrices=True,
    ),
    "vrae": System(
        title="VRAE (Fabius & van Amersfoort 2015)",
        sizes=vrae.ModelConfig,
        build=vrae.VRAE,
        objectives={"excerpts": bound.excerpts},
        stream=excerpts.ExcerptStream,
        choices={"cell": ("rnn", "lstm"), "feedback": ("outputs", "notes")},
        check=_check_vrae,
        # "beta1 = 0.05, beta2 = 0.001" (section 3.2) is how Adam's first paper counted: 1 - beta.
        adam=(0.95, 0.999),
        defaults=BOUND,
        matrices=True,
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
        defaults=BOUND,
    ),
    "vrash": System(
        title="VRASH (Tikhonov & Yamshchikov 2017)",
        sizes=vrash.ModelConfig,
        build=vrash.VRASH,
        objectives={"notes": phrase_bound.notes},
        stream=PhraseStream,
        choices={"family": ("vrash", "vae", "lm"), "cell": ("highway", "lstm")},
        check=_check_vrash,
        defaults=BOUND,
    ),
}
