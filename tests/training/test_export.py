"""What an exported model writes beside what its Python model writes."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.manifest import Axis, read
from training.export import ExportError, export_model
from training.latents import Latents
from training.musicvae.agreement import UnsoundModelError, compare, compare_encoders, reference
from training.musicvae.exported import ExportedMusicVAE, plan
from training.musicvae.model import ModelConfig, MusicVAE
from training.packing import script

STEPS = 16
TINY = ModelConfig(
    embedding=6, bar_encoder=8, sequence_encoder=8, z_size=8, conductor=16, code=12, decoder=16, bars=4
)


def lively(config: ModelConfig = TINY) -> MusicVAE:
    """Return a random model whose codes and tokens depend on z, as a trained one's do."""
    torch.manual_seed(3)
    model = MusicVAE(config).eval()
    with torch.no_grad():
        for decoder in model.decoders:
            decoder.output.weight *= 20
            decoder.lstm.weight_hh_l0 *= 2
            decoder.lstm.weight_ih_l0 *= 2
        if model.conductor is not None:
            model.conductor.initial.weight *= 4
    return model


@pytest.fixture(scope="module")
def model() -> MusicVAE:
    return lively()


@pytest.fixture(scope="module")
def exact(model: MusicVAE) -> Any:
    return script(ExportedMusicVAE(model, quantise=False))


@pytest.fixture(scope="module")
def int8(model: MusicVAE) -> Any:
    return script(ExportedMusicVAE(model, quantise=True))


