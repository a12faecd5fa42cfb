"""The whole likelihood of a VRNN against the paper's equations in NumPy and float64, which share no code."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from vrnn_parts import TINY, hits, model, rolls

from training.vrnn.examine import measure
from training.vrnn.particles import estimate
from training.vrnn.sequences import padded

LENGTHS = (2, 5, 3)


class Reference:
    """Equations 5 to 11 for one sequence, with noise that is handed over."""

    def __init__(self, vrnn):
        self.weights = {name: value.double().numpy() for name, value in vrnn.state_dict().items()}
        self.config = vrnn.config

    def affine(self, name, x):
        return self.weights[f"{name}.weight"] @ x + self.weights[f"{name}.bias"]

    def network(self, name, x):
        for layer in range(self.config.layers):
            x = np.maximum(self.affine(f"{name}.{2 * layer}", x), 0)
        return x

    def gaussian(self, name, x):
        mu, raw = np.split(self.affine(f"{name}.heads", np.maximum(self.affine(f"{name}.hidden", x), 0)), 2)
        return mu, np.logaddexp(0, raw) + 1e-4

    def given(self, row):
        if self.config.form == "roll":
            return np.zeros(0)
        drum, step, gap, token = row[2:].astype(int)
        struck = [token >> number & 1 for number in range(9)]
        return np.concatenate([np.eye(9)[drum], struck, np.eye(16)[step], [min(gap, 16) / 16, gap == 0]])

    def output(self, features, x):
        if self.config.output == "bernoulli":
            chance = 1 / (1 + np.exp(-self.affine("output.logits", features)))
            return np.log(np.where(x > 0, chance, 1 - chance)).sum()
        count = self.config.components if self.config.output == "gmm" else 1
        heads = self.affine("output.heads", features)
        weights = np.exp(heads[:count]) / np.exp(heads[:count]).sum()
        mu = heads[count : 3 * count].reshape(count, 2)
        sigma = np.logaddexp(0, heads[3 * count :].reshape(count, 2)) + 1e-3
        density = np.exp(-0.5 * ((x - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
        return np.log((weights * density.prod(1)).sum())

    def run(self, rows, noise):
        """Return log p(x_t | z), the KL, and log p(z_t) - log q(z_t), (T,) each, for `noise` (T, z_size)."""
        h = c = np.zeros(self.config.units)
        found = []
        for row, drawn in zip(rows, noise, strict=True):
            width = len(self.weights["mean"])
            x = (row[:width] - self.weights["mean"]) / self.weights["scale"]
            given, divergence, ratio, latent = self.given(row), 0.0, 0.0, np.zeros(0)
            features = self.network("phi_x", np.concatenate([x, given]))
            if self.config.latent != "none":
                mu, sigma = self.gaussian("posterior", np.concatenate([features, h]))
                there, wide = np.zeros_like(mu), np.ones_like(sigma)
                if self.config.latent == "prior":
                    there, wide = self.gaussian("prior", np.concatenate([h, given]))
                apart = (sigma**2 + (mu - there) ** 2) / (2 * wide**2)
                divergence = (np.log(wide / sigma) + apart - 0.5).sum()
                z = mu + sigma * drawn
                ratio = (np.log(sigma / wide) + 0.5 * drawn**2 - 0.5 * ((z - there) / wide) ** 2).sum()
                latent = self.network("phi_z", z)
            heard = self.network("decoder", np.concatenate([latent, h, given]))
            found.append((self.output(heard, x), divergence, ratio))
            inputs = np.concatenate([features, latent])
            gates = self.weights["cell.weight_ih_l0"] @ inputs + self.weights["cell.bias_ih_l0"]
            gates = gates + self.weights["cell.weight_hh_l0"] @ h + self.weights["cell.bias_hh_l0"]
            i, f, g, o = np.split(gates, 4)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
        return np.array(found).T


def built(latent, form, kind):
    vrnn = model(replace(TINY, latent=latent, form=form, output=kind, components=3), seed=5)
    with torch.no_grad():
        for parameter in vrnn.parameters():  # far from where biases are small and every sigma the same
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
        if form == "feel":
            vrnn.mean[:], vrnn.scale[:] = torch.tensor([0.4, -0.1]), torch.tensor([0.3, 0.7])
    return vrnn, (rolls if form == "roll" else hits)(*LENGTHS, seed=2)


EVERY = [
    (latent, form, kind)
    for latent in ("prior", "fixed", "none")
    for form, kind in (("roll", "bernoulli"), ("feel", "gauss"), ("feel", "gmm"))
]


@pytest.mark.parametrize(("latent", "form", "kind"), EVERY)
def test_the_bound_is_that_of_the_equations(latent, form, kind):
    vrnn, sequences = built(latent, form, kind)
    rows = padded(sequences)
    torch.manual_seed(3)
    with torch.no_grad():
        steps = vrnn(rows)
    packed = vrnn.pack(rows)
    torch.manual_seed(3)
    noise = packed.back(torch.randn((len(packed.x), 1, TINY.z_size))[:, 0]).double().numpy()
    reference, total = Reference(vrnn), []
    for number, sequence in enumerate(sequences):
        length = len(sequence)
        likelihood, divergence, _ = reference.run(sequence.astype(np.float64), noise[number, :length])
        total.append((likelihood - divergence).sum())
        np.testing.assert_allclose(steps.log_likelihood[number, :length], likelihood, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(steps.kl[number, :length], divergence, rtol=1e-4, atol=1e-4)
    if latent == "none":  # nothing is drawn: the figure that is told, frame for frame alike
        found = measure(vrnn, sequences)
        assert found.bound == pytest.approx(sum(total) / sum(LENGTHS), rel=1e-5)
        np.testing.assert_allclose(found.pieces.bound, total, rtol=1e-5)


@pytest.mark.parametrize(("latent", "form", "kind"), [each for each in EVERY if each[0] != "none"])
def test_importance_sampling_weighs_whole_sequences(latent, form, kind):
    vrnn, sequences = built(latent, form, kind)
    rows, samples = padded(sequences), 4
    torch.manual_seed(3)
    with torch.no_grad():
        found = estimate(vrnn, rows, samples, resample=False).log_likelihood.sum(1)
    packed = vrnn.pack(rows)
    torch.manual_seed(3)
    noise = packed.back(torch.randn((len(packed.x), samples, TINY.z_size))).double().numpy()
    reference = Reference(vrnn)
    for number, sequence in enumerate(sequences):
        weights = []
        for sample in range(samples):
            drawn = noise[number, : len(sequence), sample]
            likelihood, _, ratio = reference.run(sequence.astype(np.float64), drawn)
            weights.append((likelihood + ratio).sum())
        expected = np.logaddexp.reduce(weights) - np.log(samples)
        assert float(found[number]) == pytest.approx(expected, rel=1e-4)
