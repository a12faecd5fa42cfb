"""From a trained model to a file that plays, and its card."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.codec import CODECS, Codec
from engine.manifest import read
from engine.modelfile import frozen, opened
from training import atomic, card, figures, latents, run, weights
from training.card import OtherReport, Report
from training.data.store import Store
from training.exporter_feel import export_feel
from training.exporters import export_endless
from training.latents import Latents
from training.musicvae.agreement import TOLERANCE, compare, compare_encoders, reference
from training.musicvae.exported import METHODS, ExportedMusicVAE
from training.musicvae.exported_flat import METHODS as FLAT_METHODS
from training.musicvae.exported_flat import ExportedFlat
from training.musicvae.model import MusicVAE
from training.packing import describe, script, write

CHECKED = 256  # random latents on which the exported form must write what the Python model writes
LIKE = 0.97  # least share of a file's tokens, along the same notes, that are the Python model's
FEW = 48  # the same for an untrained model, which may be so large that a bar takes a second


class ExportError(Exception):
    """A model that cannot be exported; the message names what was found and what was expected."""


def export(
    run_dir: Path, output: Path, *, store: Path | None = None, quantise: bool = True, note: str | None = None
) -> Report | OtherReport:
    """Write the best model of the run in `run_dir` to `output`, and CARD.md beside it, FEEL.md of a feel.

    Axes, anchors and latent statistics come from the training windows in folder `store`; without it the
    file has the prior's and no axes. The card's figures are those of `live-train evaluate RUN`; what it says
    of the training ends with `note`. ExportError as export_model, or a run whose last stage is not reached;
    FiguresError: figures of another model; RunError, StoreError, LatentsError: what is missing.
    """
    loaded = run.load(run_dir)
    if loaded.system == "vrnn" and loaded.model.config.form == "feel":
        return export_feel(run_dir, loaded, output, store=store, note=note)
    if loaded.system != "musicvae":
        return export_endless(run_dir, loaded, output, store=store, note=note)
    if loaded.meta.get("objective") != "windows":
        found = loaded.meta.get("objective")
        raise ExportError(f"{run_dir}: trained only to stage {found!r}, expected 'windows'; go on with fit")
    kept = figures.kept(run_dir, run.identity(loaded.model))
    data = card.data([*loaded.meta.get("before", []), loaded.meta])
    measured = latents.measure(loaded.model, Store.open(store), run.span(run_dir, loaded)) if store else None
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
    ExportError: voices that no codec has, an exported float32 form that writes other notes than the Python
    model for the same noise, or a trained model's file that shares fewer than LIKE.
    """
    config, output = model.config, Path(output)
    codec = next((name for name, codec in CODECS.items() if _voices(codec) == config.voices), None)
    if codec is None:
        there = "; ".join(", ".join(_voices(codec)) for codec in CODECS.values())
        raise ExportError(f"voices are {', '.join(config.voices)}, expected those of a codec: {there}")
    flat = model.conductor is None
    form, methods = (ExportedFlat, FLAT_METHODS) if flat else (ExportedMusicVAE, METHODS)
    model = model.cpu().float().eval()
    known = reference(model, checked)
    scripted = script(form(model, quantise=False))
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
        scripted = script(form(model, quantise=True))
    measured = measured or latents.of_prior(config.z_size)
    facts: dict[str, Any] = {
        "family": f"musicvae-{config.family}",
        "codec": codec,
        "memory": "window" if flat else "bar",
    }
    facts |= {"weights": "int8" if quantise else "float32", "z_size": config.z_size}
    facts |= {"bars": config.bars, "steps_per_bar": config.steps_per_bar}
    manifest = describe(model, facts, measured, data, untrained)
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic.whole(output) as partial:
        write(scripted, manifest, partial)
        written = compare(frozen(opened(partial), methods), known)  # as the engine loads it
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


def _voices(codec: Codec) -> tuple[str, ...]:
    return tuple(voice.name for voice in codec.voices)
