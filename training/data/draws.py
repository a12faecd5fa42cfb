"""Which items a batch takes: drawn by the weights of their sources, the same again from the same state."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.config import ConfigError
from training.data.store import Store


class Draws:
    """An endless stream of rows, a source by its weight, a row of that source as likely as another."""

    def __init__(
        self,
        store: Store,
        weights: Mapping[str, float],
        of: Callable[[str], NDArray[np.int64]],
        what: str,
        seed: int,
    ) -> None:
        """`of` gives a source's training rows. ConfigError: no such source, no rows of `what` at all."""
        self.generator = np.random.Generator(np.random.PCG64(seed))
        for name in weights:
            if name not in store.sources:
                known = ", ".join(store.sources)
                raise ConfigError(f"data.weights: {name!r} is not in the store, which has {known}")
        self.rows, shares = [], []
        for name in store.sources:
            found = of(name)
            share = weights.get(name, 0.0) if weights else float(len(found))
            if len(found) and share > 0:
                self.rows.append(found)
                shares.append(share)
        if not self.rows:
            raise ConfigError(f"the store's train split has no {what} to draw")
        self._shares = np.array(shares) / np.sum(shares)

    def __len__(self) -> int:
        return sum(map(len, self.rows))

    def draw(self, count: int) -> NDArray[np.int64]:
        """Return the next `count` rows."""
        sources = self.generator.choice(len(self.rows), size=count, p=self._shares)
        places = self.generator.random(count)
        pairs = zip(sources, places, strict=True)
        rows: NDArray[np.int64] = np.array([self.rows[s][int(p * len(self.rows[s]))] for s, p in pairs])
        return rows

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""
        return dict(self.generator.bit_generator.state)

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.generator.bit_generator.state = state


def spread_rows(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Return at most `count` of `rows`, spread evenly over them, always the same."""
    spread: NDArray[np.int64] = rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).astype(int)]
    return spread
