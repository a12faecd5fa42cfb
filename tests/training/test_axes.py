"""Macro axes on a decoder of few bars, whose latents are known to move known attributes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from engine.manifest import Axis, read
from training import latents
from training.axes import DIRECTIONS, TOLD, Posteriors, attribute_vectors, principal_directions
from training.data.store import Store
from training.data.view import view
from training.export import export
from training.latents import ANCHORS, farthest, of_prior
from training.musicvae import heard
from training.musicvae.heard import HEARD, KEY
from training.musicvae.model import ModelConfig, MusicVAE
from training.run import BEST, save

NAMED = tuple(name for name in HEARD if name != KEY)
TINY = ModelConfig(
    embedding=6, bar_encoder=8, sequence_encoder=8, z_size=12, conductor=16, code=12, decoder=16, bars=4
)
HOLD = 129
Tokens = NDArray[np.int64]


def windows(count: int, seed: int = 0) -> tuple[Tokens, NDArray[np.float64]]:
    """Return windows (count, 4, 16, 3) and latents, their first number the density, the second register."""
    generator = np.random.default_rng(seed)
    z = generator.standard_normal((count, TINY.z_size))
    shape = (count, 4, 16)
    often = 1 / (1 + np.exp(-z[:, 0] - 0.5))
    onset = generator.random(shape) < often[:, None, None]
    pitch = np.clip(60 + 5 * z[:, 1, None, None] + generator.integers(-3, 4, shape), 0, 127).astype(int)
    melody = np.where(onset, pitch, HOLD)
    bass = np.where(generator.random(shape) < 0.3, generator.integers(36, 48, shape), HOLD)
    drums = np.where(generator.random(shape) < 0.5, generator.integers(1, 8, shape), 0)
    return np.stack([melody, bass, drums], axis=-1), z


@pytest.fixture(scope="module")
def model() -> MusicVAE:
    torch.manual_seed(5)
    model = MusicVAE(TINY).eval()
    with torch.no_grad():
        for decoder in model.decoders:
            decoder.output.weight *= 20
    return model


def test_attribute_vectors_point_where_the_attribute_grows() -> None:
    tokens, z = windows(600)
    names, vectors = attribute_vectors(Posteriors(z, z, heard.heard(tokens)), NAMED)
    assert names == NAMED
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(names)), atol=1e-9)
    assert vectors[names.index("density"), 0] > 0.5  # shared with what grows beside it
    assert vectors[names.index("register"), 1] > 0.8


def test_an_attribute_that_never_varies_has_no_axis() -> None:
    tokens, z = windows(80)
    tokens[..., 2] = 0
    tokens[..., 1] = -1  # no bass at all: nothing to measure
    names, _ = attribute_vectors(Posteriors(z, z, heard.heard(tokens)), NAMED)
    assert "drum density" not in names
    assert "bass density" not in names
    assert "register" in names


def test_principal_directions_leave_the_named_ones_out() -> None:
    _, z = windows(300)
    z[:, 4] *= 9
    z[:, 7] *= 5
    apart = np.eye(TINY.z_size)[[4]]
    directions = principal_directions(z, apart)
    np.testing.assert_allclose(directions @ apart.T, 0, atol=1e-6)
    assert abs(directions[0, 7]) > 0.95
    assert len(directions) == TINY.z_size - 1


@pytest.fixture(scope="module")
def axes(model: MusicVAE) -> tuple[Axis, ...]:
    """The axes of a model measured on what it plays itself, so that its music lies within its data's."""
    z = np.random.default_rng(1).standard_normal((200, TINY.z_size))
    torch.manual_seed(0)
    with torch.inference_mode():
        tokens = model.generate(torch.from_numpy(z).float()).numpy()
    return heard.axes(model, tokens, z, np.full_like(z, 0.1), count=16)


def test_axes_are_measured_orthogonal_and_named(axes: tuple[Axis, ...]) -> None:
    named = axes[:-DIRECTIONS]
    assert len(named) > 2
    assert {axis.name for axis in named} <= set(NAMED)
    assert [axis.name for axis in axes[len(named) :]] == [f"direction {n + 1}" for n in range(DIRECTIONS)]
    vectors = np.array([axis.vector for axis in axes])
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(units @ units.T, np.eye(len(axes)), atol=1e-6)
    for axis in axes:
        assert axis.low < 0 < axis.high
        assert set(axis.effect) == set(HEARD)
        assert all(-1 <= value <= 1 for value in axis.effect.values())
        assert axis.description
    own = [axis.effect[axis.name] for axis in named]
    assert own == sorted(own, reverse=True)


