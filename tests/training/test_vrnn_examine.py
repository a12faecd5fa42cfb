"""What is told of a VRNN's latents and of single pieces: a z that says nothing is found out."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from vrnn_parts import TINY, model, rolls

from training.config import Stage
from training.vrnn.bound import BOUNDS
from training.vrnn.examine import measure
from training.vrnn.sequences import padded
from training.vrnn.spread import difference


def test_a_posterior_that_is_its_prior_has_collapsed():
    vrnn = model(replace(TINY, latent="fixed"))
    with torch.no_grad():
        vrnn.posterior.heads.weight.zero_()
        vrnn.posterior.heads.bias[:] = torch.tensor([0.0] * 3 + [float(np.log(np.e - 1))] * 3)
    found = measure(vrnn, rolls(5), samples=2)
    assert (found.active, found.units, found.collapsed) == (0, 3, True)
    assert found.kl_bits == pytest.approx(0, abs=1e-4)


def test_active_units_that_nobody_hears_have_collapsed_too():
    vrnn = model(replace(TINY, z_size=32))
    with torch.no_grad():
        vrnn.posterior.heads.weight[:32] = 0
        vrnn.posterior.heads.bias[:32] = 0.65  # free bits let it stray so far
        vrnn.decoder[0].weight[:, : TINY.features] = 0
        vrnn.cell.weight_ih_l0[:, TINY.features :] = 0
    found = measure(vrnn, rolls(20, 7), samples=2)
    assert (found.active, found.units) == (32, 32)
    assert found.kl_bits > 5
    assert found.worth_bits == pytest.approx(0, abs=1e-6)
    assert found.collapsed
    assert found.figures()["collapsed"]


@pytest.mark.parametrize("latent", ["prior", "fixed"])
def test_a_latent_that_tells_what_cannot_be_foreseen_has_not(latent):
    vrnn, chance = model(replace(TINY, features=16, units=16, latent=latent)), np.random.default_rng(0)
    chords = np.stack([np.arange(88) % 4 == 0, np.arange(88) % 4 == 2]).astype(np.uint8)

    def drawn(count: int, length: int = 12) -> list[np.ndarray]:
        return [chords[chance.integers(2, size=length)] for _ in range(count)]

    stage, optimiser = Stage("elbo", beta=1.0, free_bits=0.0), torch.optim.Adam(vrnn.parameters(), 1e-2)
    vrnn.train()
    for iteration in range(150):
        loss, _ = BOUNDS["elbo"](vrnn, padded(drawn(8)), stage, iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    found = measure(vrnn.eval(), drawn(8), samples=2)
    assert found.kl_bits > 0.8  # which of two
    assert found.worth_bits > 5 * found.kl_bits  # the other chord has 44 wrong keys, half of the time
    assert not found.collapsed


def test_an_rnn_has_nothing_to_collapse():
    found = measure(model(replace(TINY, latent="none")), rolls(5, 3))
    assert (found.units, found.worth_bits, found.collapsed) == (0, 0, False)
    assert "pieces" not in found.figures()


@pytest.mark.parametrize("latent", ["prior", "none"])
def test_pieces_come_in_their_own_order_and_make_up_the_whole(latent):
    vrnn, sequences = model(replace(TINY, latent=latent)), rolls(3, 9, 1, 6)
    found = measure(vrnn, sequences, samples=2)
    assert found.pieces.frames.tolist() == [3, 9, 1, 6]
    for name in ("bound", "importance", "filtered"):
        assert getattr(found.pieces, name).sum() / 19 == pytest.approx(getattr(found, name))
    alone = [measure(vrnn, [sequence], samples=2).pieces.bound[0] for sequence in sequences]
    np.testing.assert_allclose(found.pieces.bound, alone, rtol=1e-5 if latent == "none" else 0.05)


def test_the_error_of_a_difference_is_that_of_its_mean_and_is_paired():
    chance = np.random.default_rng(0)
    frames, theirs = np.full(80, 10), chance.normal(-500, 100, 80)
    apart, alone = chance.normal(2, 5, 80), [str(number) for number in range(80)]
    mean, error = difference(theirs + apart, theirs, frames, alone)
    assert mean == pytest.approx(apart.mean() / 10)
    assert error == pytest.approx(apart.std(ddof=1) / 10 / 80**0.5, rel=0.05)
    assert difference(theirs + apart, theirs, frames, alone) == (mean, error)
    frames = chance.integers(5, 50, 80)
    assert difference(theirs + 0.25 * frames, theirs, frames, alone) == pytest.approx((0.25, 0), abs=1e-9)
    assert np.isnan(difference(theirs[:1] + 1, theirs[:1], frames[:1], alone[:1])[1])


def test_pieces_that_belong_together_are_no_more_than_one():
    chance = np.random.default_rng(0)
    frames, theirs = np.full(80, 10), chance.normal(-500, 100, 80)
    sessions = [str(number // 20) for number in range(80)]
    apart = np.repeat(chance.normal(2, 5, 4), 20)  # all of a session's alike
    mean, error = difference(theirs + apart, theirs, frames, sessions)
    assert mean == pytest.approx(apart.mean() / 10)
    assert error == pytest.approx(apart[::20].std(ddof=1) / 10 / 4**0.5, rel=0.05)
    assert error > 3 * difference(theirs + apart, theirs, frames, [str(number) for number in range(80)])[1]
