"""The VRNN beside its paper: equations one by one, closed forms, exact values, masks."""

from dataclasses import replace
from itertools import product
from math import log, pi

import numpy as np
import pytest
import torch
from torch import Tensor
from vrnn_parts import TINY, hits, model, rolls

from training.config import Stage
from training.vrnn.examine import measure
from training.vrnn.gaussians import log_density
from training.vrnn.late import Late
from training.vrnn.likelihood import output
from training.vrnn.model import VRNN, Inferred, divergences
from training.vrnn.particles import estimate, survivors
from training.vrnn.sequences import padded

STAGE = Stage("elbo", beta=1.0, free_bits=0.0, samples=4)


def by_hand(vrnn: VRNN, rows: Tensor, seed: int) -> Tensor:
    """Equations 5 to 11 frame by frame, with the noise that the packed pass draws."""
    packed = vrnn.pack(rows)
    torch.manual_seed(seed)
    noise = torch.randn((len(packed.x), 1, vrnn.config.z_size)).split(packed.sizes)
    state, total = vrnn.begin((packed.sizes[0],), packed.x), torch.zeros(())
    parts = zip(packed.x.split(packed.sizes), packed.condition.split(packed.sizes), noise, strict=True)
    for x, condition, drawn in parts:
        h, c = state[0][: len(x)], state[1][: len(x)]
        features = vrnn.features(x, condition)
        mu, sigma = vrnn.inferred(features, h)
        z = mu + sigma * drawn[:, 0]
        prior = torch.distributions.Normal(*vrnn.expected(h, condition))
        divergence = torch.distributions.kl_divergence(torch.distributions.Normal(mu, sigma), prior).sum(-1)
        heard = vrnn.phi_z(z)
        total = total + (vrnn.likelihood(h, condition, heard, x) - divergence).sum()
        state = vrnn.follow(features, heard, (h, c))
    return total


@pytest.mark.parametrize("latent", ["prior", "fixed"])
@pytest.mark.parametrize(("form", "kind"), [("roll", "bernoulli"), ("feel", "gauss"), ("feel", "gmm")])
def test_a_packed_pass_is_the_sum_of_its_steps_and_so_is_its_gradient(latent, form, kind):
    vrnn = model(replace(TINY, latent=latent, form=form, output=kind, components=3))
    rows = padded((rolls if form == "roll" else hits)(2, 5, 3))
    expected = by_hand(vrnn, rows, seed=7)
    expected.backward()
    gradients = [parameter.grad.clone() for parameter in vrnn.parameters()]
    vrnn.zero_grad()
    torch.manual_seed(7)
    steps = vrnn(rows)
    found = (steps.log_likelihood - steps.kl).sum()
    found.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    for parameter, gradient in zip(vrnn.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-3, atol=1e-4)


def test_the_rnn_hears_all_that_was_and_nothing_that_comes():
    vrnn = model(replace(TINY, latent="none"))
    rows = padded(rolls(6, 4))
    steps = vrnn(rows)
    for length in range(1, 5):
        torch.testing.assert_close(
            vrnn(rows[:, :length]).log_likelihood, steps.log_likelihood[:, :length], rtol=1e-5, atol=1e-5
        )
    state = vrnn.begin((2,), vrnn.mean)
    for step in range(4):
        x, condition = vrnn.frame.split(rows[:, step])
        one = vrnn.likelihood(state[0], condition, None, x)
        torch.testing.assert_close(one, steps.log_likelihood[:, step], rtol=1e-5, atol=1e-5)
        state = vrnn.follow(vrnn.features(x, condition), None, state)


def test_padding_and_company_change_no_figure():
    narrow = model()
    with torch.no_grad():  # a posterior without width: every pass draws the same
        narrow.posterior.heads.weight[3:] = 0
        narrow.posterior.heads.bias[3:] = -40
    sequences = rolls(7, 3, 5)
    together = narrow(padded(sequences))
    more = torch.cat([padded(sequences), torch.full((3, 4, 88), -1, dtype=torch.int8)], 1)
    longer = narrow(more)
    assert together.known.sum(1).tolist() == [7, 3, 5]
    for row, sequence in enumerate(sequences):
        alone = narrow(padded([sequence]))
        for name in ("log_likelihood", "kl"):
            value = getattr(alone, name)[0]
            torch.testing.assert_close(
                getattr(together, name)[row, : len(sequence)], value, rtol=1e-3, atol=1e-2
            )
            torch.testing.assert_close(
                getattr(longer, name)[row, : len(sequence)], value, rtol=1e-3, atol=1e-2
            )
            assert not getattr(longer, name)[row, len(sequence) :].any()
    exact = model(replace(TINY, latent="none"))
    whole = measure(exact, sequences).bound
    parts = [measure(exact, [sequence]).bound * len(sequence) for sequence in sequences]
    assert whole == pytest.approx(sum(parts) / 15, rel=1e-5)


def test_divergence_in_closed_form_is_that_of_torch_and_of_draws():
    generator = torch.Generator().manual_seed(0)
    mu, prior_mu = torch.randn((2, 4, 3), generator=generator).double()
    sigma, prior_sigma = torch.rand((2, 4, 3), generator=generator).double() + 0.3
    empty = torch.zeros(4, 0).double()
    closed = divergences(Inferred(empty, empty, mu, sigma, prior_mu, prior_sigma))
    normal, prior = torch.distributions.Normal(mu, sigma), torch.distributions.Normal(prior_mu, prior_sigma)
    torch.testing.assert_close(closed, torch.distributions.kl_divergence(normal, prior))
    z = mu + sigma * torch.randn((200_000, 4, 3), generator=generator).double()
    drawn = (log_density(z, mu, sigma) - log_density(z, prior_mu, prior_sigma)).mean(0)
    torch.testing.assert_close(drawn, closed.sum(-1), rtol=0.02, atol=0.01)


