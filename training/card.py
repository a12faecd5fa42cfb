"""The card beside a model file: what the model is, what it learnt from, and how well it does, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.feel import FeelManifest
from engine.manifest import Axis, Manifest
from training import sentences
from training.data.archives import restated
from training.musicvae.agreement import TOLERANCE, Agreement
from training.tables import table

LATENTS = {"prior": "VRNN", "fixed": "VRNN-I", "none": "RNN"}  # what a VRNN with such a latent is called


@dataclass(frozen=True, slots=True)
class Report:
    """What an export wrote: `exact` is the float32 form beside the model, `written` the file's form."""

    output: Path
    weights: str
    bytes: int
    parameters: int
    decoding: int  # of them in conductor and bottom decoders
    checked: int  # latents
    exact: Agreement
    written: Agreement
    axes: tuple[Axis, ...]
    untrained: str = ""  # what the weights are of a model that has learnt nothing

    def lines(self) -> list[str]:
        """Return the report as lines to print."""
        forced, free = (
            " / ".join(f"{share:.2%}" for share in shares)
            for shares in (self.written.teacher_forced, self.written.free)
        )
        return [
            f"{self.output}: {self.bytes / 2**20:.1f} MiB, {self.parameters:,} parameters, "
            f"{self.decoding:,} of them in conductor and decoders, {self.weights}",
            *([f"untrained: {self.untrained}; what it plays is noise"] if self.untrained else []),
            f"float32 form: {self._likeness()}, logits within {self.exact.logit_difference:.1g}",
            f"{self.weights} form: {forced} equal tokens along the same notes, {free} on its own",
            *[f"{axis.name}, {axis.low:+g} to {axis.high:+g}: {axis.description}" for axis in self.axes],
        ]

    def _likeness(self) -> str:
        """Return how the float32 form compares; where it may differ, two tokens were next to equally good."""
        if min(self.exact.free) == 1.0:
            return f"every token of {self.checked} bars as the Python model writes it"
        shares = " / ".join(f"{share:.2%}" for share in self.exact.teacher_forced)
        return (
            f"{shares} of the tokens of {self.checked} bars as the Python model writes them, "
            f"the others where its two best lie within {TOLERANCE:g}"
        )


@dataclass(frozen=True, slots=True)
class OtherReport:
    """What the export of another system than MusicVAE wrote, in float32."""

    output: Path
    bytes: int
    parameters: int
    axes: tuple[Axis, ...]

    def lines(self) -> list[str]:
        """Return the report as lines to print."""
        size = f"{self.bytes / 2**20:.1f} MiB, {self.parameters:,} parameters, float32"
        knobs = [f"{axis.name}, {axis.low:+g} to {axis.high:+g}: {axis.description}" for axis in self.axes]
        return [f"{self.output}: {size}", *knobs]


