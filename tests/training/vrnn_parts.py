"""Tiny VRNNs and sequences for the tests of them."""

import numpy as np
import torch

from training.vrnn.model import VRNN, VRNNConfig

TINY = VRNNConfig(features=8, units=8, z_size=3)


def rolls(*lengths: int, seed: int = 0) -> list[np.ndarray]:
    chance = np.random.Generator(np.random.PCG64(seed))
    return [(chance.random((length, 88)) < 0.05).astype(np.uint8) for length in lengths]


def hits(*lengths: int, seed: int = 0) -> list[np.ndarray]:
    chance = np.random.Generator(np.random.PCG64(seed))
    rows = [chance.random((length, 6)).astype(np.float32) for length in lengths]
    for row in rows:
        row[:, 2:] = np.floor(row[:, 2:] * (9, 16, 3, 512))
    return rows


def model(config: VRNNConfig = TINY, seed: int = 0) -> VRNN:
    torch.manual_seed(seed)
    return VRNN(config).eval()
