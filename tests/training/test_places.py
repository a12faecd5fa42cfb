"""Whether latents of one name lie together, beside what any encoder does with music that is the same."""

import numpy as np
import pytest
import torch

from training.papers.places import beside_untrained, kept, same


def test_the_nearest_other_tells_and_chance_is_that_of_the_names():
    mu = np.array([[0.0], [0.1], [5.0], [5.1], [5.25]])
    none = np.zeros((5, 5), bool)
    assert kept(mu, list("aabbb"), none) == pytest.approx((1.0, 0.4**2 + 0.6**2))
    assert kept(mu, list("abaab"), none)[0] == pytest.approx(2 / 5)


def test_what_is_alike_is_passed_over_and_what_has_no_other_does_not_count():
    mu = np.array([[0.0], [0.0], [1.0], [1.1]])
    alike = same(np.array([[1, 2], [1, 2], [3, 4], [5, 6]]))
    assert alike.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert kept(mu, list("aabb"), alike)[0] == 0.5
    alike[2:, :] = True
    assert kept(mu, list("aabb"), alike)[0] == 0.0


def test_the_untrained_network_beside_a_model_is_always_the_same_and_leaves_the_noise_as_it_was():
    names = [name for name in "abcd" for _ in range(10)]
    mu = np.array([["abcd".index(name)] for name in names], np.float64)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    none = np.zeros((40, 40), bool)
    told = beside_untrained(mu, lambda: torch.randn(40, 1).double().numpy(), names, none)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(0)
    blank = kept(torch.randn(40, 1).double().numpy(), names, none)[0]
    assert blank < 0.5
    assert told == f"for 100%; before training for {blank:.0%}, by chance for 25%"
