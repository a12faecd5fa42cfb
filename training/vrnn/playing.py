"""What a VRNN plays by itself: frames drawn one after the other, many sequences side by side."""

import torch
from torch import Tensor

from training.vrnn.model import VRNN, State


@torch.no_grad()
def play(model: VRNN, count: int, steps: int, seed: int, temperature: float = 1.0) -> Tensor:
    """Return `count` sequences (count, steps, width) that an unconditional `model` draws from its prior."""
    noise = drawn_noise(model, count, steps, seed)
    return turned(model, noise, torch.zeros(model.config.z_size + 1), temperature)


Noise = tuple[Tensor, Tensor]  # normal (count, steps, z_size), uniform (count, steps, model.output.noise)


def drawn_noise(model: VRNN, count: int, steps: int, seed: int) -> Noise:
    """Return what `count` sequences of `steps` frames are drawn with."""
    generator, device = torch.Generator().manual_seed(seed), model.mean.device
    normal = torch.randn((count, steps, model.config.z_size), generator=generator)
    uniform = torch.rand((count, steps, model.output.noise), generator=generator)
    return normal.to(device), uniform.to(device)


@torch.no_grad()
def turned(
    model: VRNN, noise: Noise, knobs: Tensor, temperature: float = 1.0, through_posterior: bool = False
) -> Tensor:
    """Return what an unconditional `model` plays with `knobs` (z_size + 1,), those of exported_vrnn.py.

    With `through_posterior` it hears itself as the exported form does, else by the latents that it drew.
    """
    normal, uniform = noise
    knobs = knobs.to(normal.device)
    moved = knobs[:-1] + temperature * torch.exp2(knobs[-1]) * normal
    condition = normal.new_zeros((len(normal), model.frame.condition))
    state, frames = model.begin((len(normal),), condition), []
    for step in range(normal.shape[1]):
        pair = moved[:, step], uniform[:, step]
        x, state = frame(model, condition, state, pair, temperature, through_posterior)
        frames.append(x * model.scale + model.mean)
    return torch.stack(frames, 1)


def frame(  # noqa: PLR0917 - what one frame depends on
    model: VRNN,
    condition: Tensor,
    state: State,
    noise: tuple[Tensor, Tensor],
    temperature: float,
    through_posterior: bool = False,
) -> tuple[Tensor, State]:
    """Return the next frame (count, width), normalised, and the state after it.

    `noise` is where the latent lies in the prior, in its sigmas (count, z_size), and uniform
    (count, model.output.noise) for the frame.
    """
    moved, uniform = noise
    drawn = None
    if model.config.latent != "none":
        mu, sigma = model.expected(state[0], condition)
        drawn = model.phi_z(mu + sigma * moved)
    x = model.output.draw(model.decoded(state[0], condition, drawn), uniform, temperature)
    features = model.features(x, condition)
    if through_posterior:
        drawn = model.phi_z(model.inferred(features, state[0])[0])
    return x, model.follow(features, drawn, state)
