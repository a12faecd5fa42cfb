"""A Python model from wherever its weights rest: a configuration's seed, a run, or an exported file."""

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from engine import manifest
from engine.codec import CODECS
from engine.manifest import Manifest
from engine.modelfile import Block, block, opened, rows
from training import configfile, run
from training.musicvae.bottoms import Weights, in_order
from training.musicvae.model import ModelConfig, MusicVAE


class WeightsError(Exception):
    """A path that holds no weights, or weights in a form that is unknown here."""


def open_model(path: Path) -> MusicVAE:
    """Return the model of the configuration, of the run's folder or of the exported file at `path`.

    That of a configuration is untrained, that of a file has its weights as they rest there but no encoder.
    ConfigError, RunError, ManifestError, WeightsError: what is wrong with it.
    """
    if path.is_dir():
        model: MusicVAE = run.load(path, system="musicvae").model
        return model
    if path.suffix == ".toml":
        return untrained(path)[0]
    if path.suffix == ".ts":
        return from_file(path)
    raise WeightsError(f"{path}: neither a configuration, nor a run's folder, nor an exported .ts file")


def untrained(path: Path) -> tuple[MusicVAE, str]:
    """Return a model of the sizes in the configuration at `path` and what its weights are, in words."""
    found = configfile.load(path)
    if found.system != "musicvae":
        raise WeightsError(f"{path}: system is {found.system!r}, expected 'musicvae'")
    torch.manual_seed(found.seed)
    return MusicVAE(found.model).eval(), f"random weights from seed {found.seed} of {path.name}"


def from_file(path: Path) -> MusicVAE:
    """Return a model that writes what the file at `path` writes, in float32; its encoder is a random one."""
    contract = manifest.read(path)
    try:
        return _unpacked(opened(path), contract)
    except (AttributeError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(f"{path}: no weights that are known here: {reason}") from error


@torch.inference_mode()
def _unpacked(stored: Any, contract: Manifest) -> MusicVAE:
    vocabularies = tuple(voice.vocabulary for voice in CODECS[contract.codec].voices)
    readout = stored.conductor.readout()
    bottoms = list(stored.bottoms.children())
    config = ModelConfig(
        voices=contract.voices,
        bars=contract.bars,
        steps_per_bar=contract.steps_per_bar,
        embedding=max(vocabularies) + 1,  # one-hot
        bar_encoder=1,
        sequence_encoder=1,
        z_size=contract.z_size,
        conductor=readout.shape[1],
        code=readout.shape[0],
        decoder=bottoms[0].decoders.units,
    )
    model = MusicVAE(config).eval()
    weights: Weights = _conductor(stored) | {"conductor.code.weight": readout}
    gated = 4 * config.decoder
    for voice, (vocabulary, bottom) in enumerate(zip(vocabularies, bottoms, strict=True)):
        name, outputs = f"decoders.{voice}", slice(gated, gated + vocabulary)
        opening, opening_bias = block(bottom.opening)
        (lower, below), (upper, above) = block(bottom.decoders.lower), block(bottom.decoders.upper)
        # Every input has exactly one token, so the bias may stay in the tokens' columns.
        from_token = F.pad(bottom.decoders.table().T, (0, max(vocabularies) - vocabulary))
        weights |= {
            f"{name}.embedding.weight": torch.eye(vocabulary + 1, config.embedding),
            f"{name}.initial.weight": opening[:gated],
            f"{name}.initial.bias": opening_bias[:gated],
            f"{name}.output.weight": upper[outputs],
            f"{name}.output.bias": above[outputs],
        }
        first, recurrent = torch.cat([from_token, opening[gated:]], 1), (lower[gated:], torch.zeros(gated))
        weights |= _lstm(name, first, recurrent, (lower[:gated], below[:gated]), upper[:gated])
    model.load_state_dict(weights | {f"encoder.{k}": v for k, v in model.encoder.state_dict().items()})
    return model


def _conductor(stored: Any) -> Weights:
    lower, between, upper = (
        rows(product)
        for product in (stored.conductor.lower, stored.conductor.between, stored.conductor.upper)
    )
    first = torch.zeros(len(lower[0]), 1)  # its input is a dummy
    return {
        "conductor.initial.weight": stored.initial(),
        "conductor.initial.bias": stored.initial_bias(),
        "conductor.code.bias": stored.conductor.readout_bias,
    } | _lstm("conductor", first, lower, between, upper[0])


def _lstm(name: str, first: Tensor, lower: Block, between: Block, upper: Tensor) -> Weights:
    """Return the weights of the two-layer LSTM `name`, whose gates are in the file's order."""
    none = torch.zeros(len(first))
    parts = {
        "weight_ih_l0": first,
        "weight_hh_l0": lower[0],
        "bias_ih_l0": lower[1],
        "bias_hh_l0": none,
        "weight_ih_l1": between[0],
        "weight_hh_l1": upper,
        "bias_ih_l1": between[1],
        "bias_hh_l1": none,
    }
    return {f"{name}.lstm.{part}": in_order(weight) for part, weight in parts.items()}  # its own inverse
