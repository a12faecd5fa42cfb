"""The arithmetic of an LSTM's step, for loops that compute its gates themselves; scriptable."""

from torch import Tensor


def after(gates: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Return an LSTM's state, h and c (..., units), after `gates` (..., 4 * units) in torch's order."""
    i, f, g, o = gates.chunk(4, -1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c
