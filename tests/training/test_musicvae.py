"""The model: shapes, exactness of its two ways of decoding, and that it can learn."""

import pytest
import torch
from conftest import TINY

from training.config import Stage
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


def test_the_bound_does_not_depend_on_the_batch():
    torch.manual_seed(4)
    model = MusicVAE(TINY).eval()
    tokens = music(6)
    posterior = model.encoder(tokens)
    for index in range(6):
        alone = model.encoder(tokens[index : index + 1])
        torch.testing.assert_close(alone.mu[0], posterior.mu[index], rtol=1e-4, atol=1e-5)


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
