"""The exported forms of the VRNN write what the Python model writes for the same noise, and are pure."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.noise import gumbel
from training.packing import script
from training.vrnn import exported as exported_vrnn
from training.vrnn import exported_feel
from training.vrnn.model import VRNN, VRNNConfig
from training.vrnn.playing import hits, rows

STEPS = 8
CONFIG = VRNNConfig(features=16, units=12, z_size=5)
FEEL = replace(CONFIG, form="feel", output="gmm", components=4)


def lively(config: VRNNConfig, seed: int = 0) -> VRNN:
    """A model whose outputs differ from each other."""
    torch.manual_seed(seed)
    model = VRNN(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.5)
        if config.form == "feel":
            model.mean.copy_(torch.tensor([0.55, -0.06]))
            model.scale.copy_(torch.tensor([0.27, 0.2]))
    return model.eval()


def noise(bar: int, *widths: int, rows: int = STEPS) -> list[Tensor]:
    return [torch.from_numpy(block) for block in gumbel(1, 0, bar, rows, widths)]


@pytest.mark.parametrize("latent", ["prior", "fixed"])
@pytest.mark.parametrize("warm", [1.0, 0.6, 0.0])
@torch.no_grad()
def test_a_chorale_bar_is_the_python_model_s(latent, warm):
    model = lively(replace(CONFIG, latent=latent))
    module = script(exported_vrnn.exported(model))
    z = torch.linspace(-1, 1, 6)
    blocks = noise(0, 5, 88)
    expected = rows(model, z, [blocks], warm)[0]
    empty = torch.zeros((STEPS, 88), dtype=torch.int64)
    tokens, state, traces = module.bar(z, module.begin(z), empty, 0, torch.tensor([warm]), blocks)
    assert torch.equal(tokens, expected)
    assert 0 < tokens.sum() < tokens.numel()
    assert traces.shape == (STEPS, len(exported_vrnn.TRACES))
    assert (traces >= 0).all()
    heard = module.bar(z * 3, module.begin(z), tokens, STEPS, torch.tensor([1.0]), noise(5, 5, 88))
    assert torch.equal(heard[0], tokens)
    torch.testing.assert_close(heard[1], state)
    torch.testing.assert_close(heard[2], traces)


@torch.no_grad()
def test_a_prefix_is_given_back_and_goes_on_as_it_went():
    module = script(exported_vrnn.exported(lively(CONFIG)))
    z, blocks, warm = torch.zeros(6), noise(0, 5, 88), torch.tensor([1.0])
    before = module.begin(z)
    kept = before.clone()
    whole = module.bar(z, before, torch.zeros((STEPS, 88), dtype=torch.int64), 0, warm, blocks)
    prefix = whole[0].clone()
    prefix[5:] = 7  # rows to come are not read
    again = module.bar(z, before, prefix, 5, warm, blocks)
    for one, other in zip(whole, again, strict=True):
        torch.testing.assert_close(one, other)
    assert torch.equal(before, kept)
    assert (prefix[5:] == 7).all()
    following = module.bar(z, whole[1], prefix, 0, warm, noise(1, 5, 88))
    assert not torch.equal(following[0], whole[0])


@torch.no_grad()
def test_traces_are_the_divergence_and_change_of_what_is_heard():
    model = lively(CONFIG)
    module = script(exported_vrnn.exported(model))
    z, heard = torch.zeros(6), (torch.rand((STEPS, 88)) < 0.1).long()
    _, _, traces = module.bar(z, module.begin(z), heard, STEPS, torch.tensor([1.0]), noise(0, 5, 88))
    features = model.features(heard[:1].float(), torch.zeros(1, 0))
    start = model.begin((1,), model.mean)[0]
    mu, sigma = model.inferred(features, start)
    prior = torch.distributions.Normal(*model.expected(start, torch.zeros(1, 0)))
    expected = torch.distributions.kl_divergence(torch.distributions.Normal(mu, sigma), prior).sum()
    torch.testing.assert_close(traces[0, 0], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(traces[0, 1], mu.square().sum())


@torch.no_grad()
def test_z_moves_the_latent_by_sigmas_and_its_last_component_spreads_it():
    model = lively(CONFIG)
    module = script(exported_vrnn.exported(model))
    empty, warm = torch.zeros((STEPS, 88), dtype=torch.int64), torch.tensor([1.0])

    def bars(z: Tensor) -> float:
        same = noise(0, 5, 88)[1]  # of the pitches: only the latents differ
        blocks = [[noise(bar, 5)[0], same] for bar in range(12)]
        drawn = [module.bar(z, module.begin(z), empty, 0, warm, block)[0] for block in blocks]
        first = torch.stack([bar[0] for bar in drawn]).float()
        return float(first.var(0).sum())

    narrow, wide = torch.zeros(6), torch.zeros(6)
    narrow[-1], wide[-1] = -3.0, 3.0
    assert bars(narrow) < bars(wide)


@pytest.mark.parametrize(("latent", "kind"), [("none", "gauss"), ("fixed", "gauss"), ("prior", "gmm")])
@pytest.mark.parametrize("warm", [1.0, 0.0])
@torch.no_grad()
def test_drums_are_played_as_the_python_model_plays_them(latent, kind, warm):
    model = lively(replace(FEEL, latent=latent, output=kind))
    module = script(exported_feel.exported(model))
    tokens = [0b101, 0, 0b100, 0, 0b110, 0, 4, 0, 1, 0, 0b100000101, 0, 6, 0, 0, 511]
    (rows,) = noise(0, 9 * exported_feel.exported(model).width, rows=16)
    rows = rows.view(16, 9, -1)
    velocities, offsets, state = module.feel(module.begin(), torch.tensor(tokens), rows, warm)
    struck = torch.tensor([[token >> drum & 1 for drum in range(9)] for token in tokens]).bool()
    assert velocities.dtype == torch.int64
    assert ((velocities > 0) == struck).all()
    assert (velocities <= 127).all()
    assert not offsets[~struck].any()
    assert (offsets.abs() <= 0.5).all()
    begun = model.begin((1,), model.mean)
    expected, held, since = hits(model, torch.tensor(tokens), rows, begun, -1.0, warm)
    torch.testing.assert_close(offsets[struck], expected[:, 1], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(velocities[struck], 1 + (expected[:, 0] * 127).clamp(max=126), atol=1.001)
    after = module.feel(state, torch.tensor(tokens), rows, warm)
    following, *_ = hits(model, torch.tensor(tokens), rows, held, since, warm)
    torch.testing.assert_close(after[1][struck], following[:, 1], rtol=1e-3, atol=1e-3)
    assert latent == "fixed" or not torch.equal(after[1], offsets)


@torch.no_grad()
def test_a_change_late_in_a_bar_leaves_what_was_struck_before():
    module = script(exported_feel.exported(lively(FEEL)))
    (rows,) = noise(0, 9 * 8, rows=16)
    tokens = torch.tensor([1, 4] * 8)
    changed = tokens.clone()
    changed[12] = 7
    plain, other = (module.feel(module.begin(), bar, rows.view(16, 9, 8), 1.0) for bar in (tokens, changed))
    torch.testing.assert_close(plain[1][:12], other[1][:12])
    assert torch.equal(plain[0][:12], other[0][:12])
    assert not torch.equal(plain[1][13:], other[1][13:])
    silent = module.feel(module.begin(), torch.zeros(16, dtype=torch.int64), rows.view(16, 9, 8), 1.0)
    assert not silent[0].any()
    torch.testing.assert_close(silent[2], module.begin())
