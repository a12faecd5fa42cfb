"""The module of a tune: it writes what the Python model says, and its state is what it has heard."""

import math

import pytest
import torch

from engine.codec import HOLD
from engine.noise import gumbel
from training.data.notes import MEDIAN, RATIOS
from training.vrash.exported import NOISE, PACE_UNIT, PACES, STEPS, exported
from training.vrash.model import VRASH, ModelConfig, beyond
from training.vrash.playing import rows

SIZES = ModelConfig(embedding=6, label=3, encoder=8, units=20, depth=2, head=12, z_size=4, sources=("a", "b"))
LABEL = (1, 2)
KINDS = [("vrash", "highway"), ("vrash", "lstm"), ("vae", "highway"), ("lm", "lstm")]


def model(family="vrash", cell="highway"):
    torch.manual_seed(3)
    made = VRASH(
        ModelConfig(**{**{n: getattr(SIZES, n) for n in SIZES.__slots__}, "family": family, "cell": cell})
    )
    for parameter in made.parameters():
        parameter.data.mul_(3.0)  # else what it has heard would hardly matter
    return made.eval()


def scripted(made):
    return torch.jit.script(exported(made, "b", 8 * LABEL[1] + 3))


def noise_of(bar, loop=0):
    return [torch.from_numpy(block) for block in gumbel(11, loop, bar, STEPS, NOISE)]


def latent(seed=0, pace=0.0):
    return torch.cat([torch.randn(4, generator=torch.Generator().manual_seed(seed)), torch.tensor([pace])])


@torch.inference_mode()
def played(module, z, bars, heat=1.0):
    state, written = module.begin(z), []
    for bar in range(bars):
        silent = torch.zeros(STEPS, 1, dtype=torch.int64)
        tokens, state, traces = module.bar(z, state, silent, 0, torch.tensor([heat]), noise_of(bar))
        assert tokens.shape == (STEPS, 1)
        assert traces.shape == (STEPS, 0)
        written.append(tokens[:, 0])
    return torch.cat(written), state


@pytest.mark.parametrize(("family", "cell"), KINDS)
@pytest.mark.parametrize(("heat", "pace"), [(1.0, 12), (0.0, 12), (0.7, 24), (1.3, 6), (1.0, 8)])
def test_it_writes_exactly_what_the_python_model_writes(family, cell, heat, pace):
    made = model(family, cell)
    z = latent(pace=PACE_UNIT * (PACES.index(pace) - 2))
    tokens, _ = played(scripted(made), z, 4, heat)
    assert torch.equal(tokens, rows(made, z, [noise_of(bar) for bar in range(4)], heat, LABEL).flatten())
    notes = tokens[tokens != HOLD]
    assert len(notes) > 4
    assert 0 <= int(notes.min()) <= int(notes.max()) < 128


@torch.inference_mode()
@pytest.mark.parametrize(("family", "cell"), KINDS)
def test_listening_leaves_the_state_that_writing_left(family, cell):
    module, z = scripted(model(family, cell)), latent(1)
    state, heat = module.begin(z), torch.ones(1)
    for bar in range(6):
        before = state
        tokens, state, _ = module.bar(
            z, before, torch.zeros(STEPS, 1, dtype=torch.int64), 0, heat, noise_of(bar)
        )
        heard, again, _ = module.bar(z, before, tokens, STEPS, heat, noise_of(bar + 50))
        assert torch.equal(heard, tokens)
        assert torch.allclose(again, state, atol=1e-6)
        for from_step in (
            1,
            17,
            48,
            95,
        ):  # what is written anew from a step on, for no reason, stays as it was
            rest, end, _ = module.bar(z, before, tokens, from_step, heat, noise_of(bar))
            assert torch.equal(rest, tokens)
            assert torch.allclose(end, state, atol=1e-6)


@torch.inference_mode()
def test_a_latent_turned_within_a_bar_changes_only_what_follows():
    module, heat = scripted(model()), torch.ones(1)
    one, other = latent(1), latent(2)
    state = module.begin(one)
    tokens, _, _ = module.bar(one, state, torch.zeros(STEPS, 1, dtype=torch.int64), 0, heat, noise_of(0))
    turned, _, _ = module.bar(other, state, tokens, 40, heat, noise_of(0))
    assert torch.equal(turned[:40], tokens[:40])
    assert not torch.equal(turned[40:], tokens[40:])


@torch.inference_mode()
def test_what_a_delay_leaves_beyond_the_bar_line_is_kept():
    module, z = scripted(model()), latent(0, pace=PACE_UNIT)
    struck = torch.full((STEPS, 1), HOLD)
    struck[90, 0] = 60
    _, state, _ = module.bar(z, module.begin(z), struck, STEPS, torch.ones(1), noise_of(0))
    assert state[-4:].tolist() == [MEDIAN, 0, 5, 6]  # six steps since that note
    tokens, _, _ = module.bar(z, state, struck, 0, torch.ones(1), noise_of(1))
    first = int((tokens[:, 0] != HOLD).nonzero()[0])
    assert first + 6 in [max(1, math.floor(8 * ratio + 0.5)) for ratio in RATIOS]


@torch.inference_mode()
def test_after_a_silence_longer_than_any_delay_the_next_note_comes_at_once():
    module, z = scripted(model()), latent(0, pace=2 * PACE_UNIT)
    struck = torch.full((STEPS, 1), HOLD)
    struck[0, 0] = 60
    tokens, _, _ = module.bar(z, module.begin(z), struck, 80, torch.ones(1), noise_of(0))
    assert (tokens[1:80] == HOLD).all()
    assert int(tokens[80, 0]) < 128


@torch.inference_mode()
def test_hostile_prefixes_are_heard_as_nothing_where_they_are_no_notes():
    module, z = scripted(model()), latent()
    for token in (128, HOLD, 5000, -7):
        strange = torch.full((STEPS, 1), token)
        tokens, state, _ = module.bar(z, module.begin(z), strange, STEPS, torch.ones(1), noise_of(0))
        assert torch.equal(tokens, strange)
        assert torch.equal(state, module.begin(z))
    state = module.begin(z)
    for bar in range(40):  # a silence of any length
        silence = torch.full((STEPS, 1), HOLD)
        silence[0, 0] = 60 if bar == 0 else HOLD
        _, state, _ = module.bar(z, state, silence, STEPS, torch.ones(1), noise_of(bar))
    assert float(state[-1]) == 40 * STEPS
    assert torch.isfinite(state).all()


def test_no_pitch_is_beyond_midi():
    assert beyond(torch.tensor([0, 7, 8, 11])).sum(-1).tolist() == [0, 0, 1, 1]
