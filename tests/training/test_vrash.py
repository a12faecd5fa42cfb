"""VRASH and its baselines: bounds, masks, and figures against independent computations."""

import math
from dataclasses import replace

import pytest
import torch

from training.config import Stage
from training.loss import NATS_PER_BIT
from training.vrash.bound import bound, log_likelihood, nats_of_notes, notes
from training.vrash.model import ELEMENTS, VRASH, ModelConfig

SIZES = ModelConfig(
    sources=("a", "b"), notes=12, embedding=6, label=3, encoder=16, units=24, depth=2, head=12, z_size=4
)
KINDS = [(family, cell) for family in ("vrash", "vae", "lm") for cell in ("highway", "lstm")]
STAGE = Stage("notes", beta=1.0, free_bits=0.0)


def build(family="vrash", cell="highway", **sizes):
    torch.manual_seed(1)
    return VRASH(replace(SIZES, family=family, cell=cell, **sizes)).eval()


def batch(count=5, length=12, seed=0):
    generator = torch.Generator().manual_seed(seed)
    columns = [torch.randint(0, size, (count, length), generator=generator) for size in (11, 8, 10)]
    labels = [torch.randint(0, size, (count, 1), generator=generator).expand(-1, length) for size in (2, 16)]
    return torch.stack([*columns, *labels], -1)


def padded(phrases, lengths):
    cut = phrases.clone()
    for row, length in enumerate(lengths):
        cut[row, length:] = -1
    return cut


def loss_of(model, phrases, stage=STAGE):
    torch.manual_seed(5)
    value, figures = notes(model, phrases, stage, 1)
    return float(value.detach()), figures


@pytest.mark.parametrize(("family", "cell"), KINDS)
@torch.no_grad()
def test_padding_changes_no_figure(family, cell):
    model = build(family, cell, z_size=4)
    phrases = padded(batch(), [12, 7, 1, 10, 12])
    wider = torch.cat([phrases, torch.full((5, 9, 5), -1)], 1)
    assert loss_of(model, phrases)[0] == pytest.approx(loss_of(model, wider)[0], rel=1e-6)
    for key, value in loss_of(model, phrases)[1].items():
        assert value == pytest.approx(loss_of(model, wider)[1][key], rel=1e-5), key
    torch.testing.assert_close(model.posterior(phrases).mu, model.posterior(wider).mu)


