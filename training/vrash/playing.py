"""What a VRASH plays on the grid of its file, by the plain model, note after note.

The plain form of training/vrash/exported.py, which is held against it.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from engine.codec import HOLD
from training.data.notes import ELEMENTS, MEDIAN, OCTAVE, RATIOS, delays
from training.vrash.exported import PACE_UNIT, PACES, STEPS
from training.vrash.model import VRASH

UNTOLD = (-1, -1)  # a label


@torch.no_grad()
def rows(
    model: VRASH,
    z: Tensor,
    noise: Sequence[Sequence[Tensor]],
    temperature: float = 1.0,
    label: tuple[int, int] = UNTOLD,
) -> Tensor:
    """Return the tokens (bars, STEPS, 1) of `z` (z_size + 1,), whose last component is the pace.

    `noise` is Gumbel (STEPS, size) an element, of each bar; temperature 0 takes the likeliest. What a delay
    leaves beyond a bar line is drawn anew there, out of the delays that reach it.
    """
    decoder, own, labels = model.decoder, z[None, :-1], torch.tensor(label).view(1, 1, 2)
    pace = PACES[min(max(round(float(z[-1]) / PACE_UNIT) + len(PACES) // 2, 0), len(PACES) - 1)]
    leaps = np.maximum(1, np.floor(pace * np.array(RATIOS) + 0.5)).astype(np.int64)
    tokens = torch.full((len(noise), STEPS, 1), HOLD)
    state, before, last = decoder.begin(own), torch.full((1, 1, len(ELEMENTS)), -1), None
    for bar, blocks in enumerate(noise):
        line, end = bar * STEPS, (bar + 1) * STEPS
        while last is None or last + 1 < end:
            step = line if last is None else max(line, last + 1)
            chance = [block[step - line] for block in blocks]
            outputs, ahead = decoder.hear(own, before, labels, state)
            delay = MEDIAN  # of the first note of all
            if last is not None:
                scores = _warmed(decoder.logits(outputs[0, 0], []), temperature, chance[0])
                reached = torch.from_numpy(last + leaps >= step)
                if reached.any():
                    step = last + int(leaps[int(scores.masked_fill(~reached, -torch.inf).argmax())])
                if step >= end:
                    break
                delay = int(delays(np.array([step - last]), pace)[0])
            chosen = [torch.tensor(delay)]
            for warm in chance[1:]:
                chosen.append(_warmed(decoder.logits(outputs[0, 0], chosen), temperature, warm).argmax())
            tokens[bar, step - line] = OCTAVE * chosen[2] + chosen[1]
            state, before, last = ahead, torch.stack(chosen).view(1, 1, -1), step
    return tokens


def _warmed(logits: Tensor, temperature: float, noise: Tensor) -> Tensor:
    return logits / temperature + noise if temperature > 0 else logits