def test_bound_below_estimates_below_the_exact_value():
    vrnn = model(replace(TINY, z_size=1), seed=3)
    with torch.no_grad():  # a latent that matters, and a posterior that is far from right
        vrnn.decoder[0].weight[:, : vrnn.config.features] *= 8
        vrnn.posterior.heads.bias[:] = torch.tensor([0.8, 0.5])
    (sequence,) = rolls(2)
    rows = padded([sequence])
    exact = integrated(vrnn, rows)
    with torch.no_grad():
        torch.manual_seed(0)
        many = padded([sequence] * 4000)
        steps = vrnn(many)
        bound = float((steps.log_likelihood - steps.kl).sum(1).mean())
        again = padded([sequence] * 1000)
        some, filtered = (
            float(estimate(vrnn, again, 8, resample).log_likelihood.sum(1).mean())
            for resample in (False, True)
        )
        best, best_filtered = (
            float(estimate(vrnn, rows, 100_000, resample).log_likelihood.sum()) for resample in (False, True)
        )
    assert bound + 0.05 < some < exact + 0.01
    assert bound < filtered < exact + 0.01
    assert best == pytest.approx(exact, abs=0.02)
    assert best_filtered == pytest.approx(exact, abs=0.02)


@torch.no_grad()
def integrated(vrnn: VRNN, rows: Tensor) -> float:
    """log p of two frames: both latents (one unit each) summed over a fine grid of their prior."""
    grid = torch.linspace(-7, 7, 301)
    weight = torch.distributions.Normal(0.0, 1.0).log_prob(grid) + log(14 / 300)
    x, condition = vrnn.frame.split(rows[0])
    start, none = vrnn.begin((1,), vrnn.mean), condition[:1]
    mu, sigma = vrnn.expected(start[0], none)
    first = vrnn.phi_z(mu + sigma * grid[:, None])
    here = vrnn.likelihood(start[0].expand(301, -1), none.expand(301, -1), first, x[0])
    features = vrnn.features(x[:1], none).expand(301, -1)
    h, _ = vrnn.follow(features, first, (start[0].expand(301, -1), start[1].expand(301, -1)))
    mu, sigma = vrnn.expected(h, none.expand(301, -1))
    second = vrnn.phi_z(mu[:, None] + sigma[:, None] * grid[:, None])  # (301, 301, features)
    past, given = h[:, None].expand(-1, 301, -1), none.expand(301, 301, -1)
    there = torch.logsumexp(vrnn.likelihood(past, given, second, x[1]) + weight, 1)
    return float(torch.logsumexp(here + weight + there, 0))


def test_survivors_follow_the_heavy_and_only_where_few_count():
    weights = torch.tensor([[0.97, 0.01, 0.01, 0.01], [0.25, 0.25, 0.25, 0.25]]).log()
    torch.manual_seed(0)
    chosen, after = survivors(weights.repeat(500, 1))
    assert (chosen[1::2] == torch.arange(4)).all()
    torch.testing.assert_close(after[1], weights[1])
    torch.testing.assert_close(after[0], torch.full((4,), -log(4)))
    assert float((chosen[::2] == 0).float().mean()) == pytest.approx(0.97, abs=0.02)


@pytest.mark.parametrize("kind", ["gauss", "gmm"])
def test_mixtures_against_float64_and_their_own_draws(kind):
    torch.manual_seed(0)
    head = output(kind, 4, 2, 3)
    features, x = torch.randn(5, 4), torch.randn(5, 2)
    weights, mu, sigma = (part.detach().double().numpy() for part in head.parts(features))
    density = np.exp(-0.5 * ((x.numpy()[:, None] - mu) / sigma) ** 2) / (sigma * (2 * pi) ** 0.5)
    expected = np.log((np.exp(weights) * density.prod(2)).sum(1))
    np.testing.assert_allclose(head.log_likelihood(features, x).detach().numpy(), expected, rtol=1e-4)
    drawn = head.draw(features[:1].expand(100_000, -1), torch.rand(100_000, 3).clamp(1e-6, 1 - 1e-6))
    mean = (np.exp(weights[0])[:, None] * mu[0]).sum(0)
    np.testing.assert_allclose(drawn.detach().mean(0).numpy(), mean, atol=0.02)
    likeliest = head.draw(features, torch.full((5, 3), 0.5), temperature=0.0)
    best = weights.argmax(1)
    np.testing.assert_allclose(likeliest.detach().numpy(), mu[range(5), best], rtol=1e-5)


def test_bernoulli_sums_to_one_over_all_frames():
    torch.manual_seed(0)
    head, features = output("bernoulli", 4, 3, 1), torch.randn(2, 4).double()
    frames = torch.tensor(list(product((0.0, 1.0), repeat=3))).double()
    total = head.double().log_likelihood(features[:, None], frames).exp().sum(1)
    torch.testing.assert_close(total, torch.ones(2).double())


def test_late_gradients_are_autograd_s():
    torch.manual_seed(0)
    weight, share = torch.randn(4, 3, requires_grad=True), torch.randn(5, 1, 4, requires_grad=True)
    inputs = [torch.randn(2, 1, 3), torch.randn(2, 1, 3), torch.randn(1, 1, 3)]
    late = Late(weight, share, [2, 2, 1])
    loss = sum(late(step, x).square().sum() for step, x in enumerate(inputs))
    found = torch.autograd.grad(loss, [weight, share])
    plain = (torch.cat(inputs) @ weight.T + share).square().sum()
    for gradient, expected in zip(found, torch.autograd.grad(plain, [weight, share]), strict=True):
        torch.testing.assert_close(gradient, expected)
