"""From a trained model to a file that plays, TorchScript with a manifest inside; only this file scripts."""

import platform
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch
from torch import nn

from engine.codec import CODECS
from engine.manifest import ENTRY, FORMAT, Manifest, read
from engine.modelfile import frozen, opened
from training import atomic, card, figures, latents, run, weights
from training.agreement import TOLERANCE, compare, compare_encoders, reference
from training.card import Report
from training.exported import METHODS, ExportedMusicVAE
from training.latents import Latents
from training.musicvae import MusicVAE
from training.store import Store

PROJECT = "live-vae"
FAMILY = "musicvae-hierarchical"
CODEC = "trio"
CHECKED = 256  # random latents on which the exported form must write what the Python model writes
LIKE = 0.97  # least share of a file's tokens, along the same notes, that are the Python model's
FEW = 48  # the same for an untrained model, which may be so large that a bar takes a second


class ExportError(Exception):
    """A model that cannot be exported; the message names what was found and what was expected."""


def export(
    run_dir: Path, output: Path, *, store: Path | None = None, quantise: bool = True, note: str | None = None
) -> Report:
    """Write the best model of the run in `run_dir` to `output`, and CARD.md beside it.

    Axes, anchors and latent statistics come from the training windows in folder `store`; without it the
    file has the prior's and no axes. The card's figures are those of `live-train evaluate RUN`; what it says
    of the training ends with `note`. ExportError as export_model, or a run whose last stage is not reached;
    FiguresError: figures of another model; RunError, StoreError, LatentsError: what is missing.
    """
    loaded = run.load(run_dir)
    if loaded.meta.get("objective") != "windows":
        found = loaded.meta.get("objective")
        raise ExportError(f"{run_dir}: trained only to stage {found!r}, expected 'windows'; go on with fit")
    kept = figures.kept(run_dir, run.identity(loaded.model))
    data = card.data([*loaded.meta.get("before", []), loaded.meta])
    measured = latents.measure(loaded.model, Store.open(store)) if store else None
    report = export_model(loaded.model, output, quantise=quantise, measured=measured, data=data)
    text = card.card(read(output), report, loaded.meta, kept, note)
    atomic.write(output.with_name("CARD.md"), text)
    return report


def export_untrained(config: Path, output: Path, *, quantise: bool = True, note: str | None = None) -> Report:
    """Write a model of the sizes in the configuration `config`, with random weights, and CARD.md beside it.

    It is there to be timed; output, manifest and card call it untrained. ConfigError, and ExportError as
    export_model.
    """
    model, drawn = weights.untrained(config)
    report = export_model(model, output, quantise=quantise, untrained=drawn, checked=FEW)
    told = " ".join([f"None: {drawn}. What it plays is noise.", *([note] if note else [])])
    atomic.write(output.with_name("CARD.md"), card.card(read(output), report, {}, None, told))
    return report


def export_model(
    model: MusicVAE,
    output: Path | str,
    *,
    quantise: bool = True,
    measured: Latents | None = None,
    data: Sequence[Mapping[str, str]] = (),
    untrained: str = "",
    checked: int = CHECKED,
) -> Report:
    """Write `model` to `output`, which appears whole or not at all; `measured` defaults to the prior's.

    `untrained` says what the weights of a model are that has learnt nothing; `checked` latents are compared.
    ExportError: a flat model, voices that are not the codec's, an exported float32 form that writes other
    notes than the Python model for the same noise, or a trained model's file that shares fewer than LIKE.
    """
    config, output = model.config, Path(output)
    expected = tuple(voice.vocabulary for voice in CODECS[CODEC].voices)
    if config.family != "hierarchical":
        raise ExportError(f"family is {config.family!r}, expected 'hierarchical': a flat model has no bars")
    if config.vocabularies != expected:
        raise ExportError(f"vocabularies are {config.vocabularies}, codec {CODEC!r} has {expected}")
    model = model.cpu().float().eval()
    known = reference(model, checked)
    scripted = script(ExportedMusicVAE(model, quantise=False))
    exact = compare(scripted, known)
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
    measured = measured or latents.of_prior(config.z_size)
    manifest = describe(model, "int8" if quantise else "float32", measured, data, untrained)
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic.whole(output) as partial:
        write(scripted, manifest, partial)
        written = compare(frozen(opened(partial), METHODS), known)  # as the engine loads it
        if min(written.teacher_forced) < LIKE and not untrained:
            shares = " / ".join(f"{share:.2%}" for share in written.teacher_forced)
            raise ExportError(
                f"{shares} of the {manifest.weights} file's tokens are the Python model's along the same "
                f"notes, expected {LIKE:.0%}; --float32 rounds nothing"
            )
    return Report(
        output,
        manifest.weights,
        output.stat().st_size,
        run.count(model),
        run.count(model) - run.count(model.encoder),
        checked,
        exact,
        written,
        manifest.axes,
        untrained,
    )


def script(module: nn.Module) -> torch.jit.ScriptModule:
    """Return `module` as TorchScript, frozen into no processor's form."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the pin of torch answers it
        scripted: torch.jit.ScriptModule = torch.jit.script(module.eval())
    return scripted


def describe(
    model: MusicVAE, form: str, measured: Latents, data: Sequence[Mapping[str, str]], untrained: str = ""
) -> Manifest:
    """Return the manifest of `model`, whose weights rest in `form`."""
    config, codec = model.config, CODECS[CODEC]
    own = own_version()
    return Manifest(
        format=FORMAT,
        family=FAMILY,
        codec=codec.name,
        codec_version=codec.version,
        steps_per_bar=config.steps_per_bar,
        bars=config.bars,
        z_size=config.z_size,
        voices=tuple(voice.name for voice in codec.voices),
        weights=form,
        latent_mean=measured.mean,
        latent_std=measured.std,
        axes=measured.axes,
        anchors=measured.anchors,
        data=tuple(dict(source) for source in data),
        exported_with={
            **({PROJECT: own} if own else {}),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "weights": run.identity(model),
            **({"untrained": untrained} if untrained else {}),
        },
    )


def own_version() -> str:
    """Return the version of this project, installed or in its checkout; empty if neither can be found."""
    try:
        return version(PROJECT)
    except PackageNotFoundError:
        return checkout_version(Path(__file__).parents[1] / "pyproject.toml")


def checkout_version(path: Path) -> str:
    """Return the version in this project's pyproject.toml, empty if there is none of its name at `path`."""
    if not path.is_file():
        return ""
    project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    return str(project.get("version", "")) if project.get("name") == PROJECT else ""


def write(scripted: torch.jit.ScriptModule, manifest: Manifest, output: Path) -> None:
    """Write the model file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(scripted, str(output), _extra_files={ENTRY: manifest.to_json()})
