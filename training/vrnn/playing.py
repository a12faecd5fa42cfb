"""What a VRNN plays by itself: frames drawn one after the other, many sequences side by side."""

from collections.abc import Sequence

import torch
from torch import Tensor

from training.vrnn.exported import RARELY, WIDEST, uniform
from training.vrnn.frames import CLASSES, FRAMES
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
def turned(model: VRNN, noise: Noise, knobs: Tensor, temperature: float = 1.0) -> Tensor:
    """Return what an unconditional `model` plays with `knobs` (z_size + 1,), those of exported.py.

    It hears itself as the exported form does: the recurrence goes on from the mean of the posterior of the
    frame just played, not from the z that was drawn (equations 5 to 7), as what was played in a performance
    may differ from what was drawn.
    """
    normal, uniform = noise
    knobs = knobs.to(normal.device)
    moved = knobs[:-1] + temperature * torch.exp2(knobs[-1]) * normal
    condition = normal.new_zeros((len(normal), model.frame.condition))
    state, frames = model.begin((len(normal),), condition), []
    inferring = model.config.latent != "none"
    for step in range(normal.shape[1]):
        pair = moved[:, step], uniform[:, step]
        x, state = frame(model, condition, state, pair, temperature, inferring)
        frames.append(x * model.scale + model.mean)
    return torch.stack(frames, 1)


@torch.no_grad()
def rows(model: VRNN, z: Tensor, noise: Sequence[Sequence[Tensor]], temperature: float = 1.0) -> Tensor:
    """Return the tokens (bars, steps, 88) that the file of `model` ought to write of `z` (z_size + 1,).

    `noise` is Gumbel (steps, z_size) and (steps, 88) of each bar, as training/vrnn/exported.py takes it.
    """
    latent, bound = (uniform(torch.cat(stream)).unsqueeze(0) for stream in zip(*noise, strict=True))
    knobs = torch.cat([z[:-1], z[-1:].clamp(-WIDEST, WIDEST)])
    normal = torch.special.ndtri(latent.clamp(RARELY, 1 - RARELY))
    played = turned(model, (normal, bound), knobs, temperature)[0].long()
    return torch.stack(played.chunk(len(noise)))


def frame(  # noqa: PLR0917 - what one frame depends on
    model: VRNN,
    condition: Tensor,
    state: State,
    noise: tuple[Tensor, Tensor],
    temperature: float,
    inferring: bool = False,
) -> tuple[Tensor, State]:
    """Return the next frame (count, width), normalised, and the state after it.

    `noise` is where the latent lies in the prior, in its sigmas (count, z_size), and uniform
    (count, model.output.noise) for the frame. Where it is `inferring`, the model goes on from the mean of its
    posterior, else from the latent that it drew.
    """
    moved, uniform = noise
    drawn = None
    if model.config.latent != "none":
        mu, sigma = model.expected(state[0], condition)
        drawn = model.phi_z(mu + sigma * moved)
    x = model.output.draw(model.decoded(state[0], condition, drawn), uniform, temperature)
    features = model.features(x, condition)
    if inferring:
        drawn = model.phi_z(model.inferred(features, state[0])[0])
    return x, model.follow(features, drawn, state)


@torch.no_grad()
def hits(  # noqa: PLR0917 - what a bar of drums depends on
    model: VRNN, tokens: Tensor, noise: Tensor, state: State, since: float, temperature: float
) -> tuple[Tensor, State, float]:
    """Return how a `model` of drum hits plays a bar: velocity, 0 to 1, and offset of each hit (hits, 2).

    The plain form of training/vrnn/exported_feel.py, which is held against it: `tokens` (16,) and Gumbel
    `noise` (16, 9, width) as there; `since` is how many steps ago the last hit was, below 0 before the first.
    """
    z_size = 0 if model.config.latent == "none" else model.config.z_size
    drawn = []
    for step, token in enumerate(tokens.tolist()):
        for drum in (drum for drum in range(CLASSES) if token >> drum & 1):
            condition = FRAMES["feel"].split(torch.tensor([[0.0, 0.0, drum, step, max(since, 0.0), token]]))[
                1
            ]
            chance = uniform(noise[step, drum]).clamp(RARELY, 1 - RARELY).unsqueeze(0)
            pair = temperature * torch.special.ndtri(chance[:, :z_size]), chance[:, z_size:]
            x, _ = frame(model, condition, state, pair, temperature)
            played = x[0] * model.scale + model.mean
            played = torch.stack([played[0].clamp(0, 1), played[1].clamp(-0.5, 0.5)])
            drawn.append(played)
            latent = None
            if z_size:
                mu, sigma = model.expected(state[0], condition)
                latent = model.phi_z(mu + sigma * pair[0])
            x = ((played - model.mean) / model.scale).unsqueeze(0)
            state, since = model.follow(model.features(x, condition), latent, state), 0.0
        since += 1.0 if since >= 0 else 0.0
    return torch.stack(drawn) if drawn else noise.new_zeros((0, 2)), state, since
