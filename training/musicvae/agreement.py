"""How near an exported decoder is to the Python model, on random latents with the same noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from training.musicvae.exported import plan
from training.musicvae.model import MusicVAE

TOLERANCE = 1e-3  # of a logit: between two orders of summing the same float32 products
ENCODED = 16  # random windows given to two encoders


class UnsoundModelError(Exception):
    """A model whose weights or logits are not finite: there is nothing that an export could agree with."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the Python model writes, with `noise`: one bar from each of `z` (N, z_size), flat all its bars."""

    z: Tensor
    bars: tuple[int, ...]  # which bar of each latent, the last one that is written
    steps: int  # in a bar
    codes: Tensor  # (N, code); flat it is the latent itself
    noise: tuple[Tensor, ...]  # (N, T, vocabulary) a voice
    tokens: Tensor  # (N, T, voices), drawn at temperature 1
    logits: tuple[Tensor, ...]  # along those tokens, (N, T, vocabulary) a voice


@dataclass(frozen=True, slots=True)
class Agreement:
    """The exported decoder beside a Reference.

    Shares of equal tokens a voice: `teacher_forced` along the reference's tokens, `free` on its own; `whole`
    are the same two, of steps at which every voice's token is equal.
    `unequal` counts decisions that differ although the reference's two best tokens lie further apart
    than TOLERANCE. Differences are the largest absolute ones of normalised codes, and of logits at tokens
    that the reference finds possible at all (within 10 nats of the best).
    """

    code_difference: float
    logit_difference: float
    teacher_forced: tuple[float, ...]
    free: tuple[float, ...]
    whole: tuple[float, float]
    unequal: int


@torch.inference_mode()
def reference(model: MusicVAE, count: int, seed: int = 0) -> Reference:
    """Return what `model` writes for `count` draws from the prior, each at another bar if bars stand alone.

    UnsoundModelError: weights or logits that are not finite.
    """
    for name, weight in model.named_parameters():
        if not weight.isfinite().all():
            raise UnsoundModelError(f"{name} holds numbers that are not finite: training has diverged")
    generator = torch.Generator().manual_seed(seed)
    config = model.config
    z = torch.randn((count, config.z_size), generator=generator)
    flat, steps = model.conductor is None, config.steps_per_bar
    bars = tuple(config.bars - 1 if flat else index % config.bars for index in range(count))
    codes = z if flat else model.contexts(z)[torch.arange(count), torch.tensor(bars)]
    length = config.bars * steps if flat else steps
    noise = tuple(
        -torch.empty((count, length, vocabulary)).exponential_(generator=generator).log()
        for vocabulary in config.vocabularies
    )
    tokens = model.sample(codes, length, 1.0, noise)
    logits = tuple(voice.float() for voice in model.teacher_forced(codes, tokens))
    if not all(voice.isfinite().all() for voice in logits):
        raise UnsoundModelError("the model's logits are not finite: training has diverged")
    return Reference(z, bars, steps, codes, noise, tokens, logits)


@torch.inference_mode()
def compare(module: Any, expected: Reference) -> Agreement:
    """Return how `module`, with the methods of ExportedMusicVAE or ExportedFlat, agrees with `expected`."""
    codes, written, heard = [], [], []
    for index, bar in enumerate(expected.bars):
        noise = [voice[index] for voice in expected.noise]
        if hasattr(module, "plan"):
            code = plan(module, expected.z[index], bar + 1)[bar]
            blank = torch.zeros_like(expected.tokens[index])
            written.append(module.bar(code, blank, 0, torch.ones(len(noise)), noise))
        else:
            code = expected.z[index]
            written.append(spelt(module, code, expected.steps, noise))
        codes.append(code)
        heard.append(module.logits(code, expected.tokens[index]))
    logits = [torch.stack(voice) for voice in zip(*heard, strict=True)]
    free = torch.stack(written) == expected.tokens
    scores = [voice + noise for voice, noise in zip(logits, expected.noise, strict=True)]
    forced = torch.stack([voice.argmax(-1) for voice in scores], dim=-1) == expected.tokens
    clear = torch.stack([_margin(a, b) for a, b in zip(expected.logits, expected.noise, strict=True)], dim=-1)
    wrong = ~forced & (clear > TOLERANCE)
    adrift = ~free.all(1) & forced.all(1)  # runs that differ although none of their decisions does
    return Agreement(
        _largest(torch.stack(codes) - expected.codes),
        max(_difference(a, b) for a, b in zip(logits, expected.logits, strict=True)),
        _shares(forced),
        _shares(free),
        (float(forced.all(-1).float().mean()), float(free.all(-1).float().mean())),
        int(wrong.sum()) + int(adrift.sum()),
    )


def spelt(module: Any, z: Tensor, steps: int, noise: Sequence[Tensor], temperature: float = 1.0) -> Tensor:
    """Return the tokens (T, voices) of `z` bar after bar by an exported flat `module`.

    `noise` (T, vocabulary) a voice; a bar has `steps` steps.
    """
    state, bars = module.begin(z), []
    warm, blank = torch.full((len(noise),), temperature), torch.zeros((steps, len(noise)), dtype=torch.int64)
    for parts in zip(*(voice.split(steps) for voice in noise), strict=True):
        tokens, state, _ = module.bar(z, state, blank, 0, warm, list(parts))
        bars.append(tokens)
    return torch.cat(bars)


@torch.inference_mode()
def compare_encoders(scripted: Any, model: MusicVAE, seed: int = 0) -> float:
    """Return the largest absolute difference of mu and sigma between an exported and a Python encoder.

    Both hear the same random windows, in which every set of voices is missing in turn; infinity where
    either gives a number that is not finite.
    """
    config = model.config
    generator = torch.Generator().manual_seed(seed)
    shape = (ENCODED, config.bars, config.steps_per_bar)
    tokens = torch.stack([torch.randint(0, v, shape, generator=generator) for v in config.vocabularies], -1)
    sets = 2 ** len(config.vocabularies) - 1  # of missing voices, but for all of them
    for window in range(ENCODED):
        for voice in range(len(config.vocabularies)):
            if window % sets >> voice & 1:
                tokens[window, ..., voice] = -1
    pairs = zip(scripted.encode(tokens), model.encoder(tokens), strict=True)
    return max(_largest(found - expected) for found, expected in pairs)


def _margin(logits: Tensor, noise: Tensor) -> Tensor:
    best = (logits + noise).topk(2, dim=-1).values
    return best[..., 0] - best[..., 1]


def _difference(found: Tensor, expected: Tensor) -> float:
    possible = expected > expected.amax(-1, keepdim=True) - 10
    return _largest((found - expected)[possible])


def _largest(differences: Tensor) -> float:
    """Return the largest absolute difference, infinity where one is not a number."""
    return float(differences.abs().nan_to_num(nan=math.inf).max())


def _shares(equal: Tensor) -> tuple[float, ...]:
    shares: Sequence[float] = equal.float().mean((0, 1)).tolist()
    return tuple(shares)
