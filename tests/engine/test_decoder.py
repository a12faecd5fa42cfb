"""Model files as the engine opens them."""

import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.decoder import Decoder
from engine.latent import prior
from engine.module import DecoderError
from engine.noise import gumbel
from training.export import export_model
from training.musicvae.model import ModelConfig, MusicVAE

TINY = ModelConfig(
    embedding=6, bar_encoder=8, sequence_encoder=8, z_size=8, conductor=16, code=12, decoder=16, bars=4
)
PREFIX = np.zeros((16, 3), np.int64)
WARM = (1.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def model() -> MusicVAE:
    torch.manual_seed(3)
    model = MusicVAE(TINY).eval()
    with torch.no_grad():
        for decoder in model.decoders:
            decoder.output.weight *= 20
    return model


@pytest.fixture(scope="module")
def file(model: MusicVAE, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.ts"
    export_model(model, path)
    return path


@pytest.fixture(scope="module")
def decoder(file: Path) -> Decoder:
    return Decoder.load(file)


@torch.inference_mode()
def test_plays_what_the_float32_model_writes_for_the_engines_noise(model: MusicVAE, tmp_path: Path) -> None:
    export_model(model, tmp_path / "exact.ts", quantise=False)
    decoder = Decoder.load(tmp_path / "exact.ts")
    z = prior(5, 0, 8)
    plan = decoder.plan(z)
    plan.code(1)  # whichever bar is asked for first
    codes = np.stack([plan.code(bar) for bar in range(4)])
    expected = model.contexts(torch.from_numpy(z)[None])[0]
    np.testing.assert_allclose(codes, expected.numpy(), atol=1e-4)
    for bar in range(4):
        noise = gumbel(5, 0, bar, 16, decoder.vocabularies)
        tokens = decoder.bar(codes[bar], PREFIX, 0, WARM, noise).tokens
        drawn = model.sample(expected[bar : bar + 1], 16, 1.0, [torch.from_numpy(n)[None] for n in noise])
        assert np.array_equal(tokens, drawn[0].numpy())


def test_int8_survives_the_file_and_the_freezing(model: MusicVAE, decoder: Decoder) -> None:
    assert decoder.manifest.weights == "int8"
    assert decoder.vocabularies == (130, 130, 512)
    z = prior(6, 0, 8)
    codes = np.stack([decoder.plan(z).code(bar) for bar in range(4)])
    with torch.inference_mode():
        expected = model.contexts(torch.from_numpy(z)[None])[0].numpy()
    np.testing.assert_allclose(codes, expected, atol=0.3)
    noise = gumbel(6, 0, 0, 16, decoder.vocabularies)
    once = decoder.bar(codes[0], PREFIX, 0, WARM, noise)
    assert (once.state.size, once.traces.size) == (0, 0)
    assert np.array_equal(decoder.bar(codes[0], PREFIX, 0, WARM, noise).tokens, once.tokens)
    assert np.array_equal(decoder.bar(codes[0], once.tokens, 11, WARM, noise).tokens, once.tokens)


def test_opens_without_a_word(file: Path) -> None:
    program = f"from engine.decoder import Decoder; Decoder.load({str(file)!r})"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"memory": "bar"', '"memory": "song"', "memory is 'song', expected bar, window, endless"),
        ('"weights": "int8"', '"weights": "int4"', "weights is 'int4', expected float32 or int8"),
        ('"codec_version": 1', '"codec_version": 9', "codec_version is 9, expected 1"),
        ('"steps_per_bar": 16', '"steps_per_bar": 7', "steps_per_bar is 7, expected what divides 1920"),
    ],
)
def test_refuses_a_foreign_manifest_with_its_field(
    file: Path, tmp_path: Path, old: str, new: str, message: str
) -> None:
    changed = rewritten(file, tmp_path / "changed.ts", lambda text: text.replace(old, new))
    with pytest.raises(DecoderError, match=rf"changed\.ts.*{message}"):
        Decoder.load(changed)


def test_refuses_what_is_no_model(file: Path, tmp_path: Path) -> None:
    with pytest.raises(DecoderError, match=r"none\.ts"):
        Decoder.load(tmp_path / "none.ts")
    (tmp_path / "text.ts").write_text("no zip")
    with pytest.raises(DecoderError, match=r"text\.ts: not a readable model file"):
        Decoder.load(tmp_path / "text.ts")
    (tmp_path / "half.ts").write_bytes(file.read_bytes()[:-5000])
    with pytest.raises(DecoderError, match=r"half\.ts"):
        Decoder.load(tmp_path / "half.ts")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(tmp_path / "bare.ts", "w") as bare:
        name = next(name for name in source.namelist() if name.endswith("extra/manifest.json"))
        bare.writestr(name, source.read(name))
    with pytest.raises(DecoderError, match=r"bare\.ts: torch .* cannot load the module"):
        Decoder.load(tmp_path / "bare.ts")


def test_names_what_does_not_fit(decoder: Decoder) -> None:
    code, noise = decoder.plan(prior(0, 0, 8)).code(0), gumbel(0, 0, 0, 16, decoder.vocabularies)
    with pytest.raises(ValueError, match=r"z has shape \(7,\), expected \(8,\)"):
        decoder.plan(np.zeros(7, np.float32))
    with pytest.raises(ValueError, match=r"prefix has shape \(3, 16\)"):
        decoder.bar(code, PREFIX.T, 0, WARM, noise)
    with pytest.raises(ValueError, match="from_step is 17, allowed 0 to 16"):
        decoder.bar(code, PREFIX, 17, WARM, noise)
    with pytest.raises(ValueError, match="outside its vocabulary"):
        decoder.bar(code, PREFIX + 130, 4, WARM, noise)
    with pytest.raises(ValueError, match=r"noise\[2\] has shape"):
        decoder.bar(code, PREFIX, 0, WARM, (*noise[:2], noise[1]))
    with pytest.raises(ValueError, match=r"state has shape \(4,\), expected \(0,\)"):
        decoder.bar(code, PREFIX, 0, WARM, noise, state=np.zeros(4, np.float32))


def rewritten(source: Path, target: Path, edit: Callable[[str], str]) -> Path:
    """Copy a model file with its manifest edited, the other entries untouched."""
    module = torch.jit.load(str(source))
    with zipfile.ZipFile(source) as archive:
        name = next(name for name in archive.namelist() if name.endswith("extra/manifest.json"))
        text = archive.read(name).decode()
    torch.jit.save(module, str(target), _extra_files={"manifest.json": edit(text)})
    return target
