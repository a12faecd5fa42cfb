"""A 5-gram language model of tokens, to judge sequences by something other than the models."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import log

ORDER = 5
START = -1  # stands before the first token


class NGram:
    """An n-gram model with Witten and Bell's smoothing (1991): each order leans on the one below it."""

    def __init__(self, sequences: Iterable[Sequence[int]], vocabulary: int, order: int = ORDER) -> None:
        self.vocabulary, self.order = vocabulary, order
        self._counts: dict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for sequence in sequences:
            for past, token in self._grams(sequence):
                for first in range(len(past) + 1):
                    self._counts[past[first:]][token] += 1

    def cost(self, sequence: Sequence[int]) -> float:
        """Return the nats of `sequence`."""
        return -sum(log(self.probability(past, token)) for past, token in self._grams(sequence))

    def probability(self, past: tuple[int, ...], token: int) -> float:
        """Return the probability of `token` after `past`, of which the last `order` - 1 tokens count."""
        chance = 1.0 / self.vocabulary
        past = past[-(self.order - 1) :] if self.order > 1 else ()
        for first in range(len(past), -1, -1):
            if (seen := self._counts.get(past[first:])) is not None:
                kinds, total = len(seen), seen.total()
                chance = (seen[token] + kinds * chance) / (total + kinds)
        return chance

    def _grams(self, sequence: Sequence[int]) -> Iterable[tuple[tuple[int, ...], int]]:
        padded = [START] * (self.order - 1) + [int(token) for token in sequence]
        for end in range(self.order - 1, len(padded)):
            yield tuple(padded[end - self.order + 1 : end]), padded[end]
