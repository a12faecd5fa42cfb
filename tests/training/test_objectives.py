"""Losses of validation compare with one another; scheduled sampling changes what is heard, and only that."""

from dataclasses import replace
from math import exp

import pytest
import torch
from small import TINY

from training.config import Stage
from training.configfile import load
from training.loss import NATS_PER_BIT, cross_entropy, kl
from training.musicvae.model import MusicVAE
from training.musicvae.objectives import OBJECTIVES, decode, mixed
from training.papers import CONFIGS


@pytest.mark.parametrize("objective", ["codes", "windows"])
@torch.no_grad()
def test_a_growing_beta_grows_in_training_and_is_the_last_in_validation(objective):
    torch.manual_seed(0)
    model = MusicVAE(TINY)
    tokens = torch.randint(0, 130, (2, 16, 16, 3))
    stage = Stage(objective, beta=0.5, beta_rate=0.99, free_bits=0.0)

    def loss(stage, iteration):
        torch.manual_seed(1)
        return float(OBJECTIVES[objective](model, tokens, stage, iteration)[0])

    model.train()
    assert loss(stage, 1) < loss(stage, 50) < loss(stage, 5000)
    model.eval()
    final = loss(replace(stage, beta_rate=0.0), 1)
    assert loss(stage, 1) == loss(stage, 50) == final


def training_model():
    torch.manual_seed(0)
    model = MusicVAE(TINY).train()
    return model, torch.stack(
        [torch.randint(0, v, (40, 16), dtype=torch.int64) for v in TINY.vocabularies], -1
    )


@pytest.mark.parametrize(("rate", "iteration"), [(500.0, 0), (500.0, 2500), (500.0, 3107), (2000.0, 5576)])
@torch.no_grad()
def test_the_share_of_the_truth_that_is_heard_is_the_inverse_sigmoid(rate, iteration):
    model, tokens = training_model()
    contexts = torch.randn(40, TINY.code)
    for decoder in model.bottoms:  # the model itself always says 1
        decoder.output.weight.zero_()
        decoder.output.bias.fill_(-1e4)
        decoder.output.bias[1] = 1e4
    tokens[tokens == 1] = 2
    heard = mixed(model, contexts, tokens, rate, iteration)
    kept = heard == tokens
    assert bool((kept | (heard == 1)).all())
    expected = rate / (rate + exp(iteration / rate))
    assert float(kept.float().mean()) == pytest.approx(expected, abs=0.04)  # of 1,920


@pytest.mark.parametrize("name", ["drums", "melody"])
@torch.no_grad()
def test_the_shipped_schedules_keep_what_their_configurations_say(name):
    (stage,) = load(CONFIGS / f"{name}.toml").stages
    model, tokens = training_model()
    contexts = torch.randn(40, TINY.code)
    shares = [
        float((mixed(model, contexts, tokens, stage.scheduled_sampling, iteration) == tokens).float().mean())
        for iteration in (5_600, 10_000, 15_200, 10**9)
    ]
    assert shares == pytest.approx([0.99, 0.93, 0.5, 0.0], abs=0.04)


@torch.no_grad()
def test_a_missing_voice_stays_missing_under_scheduled_sampling():
    model, tokens = training_model()
    tokens[..., 1] = -1
    heard = mixed(model, torch.randn(40, TINY.code), tokens, 1.0, 10**6)
    assert bool((heard[..., 1] == -1).all())
    assert bool((heard[..., 0] >= 0).all())
    assert not torch.equal(heard[..., 0], tokens[..., 0])


@torch.no_grad()
def test_scheduled_sampling_leaves_targets_and_encoder_the_truth():
    model, tokens = training_model()
    contexts, stage = torch.randn(40, TINY.code), Stage("windows", scheduled_sampling=1.0)
    torch.manual_seed(3)
    heard = mixed(model, contexts, tokens, 1.0, 10**6)
    assert float((heard == tokens).float().mean()) < 0.1
    logits = model.teacher_forced(contexts, heard)
    expected = sum(cross_entropy(voice, tokens[..., v]) for v, voice in enumerate(logits))
    torch.manual_seed(3)
    torch.testing.assert_close(decode(model, contexts, tokens, stage, 10**6)[0], expected)
    windows = tokens[:32].unflatten(0, (2, 16))
    truth = float(kl(*model.encoder(windows)).mean()) / NATS_PER_BIT
    told = OBJECTIVES["windows"](model, windows, stage, 10**6)[1]
    assert told["kl_bits"] == pytest.approx(truth, rel=1e-5)
    model.eval()  # validation hears the truth
    torch.testing.assert_close(
        decode(model, contexts, tokens, stage, 10**6)[0],
        sum(cross_entropy(v, tokens[..., k]) for k, v in enumerate(model.teacher_forced(contexts, tokens))),
    )
