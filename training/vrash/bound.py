"""What a VRASH and its baselines minimise, nats a note, and how near that bound is to the likelihood.

The paper reports cross-entropy and says nothing of the KL; it takes the model from Bowman et al. 2015, whose
cure for a latent that is not heard is a weight of the KL that grows, `beta_rate`. Free bits are ours.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from training.config import Stage
from training.data.notes import ELEMENTS
from training.loss import NATS_PER_BIT, SAMPLES, importance_sampled, kl, penalty
from training.system import Figures
from training.vrash.model import VRASH


class Bound(NamedTuple):
    """Of phrases: cross-entropy given a draw of z in nats (B, T, 3), 0 in padding, and KL (B,)."""

    nats: Tensor
    kl: Tensor


def nats_of_notes(logits: list[Tensor], notes: Tensor) -> Tensor:
    """Return the nats (B, T, 3) of each element of `notes` (B, T, 5) under `logits`; 0 in padding."""
    known = notes[..., 0] >= 0
    columns = [
        F.cross_entropy(logits[k].float().transpose(1, 2), notes[..., k].clamp(min=0), reduction="none")
        for k in range(len(ELEMENTS))
    ]
    return torch.stack(columns, -1).masked_fill(~known.unsqueeze(-1), 0.0)


def bound(model: VRASH, notes: Tensor) -> Bound:
    """Return the two terms of minus the bound on log p(`notes` (B, T, 5)); a language model has no KL."""
    posterior = model.posterior(notes)
    nats = nats_of_notes(model.teacher_forced(posterior.sample(), notes), notes)
    return Bound(nats, kl(*posterior))


def notes(model: VRASH, batch: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Return cross-entropy + beta * max(KL - free bits, 0) of phrases (B, T, 5), in nats a note."""
    nats, divergence = bound(model, batch)
    count = (batch[..., 0] >= 0).sum()
    beta = stage.beta  # in validation the last one: losses compare
    if model.training and stage.beta_rate > 0:
        beta *= 1.0 - stage.beta_rate**iteration
    loss = (nats.sum() + penalty(divergence, beta, stage.free_bits).sum()) / count
    if model.training:
        return loss, {}
    own = nats.detach().sum((0, 1)) / count
    figures = {f"{name.replace(' ', '_')}_nats": float(own[k]) for k, name in enumerate(ELEMENTS)}
    figures |= {
        "nats_per_step": float(own.sum()),
        "kl_bits": float(divergence.detach().mean()) / NATS_PER_BIT,
    }
    return loss, figures | {"bound": float(own.sum() + divergence.detach().sum() / count)}


@torch.no_grad()
def log_likelihood(model: VRASH, batch: Tensor, samples: int = SAMPLES) -> Tensor:
    """Return the importance-sampled estimate (B,) in nats of log p(`batch` (B, T, 5)), float64."""

    def nats(z: Tensor) -> Tensor:
        return nats_of_notes(model.teacher_forced(z, batch), batch).double().sum((1, 2))

    samples = samples if model.config.family != "lm" else 1
    return importance_sampled(*model.posterior(batch), nats, samples).estimate
