"""What a VRNN plays by itself: frames drawn one after the other, many sequences side by side."""

import torch
from torch import Tensor

from training.vrnn import VRNN, State


@torch.no_grad()
def play(model: VRNN, count: int, steps: int, seed: int, temperature: float = 1.0) -> Tensor:
    """Return `count` sequences (count, steps, width) that an unconditional `model` draws from its prior."""
    generator = torch.Generator().manual_seed(seed)
    device = model.mean.device
    condition = torch.zeros((count, model.frame.condition), device=device)
    state, frames = model.begin((count,), condition), []
    for _ in range(steps):
        normal = torch.randn((count, model.config.z_size), generator=generator).to(device)
        uniform = torch.rand((count, model.output.noise), generator=generator).to(device)
        x, state = frame(model, condition, state, (normal, uniform), temperature)
        frames.append(x * model.scale + model.mean)
    return torch.stack(frames, 1)


def frame(
    model: VRNN, condition: Tensor, state: State, noise: tuple[Tensor, Tensor], temperature: float
) -> tuple[Tensor, State]:
    """Return the next frame (count, width), normalised, and the state after it.

    `noise` is normal (count, z_size) for the latent, and uniform (count, model.output.noise) for the frame.
    """
    normal, uniform = noise
    drawn = None
    if model.config.latent != "none":
        mu, sigma = model.expected(state[0], condition)
        drawn = model.phi_z(mu + temperature * sigma * normal)
    x = model.output.draw(model.decoded(state[0], condition, drawn), uniform, temperature)
    return x, model.follow(model.features(x, condition), drawn, state)
