"""Rolls from files to batches: a reader that trusts nothing, stretches, transposition, padding."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.pianoroll import LOWEST
from training import configfile
from training.config import Config, ConfigError, Data, Stage
from training.data import benchmark
from training.data.archives import UNSTATED, frames_a_bar, restated
from training.data.midi import UnusableError
from training.data.prepare import prepare
from training.data.store import Store
from training.examiners import examine, table
from training.fit import fit
from training.run import load
from training.vrnn.model import VRNNConfig
from training.vrnn.sequences import Sequences, padded, pieces, stretch, transposed

DATA = Path(__file__).parents[3] / "shared" / "data"
LENGTHS = (30, 4, 12)
SMALL = Config(
    VRNNConfig(features=8, units=8, z_size=2),
    Data({"one": 1.0}, (-2, 2)),
    (Stage("elbo", iterations=4, batch=5, length=8, beta=1.0, free_bits=0.0, validate_every=2),),
    "vrnn",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two benchmarks, of which piece number n sounds key n of the second octave all the time."""
    folder = tmp_path_factory.mktemp("sets")
    sets = folder / "sets"
    sets.mkdir()
    for name, octave in (("one", 40), ("two", 60)):
        steps = [[[octave + number]] * length for number, length in enumerate(LENGTHS)]
        splits = {"train": steps, "valid": steps[:2], "test": [[[-1], []]]}
        (sets / f"{name}.json").write_text(json.dumps(splits))
    prepare([sets], folder / "store", form="roll")
    return Store.open(folder / "store")


def test_every_benchmark_is_a_source_and_keeps_its_splits(store):
    assert store.sources == ["one", "two"]
    assert [len(rows) for rows in pieces(store, "train", ["one"])] == list(LENGTHS)
    assert [len(rows) for rows in pieces(store, "valid", ["two"])] == list(LENGTHS[:2])
    assert np.flatnonzero(pieces(store, "train", ["two"])[1][0]).tolist() == [61 - LOWEST]
    (silent,) = pieces(store, "test", ["one"])
    assert silent.shape == (2, 88)
    assert not silent.any()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\x00", "broken"),
        (b"[" * 100_000, "broken"),
        (b'{"train": []}', "not a benchmark"),
        (b'{"train": [[[20]]], "valid": [], "test": []}', "not a benchmark"),
        (b'{"train": [[[true]]], "valid": [], "test": []}', "not a benchmark"),
        (b'{"train": [[60]], "valid": [], "test": []}', "not a benchmark"),
        (b'{"train": {}, "valid": [], "test": []}', "not a benchmark"),
        (b'{"train": [[]], "valid": [], "test": []}', "empty"),
    ],
)
def test_what_is_no_benchmark_is_refused_with_its_reason(data, reason):
    with pytest.raises(UnusableError) as refused:
        benchmark.read(data)
    assert refused.value.reason == reason


@given(st.lists(st.lists(st.sets(st.integers(21, 108)), min_size=1), min_size=1))
def test_a_benchmark_reads_back_as_it_was_written(steps):
    train = [[sorted(step) for step in piece] for piece in steps]
    read, remarks = benchmark.read(json.dumps({"train": train, "valid": [], "test": []}).encode())
    assert remarks == []
    found = [[set((np.flatnonzero(row) + LOWEST).tolist()) for row in piece.rows] for piece in read]
    assert found == steps


def test_a_batch_is_stretches_of_the_chosen_source_transposed(store):
    stream = Sequences(store, SMALL, SMALL.stages[0], seed=1)
    shifts = set()
    for _ in range(40):
        batch = stream.draw()
        assert batch.dtype == torch.int8
        assert batch.shape[0] == 5
        assert batch.shape[1] <= 8
        known = batch[..., 0] >= 0
        assert ((batch >= 0).all(-1) == known).all()
        assert set(known.sum(1).tolist()) <= {4, 8}
        for row, there in zip(batch, known, strict=True):
            (key,) = row[there].nonzero()[:, 1].unique().tolist()
            shifts.add(key + LOWEST - 40)
    assert shifts == set(range(-2, 5))  # pieces 0 to 2, by -2 to 2 semitones
    assert len(stream.fixed("valid", 9)) == 2


def test_a_stream_goes_on_from_its_state(store):
    stream = Sequences(store, SMALL, SMALL.stages[0], seed=1)
    stream.draw()
    state = stream.state()
    expected = [stream.draw() for _ in range(3)]
    other = Sequences(store, SMALL, SMALL.stages[0], seed=2)
    other.restore(state)
    assert all(torch.equal(a, other.draw()) for a in expected)


