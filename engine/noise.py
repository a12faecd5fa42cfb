"""Sampling noise as a pure function of where in the music it is used."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def gumbel(
    seed: int, loop: int, bar: int, steps: int, widths: Sequence[int], *, first: int = 0
) -> tuple[NDArray[np.float32], ...]:
    """Return one array of standard Gumbel noise (steps, width) for each stream, numbered from `first` on.

    Philox, a counter-based generator, is keyed on the seed and counts (loop, bar, stream); a step is a row
    of its block. Drawing a token as argmax(logits / temperature + noise), with a stream as wide as the
    vocabulary, samples the softmax exactly, and equal positions always get equal noise: the same knobs give
    the same bar, a small turn a small change.
    """
    blocks = []
    for stream, width in enumerate(widths, first):
        bits = np.random.Philox(key=[seed % 2**64, 0x6C697665], counter=[0, stream, bar, loop % 2**64])
        raw = bits.random_raw(steps * width)
        uniform = ((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52  # in (0, 1), never an end
        blocks.append((-np.log(-np.log(uniform))).astype(np.float32).reshape(steps, width))
    return tuple(blocks)
