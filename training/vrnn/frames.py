"""What a frame of each form is to a model that writes it frame by frame: what is drawn and what is given."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.bar import STEPS_PER_BAR
from engine.codec import DRUM_CLASSES
from training.data.songs import FORMS

CLASSES = len(DRUM_CLASSES)
VELOCITY, OFFSET, CLASS, STEP, GAP, TOKEN = range(6)  # columns of a row of "feel"
LONGEST_GAP = STEPS_PER_BAR  # steps; a longer rest counts as this


@dataclass(frozen=True, slots=True)
class Frame:
    """`split` takes rows (N, ...) apart: x (N, width) is drawn, given the rest, (N, condition)."""

    width: int
    condition: int
    split: Callable[[Tensor], tuple[Tensor, Tensor]]


def roll(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return `rows` (N, 88) as numbers, given nothing."""
    x = rows.float()
    return x, x[:, :0]


def feel(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return velocity and offset of hits (N, 6), given what is struck where and how long after the last."""
    token = rows[:, TOKEN].long().unsqueeze(1)
    condition = [
        F.one_hot(rows[:, CLASS].long(), CLASSES).float(),
        (token >> torch.arange(CLASSES, device=rows.device) & 1).float(),  # all that its step strikes
        F.one_hot(rows[:, STEP].long(), STEPS_PER_BAR).float(),
        rows[:, GAP : GAP + 1].clamp(max=LONGEST_GAP) / LONGEST_GAP,
        (rows[:, GAP : GAP + 1] == 0).float(),  # struck with the hit before
    ]
    return rows[:, : OFFSET + 1], torch.cat(condition, 1)


FRAMES = {
    "roll": Frame(FORMS["roll"].row[0], 0, roll),
    "feel": Frame(2, 2 * CLASSES + STEPS_PER_BAR + 2, feel),
}
