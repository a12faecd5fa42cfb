"""Whether latents of one name lie together, beside what any encoder does with music that is the same."""

import numpy as np
import pytest
import torch
from torch import nn

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


class Places(nn.Module):
    """A place for each of `count` things, drawn at random before any training."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(count, 1))


def test_the_untrained_network_beside_a_model_is_always_the_same_and_leaves_the_noise_as_it_was():
    names = [name for name in "abcd" for _ in range(10)]
    model = Places(40)
    with torch.no_grad():
        model.place[:, 0] = torch.tensor([float("abcd".index(name)) for name in names])
    torch.manual_seed(3)
    before = torch.get_rng_state()
    told = beside_untrained(
        model, 40, lambda it: it.place.detach().double().numpy(), names, np.zeros((40, 40), bool)
    )
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(0)
    blank = kept(Places(40).place.detach().double().numpy(), names, np.zeros((40, 40), bool))[0]
    assert blank < 0.5
    assert told == f"for 100%; before training for {blank:.0%}, by chance for 25%"
