"""`live-train papers vrae` from end to end on a tiny archive, and what its parts measure."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch
from small import song_archive

from training.config import Config, Data, Stage
from training.data.prepare import prepare
from training.data.store import Store
from training.evaluate import EvaluateError
from training.latents import LatentsError
from training.papers.job import Job, PaperError
from training.papers.vrae import reproduce
from training.papers.vrae_plan import PLAYS, Plan
from training.vrae.examine import examine
from training.vrae.latents import measure
from training.vrae.model import VRAE, ModelConfig
from training.vrae.playing import best_temperature, endurance, leans, logistic, obedience, of_rolls, windows

SIZES = ModelConfig(z_size=4, units=10, steps=40, hop=40, lowest=36, pitches=49, hold=1)
STAGE = Stage(
    "excerpts", iterations=6, batch=4, beta=1.0, free_bits=0.0, validate_every=6, learning_rate_end=1e-3
)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory):
    """A folder with the archive of six songs."""
    folder = tmp_path_factory.mktemp("archives")
    song_archive(folder / "games.zip")
    return folder


@pytest.fixture(scope="module")
def rolls(archives, tmp_path_factory) -> Store:
    """The store of that archive."""
    folder = tmp_path_factory.mktemp("rolls") / "store"
    prepare([archives / "games.zip"], folder, form="roll")
    return Store.open(folder)


def tiny(z_size):
    return Config(replace(SIZES, z_size=z_size), Data(transpose=(0, 0)), (STAGE,), system="vrae")


def model_of(z_size=4, **changes):
    torch.manual_seed(0)
    return VRAE(replace(SIZES, z_size=z_size, **changes)).eval()


def test_all_its_tables_and_pictures_are_made_and_runs_are_used_again(archives, tmp_path):
    plan = Plan(tiny(2), tiny(4), "games", units=10, map_steps=50, limit=20, played=4, bars=5, steps=100)
    said = []
    reproduce(Job("vrae", archives, tmp_path, report=said.append), plan)
    pictures = {path.name: path.stat().st_size for path in tmp_path.glob("*.png")}
    assert set(pictures) == {
        "vrae-bound.png",
        "vrae-map.png",
        "vrae-t-sne.png",
        "vrae-thousand-steps.png",
        "vrae-interpolation-2-d-the-paper.png",
        "vrae-interpolation-20-d-the-paper.png",
        "vrae-interpolation-2-d-as-map-plays.png",
        "vrae-interpolation-20-d-as-medley-plays.png",
    }
    assert max(pictures.values()) < 200 << 10
    with (tmp_path / "vrae-options.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["model"] for row in rows] == list(plan.runs())
    assert list(rows[0])[3] == "bound, unheard songs, nats a frame"
    assert all(float(row[key]) < 0 for row in rows for key in list(rows[0])[3:6])
    with (tmp_path / "vrae-playing.csv").open() as file:
        assert {row["model"] for row in csv.DictReader(file)} == {*PLAYS.values(), "the songs"}
    text = (tmp_path / "vrae.md").read_text()
    assert "of the same song" in text
    assert "Own songs are the training songs" in text
    before = len(said)
    reproduce(Job("vrae", archives, tmp_path, report=said.append), plan)
    assert sum("is finished" in line for line in said[before:]) == len(plan.runs())


def test_an_archive_that_is_not_there_is_named(tmp_path):
    with pytest.raises(PaperError, match=r"vrae needs games\.zip, which --data names the folder of"):
        reproduce(Job("vrae", tmp_path, tmp_path / "out"), Plan(tiny(2), tiny(4), "games"))


def test_the_examination_tells_known_songs_from_unheard_ones(rolls):
    path = next(song.path for song in rolls.songs if song.split == "train")
    results = examine(model_of(songs=(path,)), rolls, samples=3, draws=0)
    known, other = results["sources"]["known"], results["sources"]["games"]
    assert (known["of"], other["of"]) == (6, 12)
    assert known["bound"] <= known["importance_sampled"] + 0.05
    assert set(known) == set(other)


def test_collapse_is_reported(rolls):
    model = model_of()
    with torch.no_grad():
        for part in (model.mu, model.log_sigma):
            part.weight.zero_()
            part.bias.zero_()
    collapsed = examine(model, rolls, samples=2, draws=0)["sources"]["known"]
    assert collapsed["collapsed"]
    assert collapsed["active_units"] == 0
    assert collapsed["kl_bits"] == pytest.approx(0.0, abs=1e-6)
    assert collapsed["bound"] == pytest.approx(collapsed["importance_sampled"], abs=0.05)


def test_a_split_without_an_excerpt_is_said(tmp_path, archives):
    prepare([archives / "games.zip"], tmp_path / "store", form="roll")
    store = Store.open(tmp_path / "store")
    empty = Store(store.rows, (), store.windows, store.bars, store.meta)
    with pytest.raises(EvaluateError, match="no excerpt in split test"):
        examine(model_of(), empty)
    with pytest.raises(LatentsError, match="0 excerpts"):
        measure(model_of(), empty)


@pytest.mark.parametrize("z_size", [2, 4])
def test_a_models_latents_are_as_long_as_its_z_and_lie_where_its_songs_do(rolls, z_size):
    found = measure(model_of(z_size), rolls, bases=6)
    assert len(found.mean) == len(found.std) == z_size
    assert found.anchors
    assert all(len(anchor) == z_size for anchor in found.anchors)
    if z_size == 2:
        assert [axis.name for axis in found.axes] == ["map x", "map y"]
        assert [np.flatnonzero(axis.vector).tolist() for axis in found.axes] == [[0], [1]]
    for axis in found.axes:
        assert axis.low < 0 < axis.high
        assert axis.description


def ruled(lean):
    """A model whose every frame is what z says: the first half of the pitches, or the second."""
    model = model_of(z_size=4, lean=lean, feedback="notes")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.initial.weight[0, 0] = 3.0
        weights = dict(model.decoder.named_parameters())
        weights["weight_hh_l0"][0, 0] = 3.0  # it stays as it is
        model.output.weight[:24, 0], model.output.weight[24:, 0] = 20.0, -20.0
    return model


def test_a_turned_z_is_followed_as_far_as_the_state_leans():
    z = torch.zeros(16, 4)
    z[:, 0] = torch.tensor([1.0, -1.0] * 4 + [-1.0, 1.0] * 4)
    followed = obedience(ruled(1.0), z, 0.0)
    assert followed["turned register"] == pytest.approx(1.0)
    assert followed["still register"] == pytest.approx(-1.0)
    assert followed["changed"] == pytest.approx(1.0)
    deaf = obedience(ruled(0.01), z, 0.0)
    assert deaf["turned register"] == pytest.approx(-1.0)
    assert deaf["changed"] == 0.0


@pytest.mark.parametrize("temperature", [0.6, 1.1])
def test_the_temperature_at_which_it_plays_most_like_the_songs_is_found(temperature):
    model, z = model_of(), torch.zeros(40, 4)
    with torch.no_grad():
        model.output.weight.zero_()
        model.output.bias.fill_(-3.0)
    data = of_rolls(model, model.play(z, 4, temperature, logistic(model, 4, 40, seed=1)))
    heat, tried = best_temperature(model, z, data)
    assert heat == pytest.approx(temperature)  # too far apart to be mistaken for a neighbour
    assert tried["sources"]["data"]["best"] == heat


def test_what_it_invents_is_measured_at_the_temperature_that_was_found(rolls):
    prior = examine(model_of(), rolls, samples=2, draws=10, limit=10)["prior"]
    assert prior["temperature"] == prior["temperatures"]["sources"]["data"]["best"]
    assert prior["temperatures"]["samples"] == 2


def test_playing_on_is_compared_with_the_songs(rolls):
    model = model_of()
    data = of_rolls(model, windows(model, rolls, 10))
    found = endurance(model, torch.zeros(3, 4), data, 1.0, bars=6)
    assert all(0.0 <= share <= 1.0 for share in found["last_overlap"].values() if share is not None)
    before = model.config
    table = leans(model, rolls, 3, bars=5, tried=(0.0, 1.0))
    assert set(table) == {0.0, 1.0}
    assert model.config == before
