"""What counts as posterior collapse."""

import pytest
import torch

from training.collapse import active_units, collapsed


def test_a_unit_is_active_if_its_mean_moves_over_the_data() -> None:
    mu = torch.zeros(50, 4)
    mu[:, 1] = torch.linspace(-1.0, 1.0, 50)
    mu[:, 2] = torch.linspace(-0.01, 0.01, 50)
    assert active_units(mu) == active_units(mu.numpy()) == 1
    assert active_units(mu[:1]) == 0  # nothing moves where there is one only


@pytest.mark.parametrize(
    ("active", "kl", "worth", "expected"),
    [
        (20, 30.0, None, False),
        (1, 30.0, None, True),  # of 20
        (20, 0.5, None, True),
        (20, 30.0, 2.9, True),  # free bits that no one hears
        (20, 30.0, 3.1, False),
    ],
)
def test_z_tells_nothing_where_it_is_silent_free_or_unheard(active, kl, worth, expected) -> None:
    assert collapsed(active, 20, kl, worth) == expected


def test_a_small_latent_needs_one_active_unit_and_a_kl_a_frame_may_be_small() -> None:
    assert collapsed(0, 2, 5.0)
    assert not collapsed(1, 2, 5.0)
    assert not collapsed(4, 16, 0.5, 0.3, least=0.0)
