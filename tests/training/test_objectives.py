"""Losses of validation compare with one another."""

from dataclasses import replace

import pytest
import torch
from conftest import TINY

from training.config import Stage
from training.musicvae.model import MusicVAE
from training.musicvae.objectives import OBJECTIVES


@pytest.mark.parametrize("objective", ["codes", "windows"])
@torch.no_grad()
def test_a_growing_beta_grows_in_training_and_is_the_last_in_validation(objective):
    torch.manual_seed(0)
    model = MusicVAE(TINY)
    tokens = torch.randint(0, 130, (2, 16, 16, 3))
    stage = Stage(objective, beta=0.5, beta_rate=0.99, free_bits=0.0)

    def loss(stage, iteration):
        torch.manual_seed(1)
        return float(OBJECTIVES[objective](model, tokens, stage, iteration)[0])

    model.train()
    assert loss(stage, 1) < loss(stage, 50) < loss(stage, 5000)
    model.eval()
    final = loss(replace(stage, beta_rate=0.0), 1)
    assert loss(stage, 1) == loss(stage, 50) == final
