"""Posterior and likelihood of a VRASH and its baselines against NumPy in float64, which shares no code."""

import numpy as np
import pytest
import torch
from test_vrash import KINDS, batch, build, padded

from training.vrash.bound import nats_of_notes


class ByHand:
    """Encoder or decoder in NumPy and float64, for one phrase."""

    def __init__(self, part):
        self.w = {name: value.double().numpy() for name, value in part.state_dict().items()}

    def affine(self, name, x, kind=""):
        return self.w[f"{name}.weight{kind}"] @ x + self.w[f"{name}.bias{kind}"]

    def told(self, tables, columns):
        return [self.w[f"{tables}.tables.{k}.weight"][column] for k, column in enumerate(columns)]

    def step(self, x, state):
        """Return the cell's state after `x`, its output first."""
        if "cell.lstm.weight_ih_l0" in self.w:
            h, c = np.split(state, 2)
            gates = self.affine("cell.lstm", x, "_ih_l0") + self.affine("cell.lstm", h, "_hh_l0")
            i, f, g, o = np.split(gates, 4)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            return np.concatenate([np.tanh(c) / (1 + np.exp(-o)), c])
        heard = self.affine("cell.heard", x)
        for layer in range(2):
            both = self.affine(f"cell.carried.{layer}", state) + (heard if layer == 0 else 0.0)
            candidate, gate = np.split(both, 2)
            gate = 1 / (1 + np.exp(-gate))
            state = np.tanh(candidate) * gate + state * (1 - gate)  # Zilly et al. 2016, equations 7 to 9
        return state


@pytest.mark.parametrize(("family", "cell"), KINDS)
@torch.no_grad()
def test_the_decoders_likelihood_is_that_of_numpy_in_float64(family, cell):
    model, phrases = build(family, cell), batch(2)
    z = torch.randn(2, 4)
    nats = nats_of_notes(model.teacher_forced(z, phrases), phrases).numpy()
    hand = ByHand(model.decoder)
    for row in range(2):
        latent, told = z[row].double().numpy(), phrases[row].numpy()
        state = np.zeros(24 if cell == "highway" else 48)
        if family != "lm":
            state = np.tanh(hand.affine("initial", latent))
        before = [11, 12, 11]  # not told
        for step, note in enumerate(told):
            heard = hand.told("labels", note[3:])
            heard += [latent] if family != "lm" else []
            heard += hand.told("embedding", before) if family != "vae" else []
            state = hand.step(np.concatenate(heard), state)
            for k in range(3):
                x = np.concatenate([state[:24], *hand.told("embedding", note[:k])])
                scores = hand.affine(f"output.{k}", np.tanh(hand.affine(f"hidden.{k}", x)))
                if k == 2:
                    scores = scores[12 * np.arange(11) + note[1] < 128]
                expected = np.log(np.exp(scores).sum()) - scores[note[k]]
                assert nats[row, step, k] == pytest.approx(expected, rel=1e-4, abs=1e-5)
            before = list(note[:3])


@torch.no_grad()
def test_the_posterior_of_a_language_model_is_the_prior():
    mu, sigma = build("lm").posterior(batch(2))
    assert torch.equal(mu, torch.zeros(2, 4))
    assert torch.equal(sigma, torch.ones(2, 4))


@pytest.mark.parametrize(("family", "cell"), [kind for kind in KINDS if kind[0] != "lm"])
@torch.no_grad()
def test_the_posterior_is_that_of_numpy_in_float64(family, cell):
    model, phrases = build(family, cell), padded(batch(2), [12, 5])
    hand, found = ByHand(model.encoder), model.posterior(phrases)
    for row, length in enumerate((12, 5)):
        state, outputs = np.zeros(model.encoder.cell.state_size), []
        for note in phrases[row, :length].numpy():
            heard = [*hand.told("embedding", note[:3]), *hand.told("labels", note[3:])]
            state = hand.step(np.concatenate(heard), state)
            outputs.append(state[:16])
        end = np.concatenate([outputs[-1], np.mean(outputs, 0)])
        np.testing.assert_allclose(found.mu[row], hand.affine("mu", end), rtol=1e-4, atol=1e-5)
        spread = np.log1p(np.exp(hand.affine("sigma", end))) + 1e-4
        np.testing.assert_allclose(found.sigma[row], spread, rtol=1e-4)
