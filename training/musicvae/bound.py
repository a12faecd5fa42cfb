"""How near a MusicVAE's bound is to the likelihood of the windows that it is given."""

import torch
from torch import Tensor

from training.loss import SAMPLES, Likelihood, cross_entropy, importance_sampled
from training.subject import Subject


@torch.no_grad()
def likelihood(subject: Subject, windows: Tensor, samples: int = SAMPLES) -> Likelihood:
    """Return the bound on log p(`windows` (B, bars, steps, voices)) and its importance-sampled estimate.

    A voice that a song lacks, -1, costs nothing.
    """
    targets = windows.flatten(1, 2)

    def nats(z: Tensor) -> Tensor:
        voices = enumerate(subject.forced(z, windows))
        return torch.stack([cross_entropy(logits, targets[..., v]).double() for v, logits in voices]).sum(0)

    return importance_sampled(*subject.encode(windows), nats, samples)
