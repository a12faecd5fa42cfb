"""A MusicVAE's posterior and likelihood against the paper's equations in NumPy and float64."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small import TINY
from test_musicvae import FLAT, music, nats_of, sure

from training.config import Stage
from training.musicvae.bound import likelihood
from training.musicvae.model import MusicVAE
from training.musicvae.objectives import OBJECTIVES
from training.subject import RunSubject


def lstm(w, name, layer, x, state):
    """One step of a layer of an LSTM in NumPy; `state` is (h, c), gates are input, forget, cell, output."""
    h, c = state
    gates = w[f"{name}.weight_ih_l{layer}"] @ x + w[f"{name}.bias_ih_l{layer}"]
    gates = gates + w[f"{name}.weight_hh_l{layer}"] @ h + w[f"{name}.bias_hh_l{layer}"]
    i, f, g, o = np.split(gates, 4)
    c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    return np.tanh(c) / (1 + np.exp(-o)), c


def begun(w, name, context):
    """Return the first (h, c) of both layers: tanh of a projection of `context` (sections 3.2 and 3.3)."""
    h, c = np.tanh(w[f"{name}.weight"] @ context + w[f"{name}.bias"]).reshape(2, 2, -1)
    return [(h[layer], c[layer]) for layer in range(2)]


def codes_by_hand(w, z, bars):
    """Yield the conductor's normalised code of each bar for `z` (z_size,) (section 3.2)."""
    state = begun(w, "conductor.initial", z)
    for _ in range(bars):
        x = np.zeros(1)  # the conductor hears nothing
        for layer in range(2):
            state[layer] = lstm(w, "conductor.lstm", layer, x, state[layer])
            x = state[layer][0]
        code = w["conductor.code.weight"] @ x + w["conductor.code.bias"]
        yield (code - code.mean()) / np.sqrt(code.var() + 1e-5)


def by_hand(model, z, window):
    """Return the nats of `window` (bars, steps, voices) given `z` (z_size,) in float64 with NumPy."""
    w = {name: value.double().numpy() for name, value in model.state_dict().items()}
    flat, nats = model.config.family == "flat", 0.0
    contexts, runs = [z], [window.reshape(-1, window.shape[2])]  # flat, all bars are one run of z
    if not flat:
        contexts, runs = codes_by_hand(w, z, len(window)), window
    for context, run in zip(contexts, runs, strict=True):
        for v in range(run.shape[1]):
            name = f"decoders.{v}"
            held, before = begun(w, f"{name}.initial", context), model.bottoms[v].start
            for token in run[run[:, v] >= 0, v]:
                x = np.concatenate([w[f"{name}.embedding.weight"][before], context])
                for layer in range(2):
                    held[layer] = lstm(w, f"{name}.lstm", layer, x, held[layer])
                    x = held[layer][0]
                logits = w[f"{name}.output.weight"] @ x + w[f"{name}.output.bias"]
                nats += np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[token]
                before = token
    return nats


@pytest.mark.parametrize("sizes", [TINY, FLAT], ids=["hierarchical", "flat"])
@torch.no_grad()
def test_the_likelihood_is_that_of_the_papers_equations_in_float64(sizes):
    model, windows = sure(replace(sizes, bars=3), 9), music(2)[:, :3]
    for parameter in model.parameters():
        parameter.mul_(2.0)  # so that every part is heard
    model.encoder.sigma.bias.fill_(-40.0)
    z = model.encoder(windows).mu
    expected = [
        by_hand(model, latent.double().numpy(), window.numpy())
        for latent, window in zip(z, windows, strict=True)
    ]
    np.testing.assert_allclose(nats_of(model, windows).numpy(), expected, rtol=1e-5)
    loss = OBJECTIVES["windows"](model, windows, Stage("windows", beta=0.0), 0)[0]
    assert float(loss) == pytest.approx(np.mean(expected) / (3 * 16), rel=1e-3)


@pytest.mark.parametrize("family", ["hierarchical", "flat"])
@torch.no_grad()
def test_bound_importance_sampled_and_exact_likelihood_stand_in_this_order(family):
    torch.manual_seed(1)
    sizes = replace(TINY, family=family, voices=("melody", "drums"), bars=2, steps_per_bar=3, z_size=1)
    model, windows = MusicVAE(sizes).eval(), music(3)[:, :2, :3, [0, 2]]
    for parameter in model.parameters():
        parameter.mul_(2.0)  # what a window is, depends on z
    model.encoder.sigma.bias.add_(1.5)  # wide: few draws of q miss what the truth has
    windows[1, ..., 1] = -1  # a voice that a song lacks
    grid = np.linspace(-8, 8, 201)
    prior = -0.5 * grid**2 - 0.5 * np.log(2 * np.pi)
    given = [[-by_hand(model, np.array([z]), window) for z in grid] for window in windows.numpy()]
    exact = np.logaddexp.reduce(np.array(given) + prior, axis=1) + np.log(grid[1] - grid[0])
    torch.manual_seed(0)
    subject, copies = RunSubject(model), windows.repeat(400, 1, 1, 1)
    bound, estimate = (part.view(400, 3).mean(0).numpy() for part in likelihood(subject, copies, 5))
    assert (bound < estimate).all()
    assert (estimate < exact + 0.03).all()
    for window, below in zip(windows, bound, strict=True):
        copies = window.repeat(400, 1, 1, 1)
        loss = OBJECTIVES["windows"](model, copies, Stage("windows", beta=1.0, free_bits=0.0), 0)[0]
        assert -6 * float(loss) == pytest.approx(below, abs=0.1)  # the bound is what is minimised
    many = likelihood(subject, windows.repeat(400, 1, 1, 1), 10).estimate.view(400, 3)
    np.testing.assert_allclose(many.logsumexp(0) - np.log(400), exact, atol=0.05)


def ends_by_hand(w, name, inputs):
    """Return the last outputs of both directions of an LSTM over `inputs` (T, inputs)."""
    ends = []
    for layer, order in (("0", inputs), ("0_reverse", inputs[::-1])):
        state = (np.zeros(w[f"{name}.weight_hh_l{layer}"].shape[1]),) * 2
        for x in order:
            state = lstm(w, name, layer, x, state)
        ends.append(state[0])
    return np.concatenate(ends)


@torch.no_grad()
def test_the_posterior_is_that_of_the_papers_equations_in_float64():
    torch.manual_seed(9)
    encoder, windows = MusicVAE(replace(TINY, bars=3)).eval().encoder, music(2)[:, :3]
    windows[1, ..., 1] = -1  # a voice that a song lacks
    for parameter in encoder.parameters():
        parameter.mul_(2.0)
    w = {name: value.double().numpy() for name, value in encoder.state_dict().items()}
    for window, mu, sigma in zip(windows.numpy(), *encoder(windows), strict=True):
        told = [
            w[f"embeddings.{v}.weight"][np.where(window[..., v] < 0, encoder.missing[v], window[..., v])]
            for v in range(3)
        ]
        features = [ends_by_hand(w, "bar", bar) for bar in np.concatenate(told, -1)]
        end = ends_by_hand(w, "sequence", features)
        np.testing.assert_allclose(mu, w["mu.weight"] @ end + w["mu.bias"], rtol=1e-4, atol=1e-5)
        spread = np.log1p(np.exp(w["sigma.weight"] @ end + w["sigma.bias"])) + 1e-4
        np.testing.assert_allclose(sigma, spread, rtol=1e-4, atol=1e-5)