def noise(seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [-torch.empty(STEPS, v).exponential_(generator=generator).log() for v in TINY.vocabularies]


def empty() -> Tensor:
    return torch.zeros((STEPS, 3), dtype=torch.int64)


@torch.inference_mode()
def test_float32_form_writes_what_the_python_model_writes(model: MusicVAE, exact: Any) -> None:
    found = compare(exact, reference(model, 32))
    assert found.teacher_forced == found.free == (1.0, 1.0, 1.0)
    assert found.unequal == 0
    assert found.logit_difference < 1e-3
    assert found.code_difference < 1e-4


@torch.inference_mode()
def test_int8_form_is_close(model: MusicVAE, int8: Any) -> None:
    found = compare(int8, reference(model, 32))
    assert min(found.teacher_forced) > 0.9
    assert found.code_difference < 0.3


@pytest.mark.parametrize("form", ["exact", "int8"])
@torch.inference_mode()
def test_a_bar_is_a_pure_function_and_its_prefix_changes_nothing(
    form: str, request: pytest.FixtureRequest
) -> None:
    module = request.getfixturevalue(form)
    code = plan(module, torch.randn(8, generator=torch.Generator().manual_seed(1)), 3)[2]
    warm = torch.tensor([1.0, 0.7, 1.3])
    whole = module.bar(code, empty(), 0, warm, noise(5))
    assert torch.equal(module.bar(code, empty(), 0, warm, noise(5)), whole)
    for step in (1, 7, 15, 16):
        heard = whole.clone()
        heard[step:] = -1  # never read
        assert torch.equal(module.bar(code, heard, step, warm, noise(5)), whole)


@torch.inference_mode()
def test_another_latent_changes_only_what_is_not_yet_played(exact: Any) -> None:
    here, there = (plan(exact, torch.full((8,), value), 1)[0] for value in (-2.0, 2.0))
    warm = torch.ones(3)
    whole = exact.bar(here, empty(), 0, warm, noise(6))
    turned = exact.bar(there, whole, 6, warm, noise(6))
    assert torch.equal(turned[:6], whole[:6])
    assert not torch.equal(turned[6:], whole[6:])


@torch.inference_mode()
def test_the_prefix_is_heard(model: MusicVAE, exact: Any) -> None:
    code = plan(exact, torch.zeros(8), 1)[0]
    generator = torch.Generator().manual_seed(0)
    given = torch.randint(0, 130, (STEPS, 3), generator=generator)
    written = exact.bar(code, given, 9, torch.ones(3), noise(7))
    logits = model.teacher_forced(code[None], written[None])
    drawn = torch.stack([(a[0] + b).argmax(-1) for a, b in zip(logits, noise(7), strict=True)], dim=-1)
    assert torch.equal(written[:9], given[:9])
    assert torch.equal(written[9:], drawn[9:])


@torch.inference_mode()
def test_temperature_zero_takes_the_likeliest_token_of_that_voice(model: MusicVAE, exact: Any) -> None:
    code = plan(exact, torch.ones(8), 2)[1]
    cold = exact.bar(code, empty(), 0, torch.tensor([0.0, 0.0, 1.0]), noise(8))
    expected = model.sample(code[None], STEPS, 0.0)[0]
    assert torch.equal(cold[:, :2], expected[:, :2])
    assert not torch.equal(cold[:, 2], expected[:, 2])


@torch.inference_mode()
def test_tokens_stay_within_their_vocabularies(exact: Any, int8: Any) -> None:
    for module in (exact, int8):
        code = plan(module, torch.zeros(8), 1)[0]
        hot = module.bar(code, empty(), 0, torch.full((3,), 50.0), noise(9))
        assert (hot < torch.tensor(TINY.vocabularies)).all()
        assert (hot >= 0).all()


@torch.inference_mode()
def test_the_encoder_agrees_and_hears_missing_voices(model: MusicVAE, exact: Any, int8: Any) -> None:
    tokens = torch.randint(0, 130, (3, 4, STEPS, 3), generator=torch.Generator().manual_seed(2))
    tokens[0, ..., 2] = -1
    expected = model.encoder(tokens)
    for module, close in ((exact, 1e-5), (int8, 0.02)):
        mu, sigma = module.encode(tokens)
        torch.testing.assert_close(mu, expected.mu, atol=close, rtol=0)
        torch.testing.assert_close(sigma, expected.sigma, atol=close, rtol=0)


@pytest.mark.parametrize("quantise", [True, False])
def test_manifest_survives_the_file(model: MusicVAE, quantise: bool, tmp_path: Path) -> None:
    axis = Axis("density", (0.5,) * 8, -2.0, 2.0, "density +0.6", {"density": 0.6})
    latents = Latents((0.25,) * 8, (0.5,) * 8, (axis,), ((1.0,) * 8,))
    data = [{"archive": "own", "licence": "MIT"}]
    output = tmp_path / "deep" / "tiny.ts"
    report = export_model(model, output, quantise=quantise, measured=latents, data=data)
    manifest = read(output)
    assert manifest.weights == report.weights == ("int8" if quantise else "float32")
    assert (manifest.axes, manifest.anchors) == (latents.axes, latents.anchors)
    assert (manifest.latent_mean, manifest.latent_std) == (latents.mean, latents.std)
    assert manifest.data == tuple(data)
    assert (manifest.bars, manifest.z_size, manifest.family) == (4, 8, "musicvae-hierarchical")
    assert report.bytes == output.stat().st_size
    assert [path.name for path in output.parent.iterdir()] == ["tiny.ts"]


def test_export_refuses_what_cannot_play(tmp_path: Path) -> None:
    foreign = ModelConfig(voices=("melody", "bass"), z_size=8, conductor=16, decoder=16)
    with pytest.raises(
        ExportError,
        match=r"voices are melody, bass, expected those of a codec: melody, bass, drums; melody; drums",
    ):
        export_model(MusicVAE(foreign), tmp_path / "foreign.ts")
    assert not list(tmp_path.iterdir())


def test_export_refuses_a_model_that_it_renders_wrongly(tmp_path: Path) -> None:
    model = lively()
    model.decoders[1].register_forward_hook(lambda module, inputs, output: (output[0].flip(-1), output[1]))
    with pytest.raises(ExportError, match="exported and Python model differ in"):
        export_model(model, tmp_path / "wrong.ts")
    assert not list(tmp_path.iterdir())


def test_a_file_whose_rounding_writes_other_notes_is_refused(tmp_path: Path) -> None:
    model = lively()
    with torch.no_grad():  # one large weight a row, the same for all tokens, leaves little of eight bits
        for decoder in model.decoders:
            decoder.output.weight[:, 0] += 200
    with pytest.raises(ExportError, match=r"of the int8 file's tokens are .* expected 97%; --float32"):
        export_model(model, tmp_path / "rough.ts")
    assert not list(tmp_path.iterdir())
    export_model(model, tmp_path / "exact.ts", quantise=False)
    assert read(tmp_path / "exact.ts").weights == "float32"


def test_a_model_that_has_diverged_is_refused(tmp_path: Path) -> None:
    model = lively()
    with torch.no_grad():
        model.decoders[1].output.bias[7] = float("nan")
    with pytest.raises(UnsoundModelError, match=r"decoders.1.output.bias holds numbers that are not finite"):
        export_model(model, tmp_path / "diverged.ts")
    with torch.no_grad():
        model.decoders[1].output.bias[7] = 0.0
        model.decoders[1].output.weight.fill_(3e38)
    with pytest.raises(UnsoundModelError, match="the model's logits are not finite"):
        reference(model, 4)
    assert not list(tmp_path.iterdir())


def test_encoders_are_compared_with_voices_missing(exact: Any, int8: Any) -> None:
    model, other = lively(), lively()
    assert compare_encoders(exact, model) < 1e-4
    assert 0 < compare_encoders(int8, model) < 0.1
    with torch.no_grad():
        other.encoder.embeddings[2].weight[-1] += 1.0  # what stands for missing drums
    assert compare_encoders(exact, other) > 0.01
    with torch.no_grad():
        other.encoder.mu.bias[0] = float("nan")
    assert compare_encoders(exact, other) == float("inf")


def test_scripting_keeps_its_deprecation_to_itself(model: MusicVAE) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        script(ExportedMusicVAE(model, quantise=True))
