"""What a frame is drawn from: each output is a head over features, with its log density and its draw."""

from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOG_TAU = log(2 * pi)
SIGMA = 1e-3  # least standard deviation: the density of a value that comes again and again has no bound


class Bernoulli(nn.Module):
    """Every element of a frame is 0 or 1 on its own."""

    def __init__(self, features: int, frame: int) -> None:
        super().__init__()
        self.logits = nn.Linear(features, frame)
        self.noise = frame  # uniform numbers that a draw takes

    def log_likelihood(self, features: Tensor, x: Tensor) -> Tensor:
        """Return log p(x), (...), for `features` (..., features) and `x` (..., frame)."""
        logits: Tensor = self.logits(features)
        return (x * logits - F.softplus(logits)).sum(-1)  # x broadcasts over particles

    def draw(self, features: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """Return a frame for uniform `noise` (..., frame); temperature 0 takes the likeliest."""
        logits: Tensor = self.logits(features)
        if temperature <= 0:
            return (logits > 0).to(features.dtype)
        return (torch.sigmoid(logits / temperature) > noise).to(features.dtype)


class Mixture(nn.Module):
    """A mixture of `components` Gaussians with diagonal covariance (section 2.1); one makes it a Gaussian."""

    def __init__(self, features: int, frame: int, components: int) -> None:
        super().__init__()
        self.shape, self.least = (components, frame), SIGMA
        self.heads = nn.Linear(features, components * (2 * frame + 1))
        self.noise = 1 + frame  # uniform numbers that a draw takes

    def parts(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights (..., components), mu and sigma (..., components, frame)."""
        components, frame = self.shape
        weights, mu, sigma = self.heads(features).split(
            [components, components * frame, components * frame], -1
        )
        return (
            F.log_softmax(weights, -1),
            mu.unflatten(-1, self.shape),
            F.softplus(sigma.unflatten(-1, self.shape)) + self.least,
        )

    def log_likelihood(self, features: Tensor, x: Tensor) -> Tensor:
        """Return log p(x), (...), for `features` (..., features) and `x` (..., frame)."""
        weights, mu, sigma = self.parts(features)
        standard = (x.unsqueeze(-2) - mu) / sigma
        density = -0.5 * (standard.square() + LOG_TAU) - sigma.log()
        return torch.logsumexp(weights + density.sum(-1), -1)

    def draw(self, features: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """Return a frame for uniform `noise` (..., 1 + frame): the first number picks the component.

        `temperature` sharpens the weights and narrows each component; 0 takes the likeliest one's mean.
        """
        weights, mu, sigma = self.parts(features)
        shares = (weights / max(temperature, 1e-6)).softmax(-1)
        pick = (shares.cumsum(-1) < noise[..., :1]).sum(-1).clamp(max=self.shape[0] - 1)
        chosen = F.one_hot(pick, self.shape[0]).unsqueeze(-1)  # (..., components, 1)
        normal = torch.special.ndtri(noise[..., 1:])
        x: Tensor = (mu * chosen).sum(-2) + temperature * (sigma * chosen).sum(-2) * normal
        return x


def output(name: str, features: int, frame: int, components: int) -> Bernoulli | Mixture:
    """Return the output "bernoulli", "gauss" or "gmm"; only a "gmm" has `components`."""
    if name == "bernoulli":
        return Bernoulli(features, frame)
    return Mixture(features, frame, components if name == "gmm" else 1)
