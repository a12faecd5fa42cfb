"""VRAE: both ways of decoding, padding, its bound against exact and independent computations."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.config import Stage
from training.vrae.bound import bound, excerpts, log_likelihood, nats_of_steps
from training.vrae.examine import figures
from training.vrae.model import VRAE, ModelConfig

SMALL = ModelConfig(z_size=4, units=12, steps=8, bar=8, hop=4, pitches=14, hold=2)
LONG = replace(SMALL, steps=24, lean=0.4)  # three bars
KINDS = [
    replace(SMALL, cell=cell, feedback=feedback, reverse=reverse)
    for cell, feedback, reverse in itertools.product(("rnn", "lstm"), ("outputs", "notes"), (False, True))
]
STAGE = Stage("excerpts", beta=1.0, free_bits=0.0)


def called(config):
    return f"{config.cell}-{config.feedback}{'-reverse' * config.reverse}"


def model_of(config, seed=0):
    torch.manual_seed(seed)
    return VRAE(config).eval()


def music(config, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, config.steps, config.pitches, generator=generator) < 0.2).to(torch.int8)


@pytest.mark.parametrize("config", KINDS, ids=called)
def test_the_logits_along_what_was_played_are_those_that_played_it(config):
    model = model_of(config)
    z = torch.randn(3, config.z_size)
    noise = torch.randn(1, 3, 4, config.pitches)
    played = model.play(z, 1, 0.7, noise)
    with torch.no_grad():
        logits = model.logits(z, played.to(torch.int8))
    drawn = logits + 0.7 * noise[0].repeat_interleave(2, dim=1) > 0
    assert torch.equal(drawn.to(torch.uint8), played)


@pytest.mark.parametrize("config", KINDS, ids=called)
def test_longer_excerpts_lean_at_each_bar_as_playing_does(config):
    model = model_of(replace(LONG, cell=config.cell, feedback=config.feedback))
    z = torch.randn(3, 4)
    noise = torch.randn(3, 3, 4, config.pitches)
    played = model.play(z, 3, 0.7, noise)
    with torch.no_grad():
        logits = model.logits(z, played.to(torch.int8))
    drawn = logits + 0.7 * noise.transpose(0, 1).flatten(1, 2).repeat_interleave(2, dim=1) > 0
    assert torch.equal(drawn.to(torch.uint8), played)
    straight = model_of(replace(LONG, cell=config.cell, feedback=config.feedback, lean=1e-9))
    with torch.no_grad():
        assert not torch.allclose(logits[:, 8:], straight.logits(z, played.to(torch.int8))[:, 8:])


@pytest.mark.parametrize("config", KINDS, ids=called)
def test_padding_changes_no_figure(config):
    model = model_of(config)
    short = music(config, 3)[:, :5]
    padded = torch.full((3, 8, config.pitches), -1, dtype=torch.int8)
    padded[:, :5] = short
    for a, b in zip(model.posterior(short), model.posterior(padded), strict=True):
        torch.testing.assert_close(a, b)
    losses = []
    for batch in (short, padded):
        torch.manual_seed(1)
        losses.append(excerpts(model, batch, STAGE, 0))
    torch.testing.assert_close(losses[0][0], losses[1][0])
    assert losses[0][1] == pytest.approx(losses[1][1], rel=1e-5)
    z = torch.zeros(3, config.z_size)
    torch.testing.assert_close(
        nats_of_steps(model.logits(z, short), short), nats_of_steps(model.logits(z, padded), padded)[:, :5]
    )


@pytest.mark.parametrize("config", KINDS, ids=called)
def test_the_loss_is_the_sum_of_the_losses_of_its_steps(config):
    model, batch = model_of(config), music(config, 2)
    z = torch.randn(2, config.z_size)
    whole = nats_of_steps(model.logits(z, batch), batch).sum(1)
    state, total = model.opening(z), torch.zeros(2)
    for step in range(config.steps):
        logits, truth = model.heard(state), batch[:, step].float()
        total = total + (torch.logaddexp(torch.zeros(()), logits) - truth * logits).sum(1)
        told = truth if config.feedback == "notes" else torch.sigmoid(logits)
        state = model.following(state, told)
    torch.testing.assert_close(whole, total, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("config", KINDS, ids=called)
@torch.no_grad()
def test_the_bound_does_not_depend_on_the_batch(config):
    model, batch = model_of(config), music(config, 6)
    model.log_sigma.weight.zero_()
    model.log_sigma.bias.fill_(-20.0)  # no noise to speak of
    batch[1, 5:], batch[4, 3:] = -1, -1
    nats, divergence, _ = bound(model, batch)
    losses = []
    for index in range(6):
        one = batch[index : index + 1]
        alone, told, _ = bound(model, one)
        torch.testing.assert_close(alone[0], nats[index], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(told[0], divergence[index], rtol=1e-4, atol=1e-4)
        losses.append(float(excerpts(model, one, STAGE, 0)[0]) * int((one[..., 0] >= 0).sum()))
    frames = int((batch[..., 0] >= 0).sum())
    assert float(excerpts(model, batch, STAGE, 0)[0]) == pytest.approx(sum(losses) / frames, rel=1e-4)


def weights_of(model):
    return {name: value.double().numpy() for name, value in model.state_dict().items()}


def step_by_hand(w, name, x, state):
    """Return the state, (h,) of tanh or (h, c) of an LSTM, (B, units) each, after `x` (B, inputs)."""
    gates = x @ w[f"{name}.weight_ih_l0"].T + w[f"{name}.bias_ih_l0"]
    gates = gates + state[0] @ w[f"{name}.weight_hh_l0"].T + w[f"{name}.bias_hh_l0"]
    if len(state) == 1:
        return (np.tanh(gates),)
    i, f, g, o = np.split(gates, 4, axis=1)
    c = state[1] / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return np.tanh(c) / (1 + np.exp(-o)), c


def by_hand(model, z, batch):
    """log p(x|z) of the paper's equations in float64 with NumPy, (B,), for any decoder."""
    w = weights_of(model)
    first = np.tanh(z @ w["initial.weight"].T + w["initial.bias"])
    state = tuple(np.split(first, 2, axis=1)) if model.lstm else (first,)
    total = np.zeros(len(batch))
    for frame in batch.numpy().astype(np.float64).swapaxes(0, 1):
        p = 1 / (1 + np.exp(-(state[0] @ w["output.weight"].T + w["output.bias"])))
        total += (frame * np.log(p) + (1 - frame) * np.log(1 - p)).sum(1)
        state = step_by_hand(w, "decoder", frame if model.config.feedback == "notes" else p, state)
    return total


