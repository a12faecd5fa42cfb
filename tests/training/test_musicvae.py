"""The model: shapes, exactness of its two ways of decoding, and that it can learn."""

import pytest
import torch
from small import TINY

from training.config import Stage
from training.loss import NATS_PER_BIT, kl
from training.musicvae.model import ModelConfig, MusicVAE
from training.musicvae.objectives import OBJECTIVES, trained_parts

FLAT = ModelConfig(
    family="flat", embedding=8, bar_encoder=16, sequence_encoder=16, z_size=8, code=8, decoder=16
)


def music(count: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    columns = [torch.randint(0, v, (count, 16, 16), generator=generator) for v in TINY.vocabularies]
    return torch.stack(columns, dim=-1)


@pytest.mark.parametrize("config", [TINY, FLAT])
def test_generation_has_the_shape_and_range_of_windows(config):
    torch.manual_seed(0)
    model = MusicVAE(config).eval()
    tokens = model.generate(torch.randn(3, config.z_size))
    assert tokens.shape == (3, 16, 16, 3)
    for voice, vocabulary in enumerate(config.vocabularies):
        assert 0 <= int(tokens[..., voice].min()) <= int(tokens[..., voice].max()) < vocabulary


@pytest.mark.parametrize("config", [TINY, FLAT])
def test_sampling_step_by_step_writes_what_the_teacher_forced_pass_predicts(config):
    torch.manual_seed(1)
    model = MusicVAE(config).eval()
    contexts = model.contexts(torch.randn(2, config.z_size)).flatten(0, 1)
    steps = 16 if config.family == "hierarchical" else 256
    noise = [-torch.empty(len(contexts), steps, v).exponential_().log() for v in config.vocabularies]
    drawn = model.sample(contexts, steps, 0.7, noise)
    for voice, logits in enumerate(model.teacher_forced(contexts, drawn)):
        assert torch.equal((logits / 0.7 + noise[voice]).argmax(-1), drawn[..., voice])


def test_bars_of_the_hierarchical_decoder_do_not_hear_each_other():
    torch.manual_seed(2)
    model = MusicVAE(TINY).eval()
    codes = model.contexts(torch.randn(1, TINY.z_size))[0]
    other = codes.clone()
    other[0] += 1.0
    first, second = model.sample(codes, 16, 0.0), model.sample(other, 16, 0.0)
    assert torch.equal(first[1:], second[1:])


def test_a_missing_voice_changes_neither_its_loss_nor_the_bound_of_others():
    torch.manual_seed(3)
    model = MusicVAE(TINY).eval()
    alone = music(4)
    alone[..., 1:] = -1
    loss, figures = OBJECTIVES["bars"](model, alone[:, 0], Stage("bars"), 0)
    assert figures["bass_accuracy"] == figures["drums_accuracy"] == 0.0
    logits = model.teacher_forced(model.encoder.codes(model.encoder.features(alone[:, 0])), alone[:, 0])[0]
    expected = torch.nn.functional.cross_entropy(logits.transpose(1, 2), alone[:, 0, :, 0])
    torch.testing.assert_close(loss, expected)


def sure(config, seed):
    """Return a model whose posterior has a sigma of 1e-4, as little noise as there can be."""
    torch.manual_seed(seed)
    model = MusicVAE(config).eval()
    with torch.no_grad():
        model.encoder.sigma.weight.zero_()
        model.encoder.sigma.bias.fill_(-40.0)
    return model


def nats_of(model, tokens):
    """Return the nats (B,) of windows given the mean of their posteriors, voice by voice and step by step."""
    contexts = model.contexts(model.encoder(tokens).mu).flatten(0, 1)
    runs = model.spans(tokens).flatten(0, 1)
    nats = torch.zeros(len(runs))
    for v, decoder in enumerate(model.bottoms):
        state = decoder.initial_state(contexts)
        before = torch.full((len(runs), 1), decoder.start)
        for step in range(runs.shape[1]):
            logits, state = decoder(contexts, before, state)
            truth = runs[:, step, v]
            scores = logits[:, 0] - logits[:, 0].logsumexp(-1, keepdim=True)
            own = -scores.gather(1, truth.clamp(min=0).unsqueeze(1))[:, 0]
            nats += torch.where(truth < 0, torch.zeros(()), own)
            before = truth.clamp(min=0).unsqueeze(1)
    return nats.view(len(tokens), -1).sum(1)


@pytest.mark.parametrize("config", [TINY, FLAT], ids=["hierarchical", "flat"])
@torch.no_grad()
def test_the_loss_is_the_sum_of_its_steps_and_the_mean_of_its_windows(config):
    model, tokens = sure(config, 4), music(4)
    tokens[1, ..., 1], tokens[2, ..., 2] = -1, -1  # voices that a song lacks
    model.encoder.mu.weight.mul_(100.0)  # windows of different KL
    divergence = kl(*model.encoder(tokens))
    free = float(divergence.median())  # half of them cost nothing
    stage = Stage("windows", beta=0.5, free_bits=free / NATS_PER_BIT)
    by_hand = nats_of(model, tokens) + 0.5 * (divergence - free).clamp(min=0.0)
    assert float(divergence.max()) > free + 1.0
    whole, figures = OBJECTIVES["windows"](model, tokens, stage, 0)
    torch.testing.assert_close(whole, by_hand.mean() / 256, rtol=1e-3, atol=1e-4)
    assert figures["kl_bits"] == pytest.approx(float(divergence.mean()) / NATS_PER_BIT, rel=1e-5)
    for index in range(4):
        alone = OBJECTIVES["windows"](model, tokens[index : index + 1], stage, 0)[0]
        torch.testing.assert_close(alone, by_hand[index] / 256, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("config", [TINY, FLAT], ids=["hierarchical", "flat"])
@torch.no_grad()
def test_a_missing_voice_costs_a_window_nothing(config):
    model, alone = sure(config, 3), music(3)
    alone[..., 1:] = -1
    stage = Stage("windows", beta=0.0)
    before, figures = OBJECTIVES["windows"](model, alone, stage, 0)
    assert figures["bass_accuracy"] == figures["drums_accuracy"] == 0.0
    assert float(before) > 0
    for decoder in model.bottoms[1:]:  # what they would say does not matter
        decoder.output.bias.normal_(0.0, 3.0)
    torch.testing.assert_close(OBJECTIVES["windows"](model, alone, stage, 0)[0], before, rtol=1e-3, atol=1e-5)


def test_a_random_quarter_of_the_bars_estimates_the_whole_without_bias():
    torch.manual_seed(5)
    model = MusicVAE(TINY)
    tokens = music(1)
    stage, quarter = Stage("windows", beta=0.0), Stage("windows", beta=0.0, bars_decoded=4)
    with torch.no_grad():
        whole = torch.stack([OBJECTIVES["windows"](model, tokens, stage, 0)[0] for _ in range(200)])
        parts = torch.stack([OBJECTIVES["windows"](model, tokens, quarter, 0)[0] for _ in range(800)])
    assert float((parts.mean() - whole.mean()).abs()) < 4 * float(parts.std()) / 800**0.5 + 1e-4


@pytest.mark.parametrize("family", ["hierarchical", "flat"])
def test_a_model_learns_one_batch_by_heart(family):
    torch.manual_seed(6)
    config = ModelConfig(
        family=family, bars=2, steps_per_bar=4, embedding=16, bar_encoder=32, sequence_encoder=32, z_size=16,
        conductor=32, code=16, decoder=48,
    )  # fmt: skip
    model = MusicVAE(config)
    tokens = music(4)[:, :2, :4]
    stage = Stage("windows", beta=0.0)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for iteration in range(150):
        loss, _ = OBJECTIVES["windows"](model, tokens, stage, iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < 0.5
    _, figures = OBJECTIVES["windows"](model.eval(), tokens, stage, 0)
    assert figures["melody_accuracy"] > 0.95


def test_codes_move_only_the_upper_level():
    torch.manual_seed(7)
    model = MusicVAE(TINY)
    stage = Stage("codes")
    loss, _ = OBJECTIVES["codes"](model, music(2), stage, 0)
    loss.backward()
    moved = {id(p) for part in trained_parts(model, stage) for p in part.parameters()}
    for parameter in model.parameters():
        assert (parameter.grad is not None) == (id(parameter) in moved)


def test_windows_leave_the_bar_encoder_alone_where_the_stage_says_so():
    torch.manual_seed(8)
    model, tokens = MusicVAE(TINY), music(2)
    whole, part = Stage("windows"), Stage("windows", bar_encoder=False)
    torch.manual_seed(0)
    expected, _ = OBJECTIVES["windows"](model, tokens, whole, 0)
    torch.manual_seed(0)
    loss, _ = OBJECTIVES["windows"](model, tokens, part, 0)
    assert torch.equal(loss, expected)
    loss.backward()
    moved = {id(p) for module in trained_parts(model, part) for p in module.parameters()}
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == (id(parameter) in moved), name
    assert len(moved) < len({id(p) for part in trained_parts(model, whole) for p in part.parameters()})