@pytest.mark.parametrize(("family", "cell"), KINDS)
@torch.no_grad()
def test_the_bound_does_not_depend_on_the_batch(family, cell):
    lengths = [12, 7, 3, 10, 12, 9]
    model, phrases = build(family, cell), padded(batch(6), lengths)
    if model.encoder is not None:
        model.encoder.mu.weight.mul_(10.0)  # phrases of different KL
        model.encoder.sigma.weight.zero_()
        model.encoder.sigma.bias.fill_(-40.0)  # as little noise as there can be
    nats, divergence = bound(model, phrases)
    assert nats[1, 7:].abs().sum() == 0
    assert (float(divergence.std()) > 0.1) == (family != "lm")
    total = 0.0
    for row, length in enumerate(lengths):
        for one in (phrases[row : row + 1], phrases[row : row + 1, :length]):
            alone, told = bound(model, one)
            torch.testing.assert_close(alone[0, :length], nats[row, :length], rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(told[0], divergence[row], rtol=1e-4, atol=1e-4)
        loss, figures = loss_of(model, one)
        assert loss == pytest.approx(float(nats[row].sum() + divergence[row]) / length, rel=1e-4)
        assert figures["bound"] == pytest.approx(loss, rel=1e-4)
        total += loss * length
    assert loss_of(model, phrases)[0] == pytest.approx(total / sum(lengths), rel=1e-4)


@pytest.mark.parametrize(("family", "cell"), KINDS)
@torch.no_grad()
def test_the_teacher_forced_loss_is_the_sum_of_the_steps(family, cell):
    model, phrases = build(family, cell), batch(3)
    z = torch.randn(3, 4)
    whole = nats_of_notes(model.teacher_forced(z, phrases), phrases).sum((1, 2))
    decoder, total = model.decoder, torch.zeros(3)
    state, before = decoder.begin(z), torch.full((3, 1, ELEMENTS), -1)
    for step in range(phrases.shape[1]):
        note = phrases[:, step, :ELEMENTS]
        outputs, state = decoder.hear(z, before, phrases[:, step : step + 1, ELEMENTS:], state)
        for k in range(ELEMENTS):
            logits = decoder.logits(outputs[:, 0], [note[:, j] for j in range(k)])
            total -= logits.log_softmax(-1).gather(1, note[:, k : k + 1])[:, 0]
        before = note.unsqueeze(1)
    torch.testing.assert_close(total, whole, rtol=1e-5, atol=1e-4)


@torch.no_grad()
def test_bound_importance_sampled_and_exact_likelihood_stand_in_this_order():
    model, phrases = build(cell="lstm", z_size=1, units=8), batch(4, 6)
    for parameter in model.parameters():
        parameter.mul_(1.5)
    model.encoder.sigma.bias.fill_(0.2)  # a posterior that is off, so that the bound is, too
    grid = torch.linspace(-8, 8, 2001)
    every = grid.repeat_interleave(4).unsqueeze(1)
    copies = phrases.repeat(len(grid), 1, 1)
    given = -nats_of_notes(model.teacher_forced(every, copies), copies).sum((1, 2)).double().view(-1, 4)
    prior = -0.5 * grid.double().square() - 0.5 * math.log(2 * math.pi)
    exact = (given + prior.unsqueeze(1)).logsumexp(0) + math.log(16 / 2000)
    torch.manual_seed(0)
    copies = phrases.repeat(200, 1, 1)
    nats, divergence = bound(model, copies)
    elbo = -(nats.sum((1, 2)) + divergence).double().view(-1, 4).mean(0)
    estimates = log_likelihood(model, copies, 5).view(-1, 4).mean(0)
    many = log_likelihood(model, copies, 10).view(-1, 4).logsumexp(0) - math.log(200)
    assert (elbo < estimates).all()
    assert (estimates < exact + 0.02).all()
    torch.testing.assert_close(many, exact, atol=0.1, rtol=0)


@torch.no_grad()
def test_a_language_model_has_its_likelihood_itself():
    model, phrases = build("lm"), batch()
    nats, divergence = bound(model, phrases)
    assert float(divergence.abs().max()) == 0.0
    torch.testing.assert_close(-log_likelihood(model, phrases), nats.double().sum((1, 2)))


@pytest.mark.parametrize(("family", "cell"), KINDS)
def test_it_learns_one_batch_by_heart(family, cell):
    model, phrases = build(family, cell, depth=1, units=48, head=32).train(), padded(batch(2, 8), [8, 6])
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    stage = replace(STAGE, beta=0.01)
    for iteration in range(100):
        loss, _ = notes(model, phrases, stage, iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss_of(model.eval(), phrases, stage)[0] < 0.6  # from seven nats a note


@torch.no_grad()
def test_who_hears_what():
    phrases, z = batch(2), torch.randn(2, 4)
    other = phrases.clone()
    other[:, 3, :3] = (other[:, 3, :3] + 1) % 8
    heard = {}
    for family in ("vrash", "vae", "lm"):
        model = build(family)
        logits = [model.teacher_forced(z, some)[0] for some in (phrases, other)]
        torch.testing.assert_close(logits[0][:, :4], logits[1][:, :4])
        of_latent = model.teacher_forced(z + 1.0, phrases)[0]
        heard[family] = (
            not torch.allclose(logits[0][:, 4:], logits[1][:, 4:]),
            not torch.allclose(of_latent, logits[0]),
        )
    assert heard == {"vrash": (True, True), "vae": (False, True), "lm": (True, False)}


@torch.no_grad()
def test_drawing_with_the_same_noise_is_the_same_and_follows_the_likelihood():
    model = build()
    z, labels = torch.randn(2, 4), torch.tensor([[0, 3], [-1, -1]])
    noise = [-torch.empty(2, 9, size).exponential_().log() for size in (11, 12, 11)]
    drawn = model.generate(z, labels, 9, 0.8, noise)
    assert torch.equal(drawn, model.generate(z, labels, 9, 0.8, noise))
    logits = model.teacher_forced(z, drawn)
    for k in range(ELEMENTS):
        assert torch.equal((logits[k] / 0.8 + noise[k]).argmax(-1), drawn[..., k])
    likely = model.generate(z, labels, 9, 0.0)
    assert torch.equal(model.teacher_forced(z, likely)[1].argmax(-1), likely[..., 1])


def test_notes_that_are_left_out_are_only_left_out_in_training():
    model, phrases, z = build(dropout=0.5), batch(), torch.randn(5, 4)
    whole = build()
    torch.manual_seed(0)
    torch.testing.assert_close(model.teacher_forced(z, phrases)[0], whole.teacher_forced(z, phrases)[0])
    model.train()
    assert not torch.allclose(model.teacher_forced(z, phrases)[0], whole.teacher_forced(z, phrases)[0])


@torch.no_grad()
def test_the_figures_are_the_parts_of_the_bound():
    model, phrases = build(), padded(batch(), [12, 7, 1, 10, 12])
    value, figures = loss_of(model, phrases)
    assert figures["bound"] == pytest.approx(value, rel=1e-5)
    parts = [figures[f"{name}_nats"] for name in ("delay", "pitch_class", "octave")]
    assert sum(parts) == pytest.approx(figures["nats_per_step"], rel=1e-5)
    count = 12 + 7 + 1 + 10 + 12
    kl_nats = figures["kl_bits"] * NATS_PER_BIT * 5 / count
    assert figures["nats_per_step"] + kl_nats == pytest.approx(figures["bound"], rel=1e-5)
