"""The cells of a VRASH: a recurrent highway network, which the paper names, and an LSTM to compare it with.

Both map inputs (B, T, inputs) and a state (B, state_size) to outputs (B, T, units) and the state after them;
beside each stands the scriptable form that plays, one step of one sequence at a time.
"""

from typing import Final

import torch
from torch import Tensor, nn

from training.lstm import after

OPEN = -1.0  # first bias of the transform gates: a highway begins by carrying its state on (Zilly, section 5)


class Highway(nn.Module):
    """A recurrent highway network (Zilly et al. 2016, equations 7 to 9) whose gates are coupled, c = 1 - t.

    Within a step the state goes through `depth` highway layers, of which the first hears the input.
    """

    state_size: Final[int]
    depth: Final[int]

    def __init__(self, inputs: int, units: int, depth: int) -> None:
        super().__init__()
        self.state_size, self.depth = units, depth
        self.heard = nn.Linear(inputs, 2 * units)
        layers = [nn.Linear(units, 2 * units) for _ in range(depth)]
        self.carried = nn.ModuleList(layers)
        with torch.no_grad():
            for layer in layers:
                layer.bias[units:] = OPEN

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs and the last state, which is the last output."""
        outputs = []
        for heard in self.heard(x).unbind(1):
            for depth, layer in enumerate(self.carried):
                both = layer(state) + heard if depth == 0 else layer(state)
                candidate, transform = both.chunk(2, -1)
                target = candidate.tanh().type_as(state)  # in half precision products alone are
                state = torch.lerp(state, target, transform.sigmoid().type_as(state))
            outputs.append(state)
        return torch.stack(outputs, 1), state


class LSTM(nn.Module):
    """One layer; its state is output and cell side by side."""

    state_size: Final[int]

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.state_size = 2 * units
        self.lstm = nn.LSTM(inputs, units, batch_first=True)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs and the last state."""
        h, c = (part.unsqueeze(0).contiguous() for part in state.chunk(2, -1))
        outputs, (h, c) = self.lstm(x, (h, c))
        return outputs, torch.cat([h[0], c[0]], -1)


class HighwayStep(nn.Module):
    """A Highway one step at a time; its state (units,) is its output."""

    def __init__(self, cell: Highway) -> None:
        super().__init__()
        self.layers = cell.carried

    def forward(self, heard: Tensor, state: Tensor) -> Tensor:
        """Return the next state; `heard` (2 * units,) is what the input gives."""
        for depth, layer in enumerate(self.layers):
            both = layer(state)
            if depth == 0:
                both = both + heard
            candidate, transform = both.chunk(2)
            state = torch.lerp(state, candidate.tanh(), transform.sigmoid())
        return state


class LSTMStep(nn.Module):
    """An LSTM one step at a time; its state (2 * units,) is its output and its cell."""

    def __init__(self, cell: LSTM) -> None:
        super().__init__()
        weights = cell.lstm.state_dict()
        rows, units = weights["weight_hh_l0"].shape
        self.recurrent = nn.Linear(units, rows)
        self.recurrent.load_state_dict({"weight": weights["weight_hh_l0"], "bias": weights["bias_hh_l0"]})

    def forward(self, heard: Tensor, state: Tensor) -> Tensor:
        """Return the next state; `heard` (4 * units,) is what the input gives."""
        h, c = state.chunk(2)
        return torch.cat(after(self.recurrent(h) + heard, c))


def cell(name: str, inputs: int, units: int, depth: int) -> Highway | LSTM:
    """Return the cell `name`, "highway" or "lstm"; `depth` is a highway's."""
    return Highway(inputs, units, depth) if name == "highway" else LSTM(inputs, units)