def test_an_axis_is_kept_if_it_does_what_it_says_and_says_so_first(axes: tuple[Axis, ...]) -> None:
    named = axes[:-DIRECTIONS]
    assert len(named) < len(NAMED)  # the others do hardly anything here
    for axis in named:
        assert axis.effect[axis.name] >= TOLD  # to the right is more of it
        assert next(iter(axis.effect)) == axis.name
        assert axis.description.startswith(f"{axis.name} +")
        assert axis.description.count(",") < 3
    strongest = [max(axis.effect, key=lambda key: abs(axis.effect[key])) for axis in named]
    assert [axis.name for axis in named] != strongest


def test_a_model_that_plays_nothing_like_its_data_has_no_axes(model: MusicVAE) -> None:
    tokens, z = windows(200)
    assert heard.axes(model, tokens, z, np.full_like(z, 0.1), count=6) == ()


def test_a_run_becomes_a_file_with_its_card(model: MusicVAE, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    config = {name: getattr(TINY, name) for name in ModelConfig.__dataclass_fields__}
    sources = [{"name": "own", "licence": "MIT"}, {"name": "unheard", "licence": "GPL-3"}]
    row = {"total": 40, "minutes": 2.0, "loss": 1.25}
    content = {"model": model.state_dict(), "system": "musicvae", "model_config": config}
    content |= {"sources": sources}
    save(folder / BEST, content | {"weights": {"own": 1.0}, "row": row, "objective": "windows"})
    report = export(folder, tmp_path / "preset" / "model.ts")
    manifest = read(tmp_path / "preset" / "model.ts")
    assert manifest.data == ({"archive": "own", "licence": "MIT"},)
    assert manifest.anchors == of_prior(TINY.z_size).anchors
    card = (tmp_path / "preset" / "CARD.md").read_text()
    assert card.startswith("# preset\n")
    assert "| own | MIT |" in card
    assert "40 iterations in 2 minutes" in card
    assert "Not evaluated yet" in card
    assert "int8, this file" in card
    assert str(tmp_path / "preset" / "model.ts") in report.lines()[0]
    assert json.loads(manifest.to_json())["weights"] == "int8"


@pytest.mark.parametrize(("voice", "kind"), [("drums", "hats"), ("melody", "register")])
def test_a_flat_model_of_one_voice_has_axes_of_that_voice(voice: str, kind: str) -> None:
    torch.manual_seed(6)
    model = MusicVAE(replace(TINY, family="flat", voices=(voice,), bars=2)).eval()
    with torch.no_grad():
        model.bottoms[0].output.weight *= 20
    z = np.random.default_rng(1).standard_normal((120, TINY.z_size))
    torch.manual_seed(0)
    with torch.inference_mode():
        tokens = model.generate(torch.from_numpy(z).float()).numpy()
    found = heard.axes(model, tokens, z, np.full_like(z, 0.1), count=12)
    assert found
    assert all(kind in axis.effect and "bass density" not in axis.effect for axis in found)


def test_latents_to_start_from_lie_as_far_from_one_another_as_can_be() -> None:
    line = np.array([[0.0], [1.0], [9.0], [10.0], [5.5]])
    assert farthest(line, 1) == [1, 3, 4, 0, 2]
    many = np.random.default_rng(0).standard_normal((100, 3))
    chosen = farthest(many, 7)
    assert len(set(chosen)) == ANCHORS
    for count in range(1, ANCHORS):
        gaps = np.linalg.norm(many[:, None] - many[chosen[:count]], axis=2).min(1)
        assert gaps[chosen[count]] == gaps.max()


def test_latents_are_those_of_music_as_it_was_learnt_and_anchors_keep_their_keys(band: Store) -> None:
    torch.manual_seed(5)
    model = MusicVAE(replace(TINY, bars=16)).eval()
    measured, still = (latents.measure(model, band, span) for span in ((-6, 5), (0, 0)))
    seen = view(band, model.config.voices, 16)
    written = seen.tokens(np.random.default_rng(0).permutation(seen.of("train")))
    with torch.inference_mode():
        mean = model.encoder(torch.from_numpy(written)).mu.double().mean(0).numpy()
    np.testing.assert_allclose(still.mean, mean, atol=1e-5)
    assert np.abs(np.array(measured.mean) - mean).max() > 1e-3
    assert measured.anchors == still.anchors
