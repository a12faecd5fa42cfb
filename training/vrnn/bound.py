"""What a VRNN's stage minimises: a bound of -log p(x) in nats a frame, and how a run begins."""

from collections.abc import Callable

import torch
from torch import Tensor

from training.config import Config, ConfigError, Stage
from training.loss import NATS_PER_BIT, penalty
from training.system import Figures, Objective
from training.vrnn.model import VRNN
from training.vrnn.particles import estimate
from training.vrnn.sequences import Sequences


def elbo(model: VRNN, rows: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Return the timestep-wise bound of sequences (B, T, ...), equation 11; an RNN's is exact.

    In training the KL's weight grows to `beta` (beta_rate) and `free_bits` a frame cost nothing, an equal
    part for each unit (Kingma et al. 2016): in one sum a few units would take them all. In
    validation it is the bound itself, so that losses compare.
    """
    likelihood, divergences = (terms.mean(0) for terms in model.terms(model.pack(rows)))
    if model.training:
        beta = stage.beta * (1.0 - stage.beta_rate**iteration if stage.beta_rate else 1.0)
        part = stage.free_bits / max(1, len(divergences))
        return penalty(divergences, beta, part).sum() - likelihood, {}
    divergence = divergences.sum()
    loss = divergence - likelihood
    return loss, {"nats_per_step": float(loss), "kl_bits": float(divergence) / NATS_PER_BIT}


def iwae(model: VRNN, rows: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Return the bound of `samples` weighed sequences of latents, (Burda et al. 2016)."""
    return _multi_sample(model, rows, stage, resample=False)


def fivo(model: VRNN, rows: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Return the bound of a particle filter of `samples` (Maddison et al. 2017)."""
    return _multi_sample(model, rows, stage, resample=True)


def _multi_sample(model: VRNN, rows: Tensor, stage: Stage, resample: bool) -> tuple[Tensor, Figures]:
    found = estimate(model, rows, stage.samples, resample)
    loss = -found.log_likelihood.sum() / found.known.sum()
    return loss, {} if model.training else {"nats_per_step": float(loss)}


BOUNDS: dict[str, Objective] = {"iwae": iwae, "fivo": fivo, "elbo": elbo}


def begin(
    model: VRNN, stage: Stage, stream: Sequences, left: Callable[[], float] | None, reached: str
) -> str:
    """Give a model of real-valued frames the training data's mean and standard deviation (section 4)."""
    if model.config.output == "bernoulli" or reached or bool((model.scale != 1).any()):
        return ""
    x, _ = model.frame.split(torch.from_numpy(stream.all_rows()))
    model.mean.copy_(x.mean(0))
    model.scale.copy_(x.std(0))
    told = ", ".join(
        f"{m:.4f} +- {s:.4f}" for m, s in zip(x.mean(0).tolist(), x.std(0).tolist(), strict=True)
    )
    return f"normalised by {told}"


def check(config: Config) -> None:
    """ConfigError: sizes or stages that do not go together."""
    model = config.model
    if (model.output == "bernoulli") != (model.form == "roll"):
        raise ConfigError(f"model.output: {model.output!r} does not go with model.form {model.form!r}")
    if model.form == "feel" and model.every != 1:
        raise ConfigError(f"model.every: {model.every}, expected 1: hits are no grid")
    for i, stage in enumerate(config.stages):
        if model.latent == "none" and stage.objective != "elbo":
            raise ConfigError(f"stages[{i}].objective: {stage.objective!r} needs a latent; an RNN has 'elbo'")
        if stage.free_bits and (stage.objective != "elbo" or model.latent == "none"):
            raise ConfigError(f"stages[{i}].free_bits: {stage.free_bits!r}, expected 0: only 'elbo' has them")
