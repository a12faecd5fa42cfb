"""A flat model's exported form: the window of its Python model, a bar at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_export import TINY, lively
from torch import Tensor

from engine.decoder import Decoder
from engine.noise import gumbel
from training.export import export_model
from training.musicvae.agreement import compare, compare_encoders, reference, spelt
from training.musicvae.exported_flat import ExportedFlat
from training.musicvae.model import MusicVAE
from training.packing import script
from training.subject import ExportSubject

STEPS = 16
VOICES = {"trio": ("melody", "bass", "drums"), "melody": ("melody",), "drums": ("drums",)}


@pytest.fixture(scope="module", params=list(VOICES))
def model(request: pytest.FixtureRequest) -> MusicVAE:
    return lively(replace(TINY, family="flat", voices=VOICES[request.param]))


@pytest.fixture(scope="module")
def exact(model: MusicVAE) -> Any:
    return script(ExportedFlat(model, quantise=False))


def noise(model: MusicVAE, bars: int, seed: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(bars * STEPS, vocabulary) for vocabulary in model.config.vocabularies]
    return [-torch.empty(shape).exponential_(generator=generator).log() for shape in shapes]


@torch.inference_mode()
def test_bar_after_bar_it_writes_the_window_of_the_python_model(model: MusicVAE, exact: Any) -> None:
    found = compare(exact, reference(model, 12))
    assert set(found.teacher_forced) == set(found.free) == {1.0}
    assert found.unequal == 0
    assert found.logit_difference < 1e-3
    assert compare_encoders(exact, model) < 1e-4


@torch.inference_mode()
def test_int8_form_is_close(model: MusicVAE) -> None:
    found = compare(script(ExportedFlat(model, quantise=True)), reference(model, 12))
    assert min(found.teacher_forced) > 0.85


@torch.inference_mode()
def test_a_bar_heard_leaves_the_state_that_it_left_when_it_was_written(model: MusicVAE, exact: Any) -> None:
    z, own = torch.randn(8, generator=torch.Generator().manual_seed(1)), noise(model, 1, 2)
    warm = torch.ones(len(own))
    begun = exact.begin(z)
    blank = torch.zeros((STEPS, len(own)), dtype=torch.int64)
    written, after, traces = exact.bar(z, begun, blank, 0, warm, own)
    assert traces.shape == (STEPS, 0)
    for step in (1, 7, STEPS):
        prefix = written.clone()
        prefix[step:] = -1  # never read
        again, state, _ = exact.bar(z, begun, prefix, step, warm, own)
        assert torch.equal(again, written)
        assert torch.equal(state, after)
    assert torch.equal(begun, exact.begin(z))  # given states stay as they are


@torch.inference_mode()
def test_the_second_bar_hears_the_first(model: MusicVAE, exact: Any) -> None:
    z, own = torch.zeros(8), noise(model, 2, 3)
    usual = spelt(exact, z, STEPS, own)
    other = [torch.cat([-voice[:STEPS], voice[STEPS:]]) for voice in own]
    changed = spelt(exact, z, STEPS, other)
    assert not torch.equal(changed[:STEPS], usual[:STEPS])
    assert not torch.equal(changed[STEPS:], usual[STEPS:])


def test_the_engine_plays_the_exported_file_bar_by_bar(model: MusicVAE, tmp_path: Path) -> None:
    report = export_model(model, tmp_path / "model.ts", quantise=False, checked=4)
    assert report.written.unequal == 0
    decoder = Decoder.load(tmp_path / "model.ts")
    facts = decoder.manifest
    assert (facts.family, facts.memory, facts.voices) == ("musicvae-flat", "window", model.config.voices)
    z = np.full(8, 0.5, np.float32)
    plan = decoder.plan(z)
    state, bars = plan.state, []
    blank = np.zeros((STEPS, len(facts.voices)), np.int64)
    for bar in range(facts.bars):
        own = gumbel(3, 0, bar, STEPS, facts.streams)
        decoded = decoder.bar(plan.code(bar), blank, 0, [1.0] * len(own), own, state=state)
        state = decoded.state
        bars.append(decoded.tokens)
    subject = ExportSubject(tmp_path / "model.ts")
    expected = subject.generate(torch.from_numpy(z)[None], 1.0, 3)[0]
    assert np.array_equal(np.stack(bars), expected.numpy())
