"""What a VRAE minimises, the lower bound of section 2.1, and how near that bound is to the likelihood."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.config import Stage
from training.loss import NATS_PER_BIT, SAMPLES, Posterior, importance_sampled, kl, penalty
from training.system import Figures
from training.vrae.model import VRAE

CHUNK = 512  # excerpts at a time


def nats_of_steps(logits: Tensor, excerpts: Tensor) -> Tensor:
    """Return the nats (B, T) of each frame of `excerpts` (B, T, pitches) under `logits`; 0 in padding."""
    known = excerpts[..., 0] >= 0
    targets = excerpts.clamp(min=0).to(logits.dtype)
    nats = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum(-1)
    return nats.masked_fill(~known, 0.0)


def excerpts(model: VRAE, batch: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Return minus the bound in nats a frame of `batch` (B, T, pitches), micro-averaged; padding is free."""
    posterior = model.posterior(batch)
    logits = model.logits(posterior.sample(), batch).float()
    nats = nats_of_steps(logits, batch).sum(1)
    divergence = kl(*posterior)
    frames = (batch[..., 0] >= 0).sum()
    loss = (nats + penalty(divergence, stage.beta, stage.free_bits)).sum() / frames
    if model.training:
        return loss, {}
    nats, divergence = nats.detach(), divergence.detach()
    figures = {"bound": -float((nats + divergence).sum() / frames)}
    figures |= {"nats_per_step": float(nats.sum() / frames)}
    return loss, figures | {"kl_bits": float(divergence.mean()) / NATS_PER_BIT}


@torch.no_grad()
def log_likelihood(model: VRAE, excerpts: Tensor, samples: int = SAMPLES) -> Tensor:
    """Return the importance-sampled estimate (B,) in nats of log p(`excerpts` (B, T, pitches)), float64."""

    def nats(z: Tensor) -> Tensor:
        return nats_of_steps(model.logits(z, excerpts).float(), excerpts).double().sum(1)

    return importance_sampled(*model.posterior(excerpts), nats, samples).estimate


@torch.no_grad()
def bound(model: VRAE, excerpts: Tensor, samples: int = 1) -> tuple[Tensor, Tensor, Posterior]:
    """Return the nats (B,) of each excerpt given draws of z, their mean, its KL (B,), and q itself."""
    posterior = model.posterior(excerpts)
    drawn = [
        nats_of_steps(model.logits(posterior.sample(), excerpts).float(), excerpts).sum(1)
        for _ in range(samples)
    ]
    return torch.stack(drawn).mean(0), kl(*posterior), posterior
