"""Whether a file of bars without end plays what the Python model plays, and hears what it wrote."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from training.endless import blank, noise_of

LATENTS = 8  # that are compared
BARS = 3  # of each
TOLERANCE = 1e-3  # of noise: a decision that turns within it may fall either way by rounding alone

Noise = Sequence[list[Tensor]]  # of each bar, Gumbel (steps, width) a stream
# What the Python model plays of z (z_size,) with its file's noise: tokens (bars, steps, columns).
Rows = Callable[[Tensor, Noise], Tensor]


@torch.inference_mode()
def difference(module: Any, rows: Rows, facts: Mapping[str, Any]) -> str:
    """Return where `module` first writes other tokens than `rows`, with the same noise; empty if nowhere.

    A latent is compared up to the first step that noise off by TOLERANCE would change. `facts` are those of
    the manifest.
    """
    for number, (z, noise) in enumerate(_drawn(facts)):
        expected, written = rows(z, noise), _written(module, z, noise, facts)
        unsure = torch.stack([_steps(other != expected) for other in _beside(rows, z, noise, number)]).any(0)
        wrong = _steps(written != expected) & (unsure.cumsum(0) == 0)
        if wrong.any():
            bar, step = divmod(int(wrong.int().argmax()), facts["steps_per_bar"])
            found, told = (_spelt(tokens[bar, step]) for tokens in (written, expected))
            return f"latent {number + 1}, bar {bar + 1}, step {step + 1}: {found}, expected {told}"
    return ""


@torch.inference_mode()
def listens(module: Any, facts: Mapping[str, Any]) -> bool:
    """Return whether `module` leaves the same state after a bar that it hears as after writing it.

    Tokens that are heard must come back as they were. `facts` are those of the manifest.
    """
    for z, noise in _drawn(facts):
        state, warm = module.begin(z), torch.ones(1)
        for blocks in noise:
            tokens, after, _ = module.bar(z, state, _blank(facts), 0, warm, blocks)
            heard, again, _ = module.bar(z, state, tokens, len(tokens), warm, blocks)
            if not torch.equal(heard, tokens) or not torch.allclose(again, after, atol=1e-4):
                return False
            state = after
    return True


def _drawn(facts: Mapping[str, Any]) -> Iterator[tuple[Tensor, Noise]]:
    """Yield LATENTS draws of the prior with noise for BARS bars of each, always the same."""
    generator = torch.Generator().manual_seed(0)
    for number in range(LATENTS):
        bars = [noise_of(0, number, bar, facts["steps_per_bar"], facts["noise"]) for bar in range(BARS)]
        yield torch.randn(facts["z_size"], generator=generator), bars


def _beside(rows: Rows, z: Tensor, noise: Noise, seed: int) -> Iterator[Tensor]:
    """Yield what `rows` plays with each number of `noise` off by TOLERANCE, up or down, and the other way."""
    signs = torch.Generator().manual_seed(seed)
    off = [[(torch.randint(2, b.shape, generator=signs) - 0.5).sign() for b in blocks] for blocks in noise]
    for far in (-TOLERANCE, TOLERANCE):
        yield rows(
            z, [[b + far * o for b, o in zip(*pair, strict=True)] for pair in zip(noise, off, strict=True)]
        )


def _written(module: Any, z: Tensor, noise: Noise, facts: Mapping[str, Any]) -> Tensor:
    state, bars = module.begin(z), []
    for blocks in noise:
        tokens, state, _ = module.bar(z, state, _blank(facts), 0, torch.ones(1), blocks)
        bars.append(tokens)
    return torch.stack(bars)


def _blank(facts: Mapping[str, Any]) -> Tensor:
    return blank(facts["codec"], facts["steps_per_bar"])


def _steps(tokens: Tensor) -> Tensor:
    """Return at which steps (bars * steps,) any of `tokens` (bars, steps, columns) is true."""
    return tokens.flatten(0, 1).any(1)


def _spelt(row: Tensor) -> str:
    """Return the tokens (columns,) of a step in words, those of a roll by the keys that are down."""
    return f"token {int(row)}" if len(row) == 1 else f"keys {row.nonzero()[:, 0].tolist()}"
