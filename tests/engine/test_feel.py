"""Feel files: what they say, what is refused and with which words, and how a drummer plays."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import toy_composer
import toy_models
from torch import Tensor, nn
from toy_feels import Habit, by_hand, manifest, save

from engine import feel
from engine import manifest as models
from engine.composer import Composer
from engine.drummer import Drummer
from engine.entry import ManifestError
from engine.module import DecoderError

TRIO = toy_composer.manifest()
TOKENS = [0b101, 0, 4, 0, 0b110, 0, 4, 511, 1, 0, 4, 0, 6, 0, 0, 3]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("feel") / "feel.ts")


def test_a_manifest_comes_back_as_it_was(file: Path) -> None:
    assert feel.parse(manifest().to_json(), "f.ts") == feel.read(file) == manifest()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda raw: raw.update(format=2), "format is 2, expected 1"),
        (lambda raw: raw.update(family="musicvae"), "family is 'musicvae', expected 'vrnn-feel'"),
        (lambda raw: raw.pop("noise"), "manifest.json: missing noise"),
        (lambda raw: raw.update(codec="trio"), "codec is 'trio', expected 'drums'"),
        (lambda raw: raw.update(codec_version=2), "codec_version is 2, expected 1"),
        (lambda raw: raw.update(steps_per_bar=32), "steps_per_bar is 32, expected 16"),
        (lambda raw: raw.update(noise=0), "noise is 0, expected 1 to 65536"),
        (lambda raw: raw.update(noise=True), "noise is True, expected a whole number"),
        (lambda raw: raw.update(data="groove"), "data is 'groove', expected a list"),
        (lambda raw: raw.update(data=["groove"]), r"data\[0\] is 'groove', expected an object"),
        (lambda raw: raw.update(exported_with=[]), r"exported_with is \[\], expected an object"),
    ],
)
def test_what_is_foreign_is_named_with_what_was_expected(
    change: Callable[[dict[str, Any]], object], named: str
) -> None:
    raw = json.loads(manifest().to_json())
    change(raw)
    with pytest.raises(ManifestError, match=f"^f.ts: {named}"):
        feel.parse(json.dumps(raw), "f.ts")


def test_a_feel_is_no_model_of_bars_and_such_a_model_no_feel(file: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"family is 'vrnn-feel', expected a model .* --feel"):
        models.read(file)
    with pytest.raises(DecoderError, match=r"feel\.ts: family is 'vrnn-feel', expected a model"):
        Composer(file)
    contract = toy_models.manifest("drums", "endless", 16)
    model = toy_models.save(toy_models.Wanderer("drums", 16), contract, tmp_path / "model.ts")
    with pytest.raises(DecoderError, match=r"model\.ts: family is 'toy', expected 'vrnn-feel'"):
        Composer(model, model)
    with pytest.raises(DecoderError, match=r"none\.ts: not a readable model file"):
        Composer(model, tmp_path / "none.ts")


def test_a_model_whose_drums_it_cannot_play_is_refused(file: Path) -> None:
    feel.check(manifest(), TRIO, file)
    fine = replace(TRIO, steps_per_bar=96)
    with pytest.raises(ManifestError, match=r"feel\.ts: steps_per_bar is 16, but the model has 96"):
        feel.check(manifest(), fine, file)
    melody = replace(TRIO, codec="melody", voices=("melody",))
    with pytest.raises(DecoderError, match=r"codec is 'drums', but the model plays no drums: 'melody'"):
        Drummer.load(file, melody)


class Crooked(nn.Module):
    """A module that gives what no feel gives."""

    fault: str

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    @torch.jit.export
    def begin(self) -> Tensor:
        """Return a state."""
        return torch.zeros(2, 3) if self.fault == "begin" else torch.zeros(3)

    @torch.jit.export
    def feel(
        self, state: Tensor, tokens: Tensor, noise: Tensor, heat: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a bar."""
        loud = 0 if self.fault == "silent" else 128 if self.fault == "loud" else 80
        velocities = torch.full((16, 9), loud, dtype=torch.int64)
        off = -0.51 if self.fault == "early" else float("nan") if self.fault == "nan" else 0.25
        offsets = torch.full((16, 9), off)
        if self.fault == "width" and noise.shape[2] != 5:
            raise RuntimeError("noise of another width")
        if self.fault == "drums":
            offsets = offsets[:, 1:]
        return velocities, offsets, state[1:] if self.fault == "state" else state


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("begin", r"begin gives torch.float32 of shape \(2, 3\), expected float32 in one row"),
        ("silent", r"velocity 0 and offset 0.25 at step 0, allowed 1 to 127 and -0.5 to 0.5"),
        ("loud", "velocity 128"),
        ("early", "offset -0.51"),
        ("nan", "offset nan"),
        ("drums", r"feel: offsets has shape \(16, 8\), expected \(16, 9\)"),
        ("state", r"feel: the state after it has shape \(2,\), expected \(3,\)"),
        ("width", "noise of another width"),
    ],
)
def test_a_module_of_another_form_is_refused(tmp_path: Path, fault: str, message: str) -> None:
    crooked = save(tmp_path / "crooked.ts", Crooked(fault))
    with pytest.raises(DecoderError, match=rf"crooked\.ts: the module does not play .*{message}"):
        Drummer.load(crooked, TRIO)
    assert Drummer.load(save(tmp_path / "straight.ts", Crooked("")), TRIO).start.shape == (3,)


def test_a_module_without_its_methods_is_refused(tmp_path: Path) -> None:
    lacking = save(tmp_path / "lacking.ts", toy_models.Wanderer("drums", 16))
    with pytest.raises(
        DecoderError, match=r"lacking\.ts: module: found no method feel, expected begin, feel"
    ):
        Drummer.load(lacking, TRIO)


def test_a_bar_is_played_as_the_module_plays_it_and_the_next_goes_on_from_it(file: Path) -> None:
    drummer = Drummer.load(file, TRIO)
    state, own = drummer.start, Habit().begin()
    for bar in range(3):
        kept = state.copy()
        hits, after = drummer.play(state, TOKENS, 5, 0, bar)
        expected, own = by_hand(TOKENS, own, 5, 0, bar)
        assert list(hits) == expected
        np.testing.assert_allclose(after, own.numpy(), atol=1e-6)
        assert np.array_equal(state, kept)
        state = after
    assert {lean < 0 for _, _, _, lean in expected} == {True, False}
    assert drummer.play(drummer.start, TOKENS, 5, 0, 0) != drummer.play(drummer.start, TOKENS, 6, 0, 0)
    assert drummer.play(drummer.start, TOKENS, 5, 0, 0)[0] != drummer.play(drummer.start, TOKENS, 5, 1, 0)[0]
    silent, _ = drummer.play(drummer.start, [0] * 16, 5, 0, 0)
    assert silent == ()


def test_what_does_not_fit_is_named(file: Path) -> None:
    drummer = Drummer.load(file, TRIO)
    with pytest.raises(ValueError, match=r"the state of the feel has shape \(3,\), expected \(2,\)"):
        drummer.play(np.zeros(3, np.float32), TOKENS, 5, 0, 0)
    with pytest.raises(ValueError, match=r"drums has shape \(15,\), expected \(16,\)"):
        drummer.play(drummer.start, TOKENS[1:], 5, 0, 0)
    with pytest.raises(ValueError, match="outside their vocabulary 512"):
        drummer.play(drummer.start, [512] * 16, 5, 0, 0)
