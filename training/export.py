"""From a trained model to a file that plays, TorchScript with a manifest inside; only this file scripts."""

import platform
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from engine.codec import CODECS
from engine.latent import prior
from engine.manifest import ENTRY, FORMAT, Axis, Manifest
from training.agreement import TOLERANCE, Agreement, compare, reference
from training.exported import ExportedMusicVAE
from training.musicvae import MusicVAE

FAMILY = "musicvae-hierarchical"
CODEC = "trio"
CHECKED = 64  # random latents on which the exported form must write what the Python model writes
ANCHORS = 8


class ExportError(Exception):
    """A model that cannot be exported; the message names what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Latents:
    """What the manifest says about latent space: mean and deviation (z_size,), axes, anchors."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    axes: tuple[Axis, ...]
    anchors: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What an export wrote: `exact` is the float32 form beside the model, `written` the file's form."""

    output: str
    weights: str
    bytes: int
    parameters: int
    exact: Agreement
    written: Agreement


def export_model(
    model: MusicVAE,
    output: Path | str,
    *,
    quantise: bool = True,
    latents: Latents | None = None,
    data: Sequence[Mapping[str, str]] = (),
) -> Report:
    """Write `model` to `output`, which appears whole or not at all; without `latents` those of the prior.

    ExportError: a flat model, voices that are not the codec's, or an exported float32 form that writes
    other notes than the Python model for the same noise.
    """
    config, output = model.config, Path(output)
    expected = tuple(voice.vocabulary for voice in CODECS[CODEC].voices)
    if config.family != "hierarchical":
        raise ExportError(f"family is {config.family!r}, expected 'hierarchical': a flat model has no bars")
    if config.vocabularies != expected:
        raise ExportError(f"vocabularies are {config.vocabularies}, codec {CODEC!r} has {expected}")
    model = model.cpu().float().eval()
    known = reference(model, CHECKED)
    scripted = script(ExportedMusicVAE(model, quantise=False))
    exact = written = compare(scripted, known)
    if exact.unequal or exact.logit_difference > TOLERANCE:
        raise ExportError(
            f"exported and Python model differ in {exact.unequal} of {known.tokens.numel()} tokens, "
            f"expected 0; in logits by {exact.logit_difference:.2g}, allowed {TOLERANCE:g}"
        )
    if quantise:
        scripted = script(ExportedMusicVAE(model, quantise=True))
        written = compare(scripted, known)
    manifest = describe(
        model, "int8" if quantise else "float32", latents or prior_latents(config.z_size), data
    )
    write(scripted, manifest, output)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Report(str(output), manifest.weights, output.stat().st_size, parameters, exact, written)


def script(module: ExportedMusicVAE) -> torch.jit.ScriptModule:
    """Return `module` as TorchScript, frozen into no processor's form."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the pin of torch answers it
        scripted: torch.jit.ScriptModule = torch.jit.script(module.eval())
    return scripted


def describe(model: MusicVAE, weights: str, latents: Latents, data: Sequence[Mapping[str, str]]) -> Manifest:
    """Return the manifest of `model`."""
    config, codec = model.config, CODECS[CODEC]
    try:
        own = version("live-vae")
    except PackageNotFoundError:
        own = "a checkout"
    return Manifest(
        format=FORMAT,
        family=FAMILY,
        codec=codec.name,
        codec_version=codec.version,
        steps_per_bar=config.steps_per_bar,
        bars=config.bars,
        z_size=config.z_size,
        voices=tuple(voice.name for voice in codec.voices),
        weights=weights,
        latent_mean=latents.mean,
        latent_std=latents.std,
        axes=latents.axes,
        anchors=latents.anchors,
        data=tuple(dict(source) for source in data),
        exported_with={"live-vae": own, "torch": torch.__version__, "python": platform.python_version()},
    )


def write(scripted: torch.jit.ScriptModule, manifest: Manifest, output: Path) -> None:
    """Write the model file under another name beside `output`, and give it its own when it is whole."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(f".{output.name}.partial")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            torch.jit.save(scripted, str(partial), _extra_files={ENTRY: manifest.to_json()})
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def prior_latents(z_size: int) -> Latents:
    """Return the prior's own statistics, no axes and its first draws as anchors."""
    anchors = tuple(tuple(prior(0, index, z_size).tolist()) for index in range(ANCHORS))
    return Latents((0.0,) * z_size, (1.0,) * z_size, (), anchors)
