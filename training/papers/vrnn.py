"""What the reproductions of the VRNN share: one size for all, what it cost, and how sure it is who wins."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from training.papers.job import Cell, Job
from training.run import count
from training.vrnn.examine import Findings
from training.vrnn.model import VRNN, VRNNConfig
from training.vrnn.spread import DRAWS, difference

WIDEST = 8  # times its own width that a network may be given
EFFORT = ("parameters", "minutes trained", "iterations", "best at")
DIFFERENCES = ("groups", "bound", "importance sampled, 40", "particle filter, 40")
HOW_SURE = (
    "Differences are the first model's log-likelihood minus the second's on the same pieces, +- their "
    f"standard error by a paired bootstrap ({DRAWS} draws) over the groups of pieces that belong together, "
    "such as the recordings of one session, times sqrt(n / (n - 1)) for n groups. Of few groups the error is "
    "rough itself: of four it may well be 40 % off. Every model was trained once: how far another seed would "
    "lie apart, the error does not tell."
)


def parameters(config: VRNNConfig) -> int:
    """Return how many parameters a model of these sizes has."""
    with torch.device("meta"):  # no numbers, only shapes
        return count(VRNN(config))


def matched(config: VRNNConfig, wanted: int) -> VRNNConfig:
    """Return `config` with `features` widened to as nearly `wanted` parameters as can be.

    The recurrence keeps its units, so that all remember as much: the paper matches its models by their
    networks, too (section 4). Nothing changes where they are that many already.
    """
    widths = range(1, WIDEST * config.features + 1)
    first = bisect_left(widths, wanted, key=lambda width: parameters(replace(config, features=width)))
    near = (replace(config, features=width) for width in widths[max(0, first - 1) : first + 1])
    return min(near, key=lambda other: abs(parameters(other) - wanted))


def effort(job: Job, name: str) -> tuple[Cell, ...]:
    """Return the cells EFFORT of the run `name`: iterations in all, and those up to the best checkpoint."""
    made = job.trained[name]
    return made.parameters, made.minutes, made.iterations, made.best


def sampled(found: Findings) -> tuple[Cell, ...]:
    """Return the two likelihoods by many samples; an RNN's bound is exact, and it has none."""
    return (found.importance, found.filtered) if found.units else (None, None)


def latents(found: Findings) -> tuple[Cell, ...]:
    """Return the KL, what z is worth, and how many units are active; an RNN has none of it."""
    if not found.units:
        return None, None, None
    return found.kl_bits, found.worth_bits, f"{found.active} of {found.units}"


def differences(
    found: Mapping[str, Findings], pairs: Sequence[tuple[str, str]], groups: Sequence[str]
) -> list[tuple[Cell, ...]]:
    """Return a row for each of `pairs` of models: which, and the cells DIFFERENCES, nats a frame.

    `groups` has that of each piece.
    """
    count = len(set(groups))
    rows: list[tuple[Cell, ...]] = []
    for first, second in pairs:
        ours, theirs = found[first].pieces, found[second].pieces
        both = (
            (ours.bound, theirs.bound),
            (ours.importance, theirs.importance),
            (ours.filtered, theirs.filtered),
        )
        apart = (difference(a, b, ours.frames, groups) for a, b in both)
        told = (f"{mean:+.3f} +- {error:.3f}" for mean, error in apart)
        rows.append((f"{first} - {second}", count, *told))
    return rows


def fault(found: Findings) -> str:
    """Return what the posterior's collapse leaves of a model, in words, "" if it has not collapsed."""
    if not found.collapsed:
        return ""
    if found.unheard:
        return "the posterior has collapsed, an RNN is left"
    return f"only {found.active} of {found.units} latent units are active"
