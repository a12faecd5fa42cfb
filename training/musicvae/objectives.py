"""What a stage of the curriculum minimises; each objective returns a loss and the figures beside it.

"windows" is the paper's objective end to end. Before it, "bars" teaches the bar encoder and the bottom
decoders on single bars, and "codes" teaches the sequence encoder and the conductor to give those bars'
codes back, at no decoder's cost; both only find the weights from which "windows" starts.
"""

from collections.abc import Sequence
from math import exp

import torch
from torch import Tensor, nn

from engine.codec import NOTE_OFF
from training.config import Stage
from training.loss import NATS_PER_BIT, cross_entropy, kl, onsets, penalty, reconstruction
from training.musicvae.model import VOICES, MusicVAE
from training.system import Figures, Objective

SAMPLED = 64  # windows decoded freely at each validation
RESTS = {name: 0 if voice.kind == "drums" else NOTE_OFF for name, voice in VOICES.items()}


def bars(model: MusicVAE, tokens: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Encode single bars (N, steps, voices) to noisy codes and decode them; nats a step."""
    codes = model.encoder.codes(model.encoder.features(tokens))
    if model.training:
        codes = codes + model.config.code_noise * torch.randn_like(codes)
    nats, figures = decode(model, codes, tokens, stage, iteration)
    return nats.mean() / tokens.shape[1], figures


def codes(model: MusicVAE, tokens: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Give back the code of each bar of windows (B, bars, steps, voices) from z; nats a step.

    The bar level stays as it is; training/musicvae/delayline.py sets where the rest begins. A code counts as
    drawn from a Gaussian of width `code_noise` around the conductor's, the width that the decoders learnt to
    hear through.
    """
    with torch.no_grad():
        features = model.encoder.features(tokens.flatten(0, 1))
        targets = model.encoder.codes(features).unflatten(0, tokens.shape[:2])
    posterior = model.encoder.posterior(features.unflatten(0, tokens.shape[:2]))
    error = (model.contexts(posterior.sample()) - targets).square().sum(-1)  # (B, bars)
    divergence = kl(*posterior)
    cost = penalty(divergence, _beta(model, stage, iteration), stage.free_bits)
    nats = error.sum(1) / (2.0 * model.config.code_noise**2) + cost
    return nats.mean() / tokens[0, ..., 0].numel(), {
        "code_error": float(error.detach().mean()) / targets.shape[-1],
        "kl_bits": float(divergence.detach().mean()) / NATS_PER_BIT,
    }


def windows(model: MusicVAE, tokens: Tensor, stage: Stage, iteration: int) -> tuple[Tensor, Figures]:
    """Return cross-entropy + beta * max(KL - free bits, 0) on windows (B, bars, steps, voices), a step."""
    with torch.set_grad_enabled(torch.is_grad_enabled() and stage.bar_encoder):
        features = model.encoder.features(tokens.flatten(0, 1)).unflatten(0, tokens.shape[:2])
    posterior = model.encoder.posterior(features)
    contexts, runs = model.contexts(posterior.sample()), model.spans(tokens)
    scale = 1.0
    if model.training and 0 < stage.bars_decoded < runs.shape[1]:
        chosen = torch.rand(runs.shape[:2], device=runs.device).argsort(1)[:, : stage.bars_decoded]
        batch = torch.arange(len(runs), device=runs.device).unsqueeze(1)
        scale = runs.shape[1] / stage.bars_decoded
        contexts, runs = contexts[batch, chosen], runs[batch, chosen]
    nats, figures = decode(model, contexts.flatten(0, 1), runs.flatten(0, 1), stage, iteration)
    divergence = kl(*posterior)
    cost = penalty(divergence, _beta(model, stage, iteration), stage.free_bits)
    nats = scale * nats.unflatten(0, runs.shape[:2]).sum(1) + cost
    figures["kl_bits"] = float(divergence.detach().mean()) / NATS_PER_BIT
    return nats.mean() / tokens[0, ..., 0].numel(), figures


OBJECTIVES: dict[str, Objective] = {"bars": bars, "codes": codes, "windows": windows}


def trained_parts(model: MusicVAE, stage: Stage) -> list[nn.Module]:
    """Return the modules whose weights `stage` moves."""
    encoder = model.encoder
    bar_level = [encoder.embeddings, encoder.bar, encoder.code]
    window_level = [encoder.sequence, encoder.mu, encoder.sigma, *filter(None, [model.conductor])]
    if stage.objective == "bars":
        return [*bar_level, model.decoders]
    if stage.objective == "codes":
        return window_level
    return [*(bar_level if stage.bar_encoder else []), *window_level, model.decoders]


def sampled(model: MusicVAE, valid: Tensor, stage: Stage) -> Figures:
    """Return the accuracies of some windows of `valid` decoded freely; single bars are not."""
    if stage.objective == "bars":
        return {}
    some = valid[:: max(1, len(valid) // SAMPLED)]
    return accuracies(model.config.voices, model.generate(model.encoder(some).mu), some)


def decode(
    model: MusicVAE, contexts: Tensor, tokens: Tensor, stage: Stage, iteration: int
) -> tuple[Tensor, Figures]:
    """Return nats (N,) of `tokens` (N, T, voices) under `contexts` (N, context), and accuracies a voice."""
    inputs = tokens
    if model.training and stage.scheduled_sampling > 0:
        inputs = mixed(model, contexts, tokens, stage.scheduled_sampling, iteration)
    nats = torch.zeros(len(tokens), device=tokens.device)
    figures: Figures = {}
    for v, (name, logits) in enumerate(
        zip(model.config.voices, model.teacher_forced(contexts, inputs), strict=True)
    ):
        if model.training:  # figures are for validation; here they would only cost time
            nats = nats + cross_entropy(logits, tokens[..., v])
            continue
        score = reconstruction(logits, tokens[..., v], RESTS[name])
        nats = nats + score.nats
        figures[f"{name}_accuracy"] = float(score.right) / max(1, int(score.steps))
        figures[f"{name}_onset_accuracy"] = float(score.onsets_right) / max(1, int(score.onsets))
    if not model.training:
        figures["nats_per_step"] = float(nats.detach().mean()) / tokens.shape[1]
    return nats, figures


def accuracies(voices: Sequence[str], drawn: Tensor, tokens: Tensor) -> Figures:
    """Return the share of equal tokens, over all steps and over onsets, a voice; both (..., voices)."""
    figures: Figures = {}
    for v, voice in enumerate(voices):
        target = tokens[..., v]
        right, onset = drawn[..., v] == target, onsets(target, RESTS[voice])
        known = target >= 0
        figures[f"{voice}_sampled_accuracy"] = int(right[known].sum()) / max(1, int(known.sum()))
        figures[f"{voice}_sampled_onset_accuracy"] = int(right[onset].sum()) / max(1, int(onset.sum()))
    return figures


def _beta(model: MusicVAE, stage: Stage, iteration: int) -> float:
    """Return the weight of the KL: it grows in training, and is the last in validation: losses compare."""
    if not model.training or stage.beta_rate == 0:
        return stage.beta
    return stage.beta * (1.0 - stage.beta_rate**iteration)


@torch.no_grad()
def mixed(model: MusicVAE, contexts: Tensor, tokens: Tensor, rate: float, iteration: int) -> Tensor:
    """Scheduled sampling (Bengio et al. 2015): return `tokens` (N, T, voices) with own draws for some.

    The truth is kept with probability k / (k + exp(i / k)); the draws come from a teacher-forced pass, so
    the fused LSTM serves, where the step-by-step form would hear its own draws within the pass.
    """
    keep = rate / (rate + exp(min(iteration / rate, 50.0)))
    draws = [
        (logits.float() - torch.empty_like(logits, dtype=torch.float32).exponential_().log()).argmax(-1)
        for logits in model.teacher_forced(contexts, tokens)
    ]
    drawn = torch.stack(draws, dim=-1)
    truth = (torch.rand(tokens.shape, device=tokens.device) < keep) | (tokens < 0)
    return torch.where(truth, tokens, drawn)
