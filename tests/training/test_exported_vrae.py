"""The module that plays a VRAE writes what the Python model writes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_vrae import KINDS, LONG, SMALL, called, model_of

from engine.noise import gumbel
from training.packing import script
from training.vrae.exported import exported
from training.vrae.playing import rows

WARM = torch.ones(1)


def noise_of(bars, config, seed=0):
    """The engine's noise, a bar (steps, 88) each."""
    return [torch.from_numpy(gumbel(seed, 0, bar, config.bar, [88])[0]) for bar in range(bars)]


def run(module, z, blocks, temperature=WARM):
    state, frames = module.begin(z), []
    for block in blocks:
        empty = torch.zeros(block.shape, dtype=torch.int64)
        bar, state, traces = module.bar(z, state, empty, 0, temperature, [block])
        assert traces.shape == (len(block), 0)
        frames.append(bar)
    return torch.cat(frames)


@pytest.mark.parametrize("config", [*KINDS, LONG], ids=called)
@pytest.mark.parametrize("frozen", [False, True])
def test_it_writes_what_the_model_writes_bar_after_bar(config, frozen):
    model = model_of(config)
    module = script(exported(model))
    if frozen:
        module = torch.jit.freeze(module, ["begin", "bar"])
    z = torch.randn(config.z_size)
    blocks = noise_of(5, config)
    expected = rows(model, z, [[block] for block in blocks], 0.8)
    with torch.inference_mode():
        written = run(module, z, blocks, torch.tensor([0.8]))
    assert torch.equal(written, expected.flatten(0, 1))
    first = config.lowest - 21
    assert written[:, first : first + config.pitches].any()
    assert int(written.sum()) == int(written[:, first : first + config.pitches].sum())


@pytest.mark.parametrize("config", KINDS, ids=called)
def test_a_prefix_is_given_back_and_the_rest_goes_on_from_it(config):
    module = script(exported(model_of(config)))
    z, (block, *_) = torch.randn(config.z_size), noise_of(1, config)
    state = module.begin(z)
    whole, after, _ = module.bar(z, state, torch.zeros(8, 88, dtype=torch.int64), 0, WARM, [block])
    for from_step in (3, 8):
        again, state_again, _ = module.bar(z, state, whole, from_step, WARM, [block])
        assert torch.equal(again, whole)
        torch.testing.assert_close(state_again, after)
    other = torch.ones(8, 88, dtype=torch.int64)
    bar, _, _ = module.bar(z, state, other, 4, WARM, [block])
    assert torch.equal(bar[:4], other[:4])
    if config.feedback == "outputs":
        assert torch.equal(bar[4:], whole[4:])


def test_it_is_a_pure_function():
    module = script(exported(model_of(SMALL)))
    z, (block, *_) = torch.randn(4), noise_of(1, SMALL)
    state, empty = module.begin(z), torch.zeros(8, 88, dtype=torch.int64)
    kept = [tensor.clone() for tensor in (z, state, empty, block)]
    first = module.bar(z, state, empty, 0, WARM, [block])
    second = module.bar(z, state, empty, 0, WARM, [block])
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(kept, (z, state, empty, block), strict=True))


@settings(max_examples=20, deadline=None)
@given(st.floats(-3.6, 40.0), st.floats(0.0, 5.0))
def test_no_noise_and_no_temperature_breaks_it(extreme, heat):
    module = exported(model_of(SMALL))
    block = torch.full((8, 88), extreme)
    empty = torch.zeros(8, 88, dtype=torch.int64)
    z = torch.randn(4)
    frames, state, _ = module.bar(z, module.begin(z), empty, 0, torch.tensor([heat]), [block])
    assert set(np.unique(frames.numpy()).tolist()) <= {0, 1}
    assert bool(torch.isfinite(state).all())
