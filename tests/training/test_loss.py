"""The objective's terms against independent computations."""

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.loss import NATS_PER_BIT, kl, onsets, penalty, reconstruction


def test_kl_is_what_monte_carlo_estimates_in_float64():
    generator = torch.Generator().manual_seed(1)
    mu = torch.tensor([[0.5, -1.0, 0.0, 2.0]], dtype=torch.float64)
    sigma = torch.tensor([[0.3, 1.0, 2.0, 0.7]], dtype=torch.float64)
    z = mu + sigma * torch.randn(400_000, 4, generator=generator, dtype=torch.float64)
    log_q = (-0.5 * ((z - mu) / sigma).square() - sigma.log()).sum(1)
    log_p = (-0.5 * z.square()).sum(1)
    assert abs(float((log_q - log_p).mean()) - float(kl(mu, sigma))) < 0.02


def test_kl_of_the_prior_itself_is_zero():
    assert float(kl(torch.zeros(1, 5), torch.ones(1, 5))) == 0.0


@given(st.floats(0, 1000), st.floats(0, 2), st.floats(0, 1000))
def test_free_bits_cost_nothing_and_the_rest_costs_beta(nats, beta, bits):
    cost = float(penalty(torch.tensor([nats], dtype=torch.float64), beta, bits))
    assert math.isclose(cost, beta * max(nats - bits * math.log(2), 0.0), rel_tol=1e-9, abs_tol=1e-9)
    assert math.log(2) == NATS_PER_BIT


def test_cross_entropy_equals_numpy_and_leaves_padding_out():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(3, 5, 130, generator=generator)
    targets = torch.randint(0, 130, (3, 5), generator=generator)
    targets[1, 2:] = -1
    score = reconstruction(logits, targets, rest=128)
    x = logits.double().numpy()
    log_p = x - np.log(np.exp(x).sum(-1, keepdims=True))
    expected = [-sum(log_p[i, t, targets[i, t]] for t in range(5) if targets[i, t] >= 0) for i in range(3)]
    np.testing.assert_allclose(score.nats.numpy(), expected, rtol=1e-5)
    assert int(score.steps) == 12
    changed = logits.clone()
    changed[1, 2:] += 50.0 * torch.randn(3, 130, generator=generator)
    assert torch.equal(reconstruction(changed, targets, 128).nats, score.nats)


def test_onsets_are_strikes():
    assert onsets(torch.tensor([60, 128, 129, -1, 0]), 128).tolist() == [True, False, False, False, True]
    assert onsets(torch.tensor([0, 5, -1]), 0).tolist() == [False, True, False]
