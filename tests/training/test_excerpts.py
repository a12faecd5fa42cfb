"""Excerpts of rolls: where they lie, what is folded, whose songs are learnt, streams that resume."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import song_archive

from engine.pianoroll import KEYS, LOWEST
from training import run
from training.config import Config, ConfigError, Data, Stage
from training.configfile import load
from training.data.prepare import prepare
from training.data.store import Store
from training.fit import fit
from training.vrae.excerpts import PADDING, Excerpts, ExcerptStream, folded
from training.vrae.model import ModelConfig

SIZES = ModelConfig(z_size=2, units=8, steps=40, hop=40, lowest=36, pitches=49)
STAGE = Stage("excerpts", iterations=4, batch=4, beta=1.0, free_bits=0.0, validate_every=2)


@pytest.fixture(scope="session")
def rolls(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of six songs, two a split, in a folder `maker`."""
    root = tmp_path_factory.mktemp("rolls")
    prepare([song_archive(root / "games.zip")], root / "store", form="roll")
    return Store.open(root / "store")


def test_excerpts_cover_every_song_to_its_end(rolls):
    for hop in (1, 20, 40, 48):
        excerpts = Excerpts(rolls, replace(SIZES, steps=48, hop=hop))
        heard = np.zeros(len(rolls.rows), int)
        for song, first, length in excerpts.places.tolist():
            assert rolls.songs[song].first_row <= first
            assert first + length <= rolls.songs[song].first_row + rolls.songs[song].rows
            heard[first : first + length] += 1
        assert heard.min() >= 1
        if hop == 1:
            assert (excerpts.places[:, 2] == 48).all()


def test_what_lies_after_a_songs_end_is_padding(rolls):
    excerpts = Excerpts(rolls, replace(SIZES, steps=50, hop=50))
    (short,) = [row for row in excerpts.of("test") if excerpts.places[row, 2] < 50][:1]
    batch, length = excerpts.read(np.array([short])), int(excerpts.places[short, 2])
    assert (batch[0, length:] == PADDING).all()
    assert (batch[0, :length] >= 0).all()


def test_only_the_named_songs_are_learnt_and_validated(rolls):
    path = next(song.path for song in rolls.songs if song.split == "train")
    excerpts = Excerpts(rolls, replace(SIZES, songs=(path,)))
    assert set(excerpts.songs(excerpts.known())) == {path}
    config = Config(replace(SIZES, songs=(path,)), Data(transpose=(0, 0)), (STAGE,), system="vrae")
    stream = ExcerptStream(rolls, config, STAGE, 1)
    own = excerpts.read(excerpts.known())
    assert torch.equal(stream.fixed("valid", 100), own)
    assert all((own == item).all((1, 2)).any() for item in stream.draw())
    everything = ExcerptStream(rolls, replace(config, model=SIZES), STAGE, 1)
    assert torch.equal(everything.fixed("valid", 100), excerpts.read(excerpts.of("valid")))
    assert set(Excerpts(rolls, replace(SIZES, songs=("maker/",))).known()) == set(excerpts.of("train"))


@pytest.mark.parametrize("name", ["maker/valid0.mid", "nowhere/", "train0"])
def test_a_song_that_is_not_of_the_train_split_is_named(rolls, name):
    with pytest.raises(ConfigError, match=f"model.songs: '{name}' is no song or folder"):
        Excerpts(rolls, replace(SIZES, songs=(name,))).known()


@given(
    st.lists(st.integers(0, 87), max_size=12), st.integers(-6, 5), st.integers(21, 60), st.integers(12, 48)
)
def test_folding_keeps_every_pitch_class_and_what_is_inside(columns, shift, lowest, pitches):
    sizes = replace(SIZES, lowest=lowest, pitches=pitches)
    frames = np.zeros((3, 88), np.uint8)
    frames[1, columns] = 1
    heard = folded(frames, sizes, shift)
    assert heard.shape == (3, pitches)
    assert not heard[0].any()
    given_pitches = {21 + column + shift for column in columns}
    found = {lowest + place for place in np.flatnonzero(heard[1]).tolist()}
    assert {pitch % 12 for pitch in found} == {pitch % 12 for pitch in given_pitches}
    assert {pitch for pitch in given_pitches if lowest <= pitch < lowest + pitches} <= found
    if not shift:
        below = lowest - LOWEST
        roll = np.pad(heard, ((0, 0), (below, KEYS - below - pitches)))
        assert np.array_equal(folded(roll, sizes), heard)


def test_a_stream_goes_on_where_it_stood(rolls):
    config = Config(SIZES, Data(), (STAGE,), system="vrae")
    stream = ExcerptStream(rolls, config, STAGE, 5)
    stream.draw()
    state = stream.state()
    expected = stream.draw()
    again = ExcerptStream(rolls, config, STAGE, 99)
    again.restore(state)
    assert torch.equal(again.draw(), expected)


def test_a_store_of_another_form_is_refused(band):
    with pytest.raises(ConfigError, match="codec is trio, expected roll"):
        Excerpts(band, SIZES)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_the_loop_trains_it_and_its_run_opens_again(rolls, tmp_path, cell):
    config = Config(replace(SIZES, cell=cell, hop=20), Data(), (STAGE,), system="vrae")
    lines = []
    fit(config, rolls, tmp_path, report=lines.append)
    loaded = run.load(tmp_path, system="vrae")
    assert loaded.model.config == config.model
    assert {"bound", "kl_bits"} <= set(loaded.meta["row"])
    assert "bound" in lines[-1]
    (group,) = run.read(tmp_path / run.LAST, "cpu")["optimiser"]["param_groups"]
    assert tuple(group["betas"]) == (0.95, 0.999)  # the paper's (section 3.2), counted as today


CONFIGS = Path(__file__).parents[2] / "training" / "configs"


@pytest.mark.parametrize("name", ["map", "medley"])
def test_the_shipped_configurations_are_read(name):
    config = load(CONFIGS / f"{name}.toml")
    assert config.system == "vrae"
    assert len(config.model.songs) == 8


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('cell = "gru"', "model.cell: 'gru', allowed rnn, lstm"),
        ('feedback = "none"', "model.feedback: 'none', allowed outputs, notes"),
        ("pitches = 80", "model.pitches: 36 to 115, allowed 21 to 108"),
        ("pitches = 5", "model.pitches: 5, expected an octave"),
        ("lean = 2.0", "model.lean: 2.0, expected at most 1"),
        ("hop = 0", "model.hop: 0, expected a number above 0"),
    ],
)
def test_sizes_that_cannot_be_are_named(tmp_path, line, message):
    path = tmp_path / "wrong.toml"
    path.write_text(f'system = "vrae"\n[model]\n{line}\n[[stages]]\nobjective = "excerpts"\n')
    with pytest.raises(ConfigError) as error:
        load(path)
    assert message in str(error.value)