@pytest.mark.parametrize("config", KINDS, ids=called)
@torch.no_grad()
def test_likelihood_and_posterior_are_those_of_the_papers_equations_in_float64(config):
    model, batch = model_of(config), music(config, 5)
    for parameter in model.parameters():
        parameter.mul_(2.0)  # so that every part is heard
    z = torch.randn(5, config.z_size)
    nats = nats_of_steps(model.logits(z, batch), batch).sum(1)
    np.testing.assert_allclose(-nats.numpy(), by_hand(model, z.double().numpy(), batch), rtol=1e-5)
    w, state = weights_of(model), (np.zeros((5, config.units)),) * (2 if model.lstm else 1)
    frames = batch.numpy().astype(np.float64).swapaxes(0, 1)
    for frame in frames[::-1] if config.reverse else frames:
        state = step_by_hand(w, "encoder", frame, state)
    mu, sigma = model.posterior(batch)
    np.testing.assert_allclose(mu, state[0] @ w["mu.weight"].T + w["mu.bias"], rtol=1e-4, atol=1e-5)
    logarithm = state[0] @ w["log_sigma.weight"].T + w["log_sigma.bias"]
    np.testing.assert_allclose(sigma, np.exp(logarithm), rtol=1e-4)


@pytest.mark.parametrize("feedback", ["outputs", "notes"])
def test_bound_below_estimate_below_the_exact_value_of_a_model_that_can_be_enumerated(feedback):
    config = ModelConfig(z_size=1, units=3, steps=3, pitches=2, feedback=feedback)
    model = model_of(config, seed=3)
    with torch.no_grad():
        for part in (model.initial, model.output):  # what an excerpt is, depends on z
            part.weight.mul_(3.0)
        model.log_sigma.bias.add_(0.5)  # wide: few draws of q miss what the truth has
    every = torch.tensor(list(itertools.product((0, 1), repeat=6)), dtype=torch.int8).view(64, 3, 2)
    grid = np.linspace(-8, 8, 4001)
    density = np.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi) * (grid[1] - grid[0])
    given_z = np.stack([by_hand(model, np.full((64, 1), z), every) for z in grid[::10]])  # (401, 64)
    exact = np.log((np.exp(given_z) * density[::10, None] * 10).sum(0))
    assert np.exp(exact).sum() == pytest.approx(1.0, abs=1e-6)  # of all excerpts there are
    torch.manual_seed(0)
    nats, divergence, _ = bound(model, every, samples=400)
    below = -(nats + divergence).double().numpy()
    few = np.mean([log_likelihood(model, every, 5).numpy() for _ in range(80)], axis=0)
    many = log_likelihood(model, every, 4000).numpy()
    assert below.mean() < few.mean() < exact.mean()
    np.testing.assert_allclose(many, exact, atol=0.05)


@pytest.mark.parametrize("config", [KINDS[0], KINDS[-1]], ids=called)
def test_a_model_learns_one_batch_by_heart(config):
    torch.manual_seed(5)
    model = VRAE(replace(config, units=48)).train()
    batch = music(config, 4)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2, (0.95, 0.999))
    for iteration in range(250):
        loss, _ = excerpts(model, batch, replace(STAGE, beta=0.01), iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    model.eval()
    assert torch.equal(model.play(model.posterior(batch).mu, 1, 0.0).to(torch.int8), batch)
    with torch.no_grad():
        heard = figures(model, batch, 2)
        model.initial.weight.zero_()
        deaf = figures(model, batch, 2)
    assert not heard["collapsed"]
    assert deaf["collapsed"]
    assert (deaf["active_units"], deaf["kl_bits"]) == (heard["active_units"], heard["kl_bits"])
    assert deaf["worth_bits"] == pytest.approx(0.0, abs=1e-6)


def test_a_reversed_encoder_ends_with_the_first_frame():
    forwards, backwards = model_of(SMALL), model_of(replace(SMALL, reverse=True))
    batch = music(SMALL, 3)
    for a, b in zip(forwards.posterior(batch.flip(1)), backwards.posterior(batch), strict=True):
        torch.testing.assert_close(a, b)


def test_a_state_leans_towards_its_z_at_every_bar_but_the_first():
    model = model_of(replace(SMALL, lean=1.0))
    bars = model.play(torch.randn(2, 4), 3, 0.0).unflatten(1, (3, 8))
    assert torch.equal(bars[:, 0], bars[:, 1])  # all the way back: the same bar again
    assert torch.equal(bars[:, 0], bars[:, 2])