def data(runs: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return archive and licence of every source that one of `runs`, oldest first, drew from."""
    licences: dict[str, str] = {}
    for made in runs:
        weights = made.get("weights") or {}
        for source in made.get("sources") or []:
            if weights.get(source["name"], 0.0 if weights else 1.0) > 0:
                licences[source["name"]] = restated(source["name"], source["licence"])
    return [{"archive": name, "licence": licence} for name, licence in licences.items()]


def card(
    manifest: Manifest,
    report: Report,
    meta: Mapping[str, Any],
    evaluation: Mapping[str, Any] | None,
    note: str | None = None,
) -> str:
    """Return the card of the model that `report` tells of.

    `meta` is what the run knows of its making, and of the runs `before` it; `note` is added to that word for
    word. `evaluation` are the figures of `live-train evaluate`.
    """
    title = report.output.stem if report.output.stem != "model" else report.output.resolve().parent.name
    lines = [
        f"# {title}",
        "",
        f"{'An untrained' if report.untrained else 'A'} {manifest.family.removeprefix('musicvae-')} "
        "MusicVAE (Roberts et al. 2018): "
        f"{manifest.bars} bars of {', '.join(manifest.voices)} "
        f"from {manifest.z_size} numbers, {report.parameters / 1e6:.1f} million parameters, "
        f"{manifest.weights} weights, {report.bytes / 2**20:.1f} MiB.",
        "",
        "## Data",
        "",
        *(_archives(manifest) or ["None."]),
    ]
    if told := [*sentences.training(meta, sentences.each(manifest.family)), *([note] if note else [])]:
        lines += ["", "## Training", "", " ".join(told)]
    lines += ["", "## Figures", ""]
    missing = "None." if report.untrained else "Not evaluated yet: run `live-train evaluate`."
    lines += [table(evaluation)] if evaluation else [missing]
    lines += [
        "",
        "## The exported form",
        "",
        f"On {report.checked} latents drawn from the prior, "
        f"{'one bar each' if manifest.memory == 'bar' else 'all their bars'}, with the Python model's noise: "
        f"shares of equal tokens, {' / '.join(manifest.voices)}.",
        "",
        "| form | along the same notes | on its own | largest difference of a logit |",
        "|---|---|---|---|",
        _agreement("float32", report.exact),
    ]
    if manifest.weights != "float32":
        lines.append(_agreement(f"{manifest.weights}, this file", report.written))
    lines += ["", "## Knobs", ""]
    lines += ["None."] if report.untrained else _axes(manifest)
    made = ", ".join(f"{name} {version}" for name, version in manifest.exported_with.items())
    return "\n".join([*lines, "", f"Exported with {made}.", ""])


def card_of_other(  # noqa: PLR0917  # all that a card tells
    title: str,
    manifest: Manifest,
    report: OtherReport,
    meta: Mapping[str, Any],
    evaluation: str,
    note: str | None,
) -> str:
    """Return the card of a model of another system than MusicVAE; `evaluation` is a table of its figures."""
    told = (
        f"A {title}: {', '.join(manifest.voices)} on {manifest.steps_per_bar} steps a bar, without end, "
        f"from {manifest.z_size} numbers, {report.parameters / 1e6:.1f} million parameters, "
        f"{manifest.weights} weights, {report.bytes / 2**20:.1f} MiB."
    )
    knobs = ["## Knobs", "", *_axes(manifest), ""]
    return _page(manifest, report, told, meta, evaluation, note, knobs, sentences.each(manifest.family))


def card_of_feel(
    manifest: FeelManifest, report: OtherReport, meta: Mapping[str, Any], evaluation: str, note: str | None
) -> str:
    """Return the card of what plays the drums of other models; `evaluation` is a table of its figures."""
    sizes = meta["model_config"]
    latent, kind = LATENTS[sizes["latent"]], {"gauss": "Gaussian", "gmm": "mixture"}[sizes["output"]]
    told = (
        f"A {latent} (Chung et al. 2015) with {kind} outputs that plays the drums of other models: velocity "
        f"and offset of each hit on {manifest.steps_per_bar} steps a bar, "
        f"{report.parameters / 1e6:.1f} million parameters, float32 weights, "
        f"{report.bytes / 2**20:.1f} MiB."
    )
    return _page(manifest, report, told, meta, evaluation, note, [], "hit")


def _page(  # noqa: PLR0917  # all that a card tells
    manifest: Manifest | FeelManifest,
    report: OtherReport,
    told: str,
    meta: Mapping[str, Any],
    evaluation: str,
    note: str | None,
    more: Sequence[str],
    each: str = "step",
) -> str:
    """Return a card that begins with what it is `told`, and ends with what there is `more`."""
    name = report.output.stem if report.output.stem != "model" else report.output.resolve().parent.name
    training = " ".join([*sentences.training(meta, each), *([note] if note else [])])
    made = ", ".join(f"{part} {version}" for part, version in manifest.exported_with.items())
    return "\n".join(
        [
            *(f"# {name}", "", told, ""),
            *("## Data", "", *(_archives(manifest) or ["None."]), ""),
            *("## Training", "", training, ""),
            *("## Figures", "", evaluation, ""),
            *more,
            *(f"Exported with {made}.", ""),
        ]
    )


def _archives(manifest: Manifest | FeelManifest) -> list[str]:
    if not manifest.data:
        return []
    return [
        "| archive | licence |",
        "|---|---|",
        *[f"| {source['archive']} | {source['licence']} |" for source in manifest.data],
        "",
        "Songs that share a melody share a split as far as an archive's manifest groups them; a file that no "
        "manifest lists goes by the hash of its content. The figures come from the split that they name.",
    ]


def _agreement(form: str, found: Agreement) -> str:
    forced, free = (
        " / ".join(f"{share:.4f}" for share in part) for part in (found.teacher_forced, found.free)
    )
    return f"| {form} | {forced} | {free} | {found.logit_difference:.2g} |"


def _axes(manifest: Manifest) -> list[str]:
    if not manifest.axes:
        return ["None: `live-train export --data` measures them, and keeps those that do what they say."]
    return [
        sentences.knobs(manifest),
        "",
        "| knob | range | effect |",
        "|---|---|---|",
        *[
            f"| {axis.name} | {axis.low:+g} to {axis.high:+g} | {axis.description} |"
            for axis in manifest.axes
        ],
    ]