def test_ends_are_heard_a_third_as_often_as_the_middle_at_least():
    rows, heard = np.arange(30), np.zeros(30)
    for place in np.linspace(0, 1, 3000, endpoint=False):
        chosen = stretch(rows, 10, float(place))
        assert len(chosen) == 10
        heard[chosen] += 1
    assert heard.min() > heard.max() / 3
    assert stretch(rows, 0, 0.5) is rows
    assert stretch(rows, 30, 0.9) is rows


def test_a_transposition_that_would_lose_a_key_moves_nothing():
    roll = np.zeros((3, 88), np.uint8)
    roll[1, [0, 40]] = 1
    assert transposed(roll, -1) is roll
    assert np.flatnonzero(transposed(roll, 3)[1]).tolist() == [3, 43]
    roll[1, 0], roll[1, 87] = 0, 1
    assert transposed(roll, 1) is roll
    assert np.flatnonzero(transposed(roll, -5)[1]).tolist() == [35, 82]


def test_padding_is_below_zero_throughout():
    batch = padded([np.ones((2, 6), np.float32), np.ones((1, 6), np.float32)])
    assert batch.tolist() == [[[1.0] * 6] * 2, [[1.0] * 6, [-1.0] * 6]]


def test_a_run_of_a_vrnn_resumes_to_the_bit(store, tmp_path):
    quiet = [].append
    fit(SMALL, store, tmp_path / "whole", report=quiet)
    fit(SMALL, store, tmp_path / "parts", until=3, report=quiet)
    fit(SMALL, store, tmp_path / "parts", report=quiet)
    whole, parts = (load(tmp_path / name).model.state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(value, parts[name]) for name, value in whole.items())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[model]\nlatent = "none"', "stages[0].objective: 'fivo' needs a latent; an RNN has 'elbo'"),
        ('[model]\noutput = "gauss"', "model.output: 'gauss' does not go with model.form 'roll'"),
        (
            '[[stages]]\nobjective = "iwae"\nfree_bits = 3.0',
            "stages[0].free_bits: 3.0, expected 0: only 'elbo' has them",
        ),
    ],
)
def test_what_does_not_go_together_is_named(tmp_path: Path, text, message):
    path = tmp_path / "wrong.toml"
    path.write_text(f'system = "vrnn"\n{text}\n[[stages]]\nobjective = "fivo"\n')
    with pytest.raises(ConfigError) as refused:
        configfile.load(path)
    assert str(refused.value) == f"{path}: {message}"


def test_what_a_run_did_not_learn_from_stands_apart(store, tmp_path):
    fit(SMALL, store, tmp_path / "run", report=[].append)
    loaded = load(tmp_path / "run")
    found = examine(loaded, store, "test")
    assert (list(found["sources"]), list(found["not trained on"])) == (["one"], ["two"])
    text = table(found)
    assert "| one | 2 |" in text
    assert "| two, not trained on | 2 |" in text
    further = replace(loaded, meta={**loaded.meta, "before": [loaded.meta | {"weights": {"two": 1.0}}]})
    assert list(examine(further, store, "test")["sources"]) == ["one", "two"]


def test_the_benchmark_s_files_have_licence_and_grid_and_others_none(store, tmp_path):
    assert [source["frames_a_bar"] for source in store.meta["sources"]] == [0, 0]
    assert {song.licence for song in store.songs} == {UNSTATED}
    archive = DATA / "poly-boulanger-lewandowski.zip"
    if not archive.is_file():
        pytest.skip(f"needs the archive {archive.name} beside the project")
    prepare([archive], tmp_path / "store", form="roll")
    sources = {source["name"]: source for source in Store.open(tmp_path / "store").meta["sources"]}
    assert {name: source["frames_a_bar"] for name, source in sources.items()} == {
        "JSB_Chorales": 4,
        "JSB_Chorales_16th_SATB": 16,
        "MuseData": 0,
        "Nottingham": 0,
        "Piano_midi": 0,
    }
    assert all("poly-boulanger-lewandowski" in source["licence"] for source in sources.values())


def test_a_store_from_before_gets_today_s_words():
    first = {"name": "JSB_Chorales_16th_SATB", "licence": UNSTATED}
    assert frames_a_bar(first) == 16
    assert "poly-boulanger-lewandowski" in restated(first["name"], UNSTATED)
    mine = first | {"licence": "mine"}  # another file of that name
    assert (frames_a_bar(mine), restated(mine["name"], "mine")) == (0, "mine")


def test_a_store_of_another_form_is_refused(store):
    config = replace(SMALL, model=VRNNConfig(form="feel", output="gauss"))
    with pytest.raises(ConfigError, match="codec is roll, expected feel"):
        Sequences(store, config, config.stages[0], seed=1)
