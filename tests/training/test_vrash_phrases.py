"""Phrases of a store, their stream, statistics, axes and configurations."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from vrash_parts import CONFIGURED, STAGE, TINY

from engine.manifest import Axis
from training.config import ConfigError
from training.configfile import load
from training.fit import fit
from training.papers import CONFIGS
from training.vrash.latents import measure
from training.vrash.model import VRASH
from training.vrash.phrases import PhraseStream, phrases, transpose
from training.vrash.statistics import pooled_entropy, statistics


def test_phrases_are_the_notes_of_their_tracks_with_their_label(tunes):
    found = phrases(tunes, TINY)
    notes = found.read(found.of("train"))
    assert notes.shape == (2 * 2 * 3, 16, 5)  # 49 notes: three phrases and one note, which is none
    assert found.names(found.of("train", ["reels"])) == ["reels"] * 6
    song = tunes.songs[found.spans[0, 0]]
    rows = np.asarray(tunes.rows[song.first_row : song.first_row + 16])
    assert np.array_equal(notes[0, :, :3].numpy(), rows[:, :3])
    assert set(notes[0, :, 3].tolist()) == {0}
    assert set(notes[0, :, 4].tolist()) == {rows[0, 4] // 8}
    longer = phrases(tunes, replace(TINY, notes=60))
    whole = longer.read(longer.of("valid"))
    assert (whole[:, 49:] == -1).all()
    assert (whole[:, :49, 0] >= 0).all()
    assert (whole[:, :49, 3:] >= 0).all()
    overlapping = phrases(tunes, TINY, overlapping=True)
    assert np.unique(overlapping.spans[:, 2]).tolist() == [16]
    assert len(overlapping.spans) == 8 * 9


def test_the_stream_goes_on_where_it_stood_and_hides_some_labels(tunes):
    stream = PhraseStream(tunes, CONFIGURED, STAGE, 3)
    first = stream.draw()
    state = stream.state()
    expected = stream.draw()
    again = PhraseStream(tunes, CONFIGURED, STAGE, 9)
    again.restore(state)
    assert torch.equal(again.draw(), expected)
    drawn = torch.cat([first, *(stream.draw() for _ in range(20))])
    hidden = (drawn[:, 0, 3] < 0).float().mean()
    assert 0.1 < hidden < 0.4
    assert (stream.fixed("valid", 5)[:, 0, 3] >= 0).all()


def test_transposition_moves_pitches_and_nothing_else():
    notes = torch.tensor(
        [[[5, 11, 5, 0, 1], [5, 0, 6, 0, 1], [-1] * 5], [[5, 7, 10, 0, 1], [5, 0, 6, 0, 1], [-1] * 5]]
    )
    moved = transpose(notes, torch.tensor([1, 1]))
    assert moved[0].tolist() == [[5, 0, 6, 0, 1], [5, 1, 6, 0, 1], [-1] * 5]
    assert torch.equal(moved[1], notes[1])  # 127 would leave MIDI's range


def test_statistics_of_a_phrase_that_can_be_counted_by_hand():
    pitches = [60, 60, 62, 64, 60, 60, 62, 64]
    notes = np.array([[[5, p % 12, p // 12] for p in pitches] + [[-1] * 3] * 4])
    values = {name: value[0] for name, value in statistics(notes).items()}
    assert values["density"] == 1.0
    assert values["register"] == 61.5
    assert values["intervals"] == pytest.approx((0 + 2 + 2 + 4 + 0 + 2 + 2) / 7)
    assert values["range"] == 4
    assert values["repeated notes"] == pytest.approx(2 / 7)
    assert values["pitch entropy"] == pytest.approx(1.5)
    assert values["rhythm entropy"] == 0.0
    assert values["in key"] == 1.0
    assert values["repeated motifs"] == pytest.approx(1 / 5)
    assert pooled_entropy(notes) == pytest.approx(1.5)


def test_axes_begin_with_the_pace_which_moves_the_density(tunes):
    torch.manual_seed(0)
    measured = measure(VRASH(TINY).eval(), tunes, count=12)
    pace = measured.axes[0]
    assert isinstance(pace, Axis)
    assert pace.name == "pace"
    assert pace.effect["density"] > 0.8
    assert pace.vector[:-1] == (0.0,) * 4
    assert all(axis.vector[-1] == 0.0 for axis in measured.axes[1:])
    assert len(measured.mean) == len(measured.std) == 5
    assert measured.anchors
    assert all(len(anchor) == 5 and anchor[-1] == 0.0 for anchor in measured.anchors)


def test_configurations_load_and_say_what_is_wrong(tmp_path):
    tune = load(CONFIGS / "tune.toml")
    assert load(CONFIGS / "vrash.toml").system == tune.system == "vrash"
    assert set(tune.data.weights) <= set(tune.model.sources)
    for text, message in (
        ('family = "gan"', "model.family: 'gan', allowed vrash, vae, lm"),
        ("notes = 4", "model.notes: 4, expected 8 or more"),
        ("unlabelled = 1.5", "model.unlabelled: 1.5, expected at most 1"),
        ("dropout = 1.0", "model.dropout: 1.0, expected a number from 0 and below 1"),
    ):
        path = tmp_path / "x.toml"
        path.write_text(f'system = "vrash"\n[model]\n{text}\n[[stages]]\nobjective = "notes"\n')
        with pytest.raises(ConfigError, match=message.replace(".", r"\.")):
            load(path)


def test_the_loop_refuses_a_store_of_another_form(band, tmp_path):
    with pytest.raises(ConfigError, match="system vrash: the store's codec is trio, expected note"):
        fit(CONFIGURED, band, tmp_path, report=lambda line: None)
