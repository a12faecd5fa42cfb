"""The start of the window level: components against their definition, delay lines against the codes."""

import torch

from training.loss import NATS_PER_BIT, kl
from training.musicvae import delayline
from training.musicvae.model import ModelConfig, MusicVAE

CONFIG = ModelConfig(
    bars=5, steps_per_bar=8, embedding=8, bar_encoder=16, sequence_encoder=96, z_size=24, conductor=128,
    code=8, decoder=16,
)  # fmt: skip


def music(count: int) -> torch.Tensor:
    """Windows whose bars come back, so that the codes hang together as those of music do."""
    generator = torch.Generator().manual_seed(0)
    columns = [torch.randint(0, v, (12, 8), generator=generator) for v in CONFIG.vocabularies]
    phrases = torch.stack(columns, dim=-1)
    first, second = torch.randint(0, 12, (2, count), generator=generator)
    return torch.stack([phrases[first], phrases[second], phrases[first], phrases[second], phrases[first]], 1)


def test_components_are_the_linear_gaussian_model_of_the_codes():
    torch.manual_seed(0)
    codes = torch.randn(4000, 3) @ torch.tensor([[3.0, 0, 0], [0, 1.0, 0], [0.5, 0, 0.1]]) + 2.0
    parts = delayline.components(codes, 4, distortion=0.04)
    # What z says and the distortion left make up the covariance; the weakest component is all distortion.
    told = parts.decode.T @ parts.decode
    left = codes.T.cov() - told
    values = torch.linalg.eigvalsh(left)
    torch.testing.assert_close(values[1:], torch.full((2,), 0.04), rtol=0.05, atol=1e-3)
    assert 0 <= float(values[0]) < 0.04
    # The aggregated posterior is the prior, and a component that says nothing is the prior in every window.
    torch.testing.assert_close(parts.mu.var(0) + parts.sigma.square(), torch.ones(4), rtol=1e-3, atol=1e-3)
    assert parts.sigma[2:].tolist() == [1.0, 1.0]
    assert not parts.mu[:, 2:].any()
    variances = torch.linalg.eigvalsh(codes.T.cov())[1:]
    expected = 0.5 * torch.log2(variances / 0.04).sum()
    bits = kl(parts.mu, parts.sigma.expand_as(parts.mu)).mean() / NATS_PER_BIT
    torch.testing.assert_close(bits, expected, rtol=0.01, atol=0.0)


def test_the_conductor_begins_with_the_codes_of_its_windows():
    torch.manual_seed(1)
    model, tokens = MusicVAE(CONFIG).eval(), music(300)
    delayline.start(model, tokens, distortion=0.05)
    with torch.no_grad():
        features = model.encoder.features(tokens.flatten(0, 1))
        codes = model.encoder.codes(features).unflatten(0, tokens.shape[:2])
        posterior = model.encoder.posterior(features.unflatten(0, tokens.shape[:2]))
        error = (model.contexts(posterior.mu) - codes).square().mean((0, 2))  # a bar
    spread = (codes - codes.mean((0, 1))).square().mean()
    assert float(error.max()) < 0.1 * float(spread)
    assert float(kl(*posterior).mean()) > 5.0


def test_a_model_too_small_for_a_delay_line_keeps_its_start():
    torch.manual_seed(2)
    for config in (ModelConfig(**SMALL), ModelConfig(**SMALL | {"family": "flat"})):
        model = MusicVAE(config)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        delayline.start(model, music(4), distortion=0.1)
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


SMALL = {"bars": 5, "steps_per_bar": 8, "bar_encoder": 8, "sequence_encoder": 2, "z_size": 4, "conductor": 8}
