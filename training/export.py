"""From a trained model to a file that plays, TorchScript with a manifest inside; only this file scripts."""

import json
import platform
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from engine.codec import CODECS
from engine.manifest import ENTRY, FORMAT, Manifest, read
from training import card, latents, run
from training.agreement import TOLERANCE, compare, compare_encoders, reference
from training.card import Report
from training.exported import ExportedMusicVAE
from training.latents import Latents
from training.musicvae import MusicVAE
from training.store import Store

FAMILY = "musicvae-hierarchical"
CODEC = "trio"
CHECKED = 64  # random latents on which the exported form must write what the Python model writes


class ExportError(Exception):
    """A model that cannot be exported; the message names what was found and what was expected."""


def export(run_dir: Path, output: Path, *, store: Path | None = None, quantise: bool = True) -> Report:
    """Write the best model of the run in `run_dir` to `output`, and CARD.md beside it.

    Axes, anchors and latent statistics come from the training windows in folder `store`; without it the
    file has the prior's and no axes. The card's figures are those of `live-train evaluate RUN`.
    ExportError as export_model, or a run whose last stage is not reached, or figures of another model;
    RunError, StoreError: what is missing.
    """
    loaded = run.load(run_dir)
    if loaded.meta.get("objective") != "windows":
        found = loaded.meta.get("objective")
        raise ExportError(f"{run_dir}: trained only to stage {found!r}, expected 'windows'; go on with fit")
    figures = evaluation(run_dir, run.identity(loaded.model))
    weights = loaded.meta.get("weights") or {}
    data = [
        {"archive": source["name"], "licence": source["licence"]}
        for source in loaded.meta.get("sources", [])
        if weights.get(source["name"], 0.0 if weights else 1.0) > 0
    ]
    measured = latents.measure(loaded.model, Store.open(store)) if store else None
    report = export_model(loaded.model, output, quantise=quantise, measured=measured, data=data)
    card.write(output.with_name("CARD.md"), card.card(read(output), report, loaded.meta, figures))
    return report


def evaluation(run_dir: Path, identity: str) -> dict[str, Any] | None:
    """Return what `live-train evaluate` wrote into `run_dir` about the model `identity`, None if it did not.

    ExportError: the file is broken or tells of another model.
    """
    path = run_dir / run.EVALUATION
    if not path.exists():
        return None
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found = figures["model"]["identity"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ExportError(f"{path}: not an evaluation: {error!r}; run `live-train evaluate` again") from error
    if found != identity:
        raise ExportError(f"{path}: tells of model {found}, this is {identity}; evaluate the run again")
    return figures


def export_model(
    model: MusicVAE,
    output: Path | str,
    *,
    quantise: bool = True,
    measured: Latents | None = None,
    data: Sequence[Mapping[str, str]] = (),
) -> Report:
    """Write `model` to `output`, which appears whole or not at all; `measured` defaults to the prior's.

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
    apart = compare_encoders(scripted, model)
    if not apart <= TOLERANCE:
        raise ExportError(f"exported and Python encoder differ by {apart:.2g}, allowed {TOLERANCE:g}")
    if quantise:
        scripted = script(ExportedMusicVAE(model, quantise=True))
        written = compare(scripted, known)
    measured = measured or latents.of_prior(config.z_size)
    manifest = describe(model, "int8" if quantise else "float32", measured, data)
    write(scripted, manifest, output)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Report(
        output, manifest.weights, output.stat().st_size, parameters, CHECKED, exact, written, manifest.axes
    )


def script(module: ExportedMusicVAE) -> torch.jit.ScriptModule:
    """Return `module` as TorchScript, frozen into no processor's form."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the pin of torch answers it
        scripted: torch.jit.ScriptModule = torch.jit.script(module.eval())
    return scripted


def describe(model: MusicVAE, weights: str, measured: Latents, data: Sequence[Mapping[str, str]]) -> Manifest:
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
        latent_mean=measured.mean,
        latent_std=measured.std,
        axes=measured.axes,
        anchors=measured.anchors,
        data=tuple(dict(source) for source in data),
        exported_with={
            "live-vae": own,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "weights": run.identity(model),
        },
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
