"""Sequences of different lengths side by side, without their padding: it is neither computed nor counted."""

from typing import NamedTuple

from torch import Tensor


class Packed(NamedTuple):
    """All frames of step 0, then those of step 1: x (N, width), and the condition (N, condition) of each."""

    x: Tensor
    condition: Tensor
    sizes: list[int]  # how many sequences are still going at each step
    going: Tensor  # (T, B) which sequences these are, the longest first
    order: Tensor  # (B,) which of all sequences is the longest, and so on

    @property
    def there(self) -> Tensor:
        """Which steps are no padding, (B, T) bool."""
        return self.going.T[self.order.argsort()]

    def back(self, values: Tensor) -> Tensor:
        """Return `values` (N, ...) of the frames as (B, T, ...), 0 where a sequence is padded."""
        steps = values.new_zeros((*self.going.shape, *values.shape[1:]))
        steps[self.going] = values
        return steps.transpose(0, 1)[self.order.argsort()]
