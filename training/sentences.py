"""What a card and a table say of each system in words: how it was chosen, measured, and its knobs tried."""

from collections.abc import Mapping
from typing import Any

from engine.manifest import FEEL, Manifest
from training.axes import BASES
from training.vrae.latents import MAP
from training.vrnn import axes as axes_vrnn

# What nats are counted by; in MusicVAE a step.
EACH = {"vrae": "frame", "vrnn": "frame", FEEL: "hit", "vrash": "note"}
ALONG = "as far as music stays within the data's statistics"


def each(family: str) -> str:
    """Return what the nats of a model of this `family`, such as vrash-lstm, are counted by."""
    return EACH.get(family) or EACH.get(family.partition("-")[0], "step")


def training(meta: Mapping[str, Any], unit: str) -> list[str]:
    """Return sentences about the run, its loss for each `unit`, and those whose weights it began with."""
    told = []
    if meta.get("row"):
        told.append(f"{_effort(meta)} up to this, {_chosen(meta, unit)}.")
    if earlier := meta.get("before"):
        runs = "an earlier run" if len(earlier) == 1 else "earlier runs, the first of them first"
        told.append(f"It began with the weights of {runs}: {'; '.join(map(_effort, earlier))}.")
    return told


def _effort(made: Mapping[str, Any]) -> str:
    row = made["row"]
    machine = made.get("machine") or "machine not noted"
    return f"{row['total']:,} iterations in {row['minutes']:.0f} minutes ({machine})"


def _chosen(meta: Mapping[str, Any], unit: str) -> str:
    """Return on what the checkpoint was chosen, and its loss there."""
    loss = f"{meta['row']['loss']:.3f} nats a {unit}"
    if (meta.get("model_config") or {}).get("songs"):
        return f"the best checkpoint on its training songs, to be known by heart (training loss {loss})"
    return f"the best checkpoint on the validation split (loss {loss})"


def knobs(manifest: Manifest) -> str:
    """Return how the axes of a model were tried, and what bounds their ranges."""
    system = manifest.family.partition("-")[0]
    tried, own = f"{BASES} latents of training music, decoded", "a latent's"
    bounds = f"standard deviations of the latents, {ALONG}"
    if system == "vrnn":
        tried = f"{axes_vrnn.BASES} sequences of {axes_vrnn.STEPS} frames drawn from the prior"
        own, bounds = "a sequence's", f"standard deviations of each step's prior, {ALONG}"
        if any(axis.name == axes_vrnn.SPREAD for axis in manifest.axes):
            bounds += f"; that of {axes_vrnn.SPREAD} is in doublings of how widely latents are drawn"
    elif system == "vrae" and manifest.z_size == MAP:
        bounds = "standard deviations of the latents, as far as the excerpts of its songs lie on the map"
    elif system == "vrash":
        bounds += "; that of pace, which is no latent but how fast the notes go by, is fixed"
    return (
        f"What a knob does to {tried} with the same noise at seven positions: correlation of the knob with "
        f"each attribute as it changes around {own} own value. The range is in {bounds}."
    )


def figures(results: Mapping[str, Any]) -> str:
    """Return what the table of an examination shows."""
    family = str(results["model"]["family"])
    told = f"Split `{results['split'] or 'all'}`; nats are a {each(family)}'s."
    if family == "vrae":
        known = "are its training songs"
        if results["model"]["by_heart"]:
            known += ", which it is to know by heart; they chose its best checkpoint, too"
        told += (
            f" The songs `known` {known}. Accuracies are of keys that sound, those in both of those in "
            "either: teacher-forced, and played from z alone at temperature 0."
        )
    if family.startswith("vrash"):
        told += (
            " Accuracies are shares of equal elements: teacher-forced from the mean of q, and sampled from a "
            "draw of it at temperature 1."
        )
    return told
