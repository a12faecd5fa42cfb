"""An exported file that plays without end is held against music as its run is: same draws, music, tables."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import song_archive
from test_examiners import SIZES
from untrained_run import run_of, source

from engine.noise import gumbel
from training import examiners, played, run
from training.cli import main
from training.data.notes import ELEMENTS, MEDIAN
from training.data.prepare import prepare
from training.data.store import Store
from training.export import export
from training.statistics import summary
from training.subject import prior_latents
from training.temperatures import TRIED
from training.vrae.playing import WINDOW, of_rolls
from training.vrash.examine import invent
from training.vrash.phrases import phrases
from training.vrash.statistics import statistics as statistics_of_phrases
from training.vrnn.exported import uniform
from training.vrnn.model import VRNNConfig
from training.vrnn.playing import turned
from training.vrnn.statistics import statistics as statistics_of_rolls

FORMS = {"vrae": "roll", "vrnn": "roll", "vrash": "note"}
FRAMES = 40  # a bar of a roll made of MIDI
ALL = [source("own", FRAMES), source("other", FRAMES)]
DRAWS = 4


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store of each form, made of two archives."""
    root = tmp_path_factory.mktemp("stores")
    own, other = song_archive(root / "own.zip", bars=9), song_archive(root / "other.zip", bars=7)
    for form in ("trio", "roll", "note"):
        prepare([own, other], root / form, form=form)
    return {form: root / form for form in ("trio", "roll", "note")}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each system, `run`, and its file, `model.ts`, in a folder each."""
    root = tmp_path_factory.mktemp("files")
    for system, sizes in SIZES.items():
        (root / system).mkdir()
        export(run_of(system, sizes, root / system / "run", ALL), root / system / "model.ts")
    return {system: root / system for system in SIZES}


def blocks(draw: int, bars: int, steps: int, widths: tuple[int, ...]) -> list[torch.Tensor]:
    """Return the engine's noise of a draw, (bars, steps, width) a stream."""
    drawn = [gumbel(0, draw, bar, steps, widths) for bar in range(bars)]
    return [torch.from_numpy(np.stack(stream)) for stream in zip(*drawn, strict=True)]


def approx(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: pytest.approx(value, rel=1e-6) for name, value in values.items()}


@torch.no_grad()
def test_a_vrnn_s_file_plays_what_its_run_plays_beside_the_same_music(files, stores):
    model, store = run.load(files["vrnn"] / "run").model, Store.open(stores["roll"])
    found = played.examine(files["vrnn"] / "model.ts", store, "test", samples=DRAWS)["prior"]
    steps, size = FRAMES // model.config.every, model.config.z_size
    noise = [blocks(draw, 7, steps, (size, 88)) for draw in range(DRAWS)]  # 70 frames, of which 64 are heard
    normal, bound = (torch.stack([uniform(own[k].flatten(0, 1)) for own in noise]) for k in range(2))
    rolls = turned(model, (torch.special.ndtri(normal), bound), torch.zeros(size + 1))[:, : examiners.PLAYED]
    assert found["statistics"] == approx(summary(statistics_of_rolls(list(rolls.numpy().astype(np.uint8)))))
    of_run = examiners.examine(run.load(files["vrnn"] / "run"), store, "test", samples=DRAWS)["prior"]
    assert {name: row["statistics"] for name, row in found["sources"].items()} == {
        name: row["statistics"] for name, row in of_run["sources"].items()
    }
    assert found["frames"] == of_run["frames"]


@torch.no_grad()
def test_a_vrae_s_file_plays_what_its_run_plays_beside_the_same_music(files, stores):
    model, store = run.load(files["vrae"] / "run").model, Store.open(stores["roll"])
    found = played.examine(files["vrae"] / "model.ts", store, "train", samples=DRAWS)["prior"]
    config, first = model.config, model.config.lowest - 21
    drawn = [blocks(draw, WINDOW, config.bar, (88,))[0].double() for draw in range(DRAWS)]
    chance = torch.logit(torch.exp(-torch.exp(-torch.stack(drawn, 1)))).float()
    noise = chance[:, :, :: config.hold, first : first + config.pitches]
    rolls = model.play(prior_latents(DRAWS, config.z_size, 0), WINDOW, found["temperature"], noise)
    assert found["statistics"] == approx(summary(of_rolls(model, rolls)))
    of_run = examiners.examine(run.load(files["vrae"] / "run"), store, "train", samples=DRAWS)["prior"]
    assert found["data"] == of_run["data"]


@torch.no_grad()
def test_a_vrash_s_file_plays_like_its_run_told_no_label(tmp_path, stores):
    sizes, count = replace(SIZES["vrash"], notes=64), 60
    model = run.load(run_of("vrash", sizes, tmp_path / "run", ALL)).model
    export(tmp_path / "run", tmp_path / "model.ts")
    store = Store.open(stores["note"])
    found = played.examine(tmp_path / "model.ts", store, "test", samples=count)["prior"]
    of_run = examiners.examine(run.load(tmp_path / "run"), store, "test", samples=1)["prior"]
    assert found["data"] == of_run["data"]
    music = phrases(store, sizes)
    like = music.read(np.resize(np.random.default_rng(0).permutation(music.of("test")), 4 * count))
    like[..., len(ELEMENTS) :] = -1
    drawn = invent(model, like, 1)
    drawn[:, 0, 0] = MEDIAN  # a file's first note counts as one after a median pause
    values = statistics_of_phrases(drawn)
    for name, mean in found["statistics"].items():
        error = np.nanstd(values[name]) * np.sqrt(1 / count + 1 / len(like))
        assert mean == pytest.approx(np.nanmean(values[name]), abs=4 * error), name


@pytest.mark.parametrize("system", list(SIZES))
def test_a_file_s_figures_are_printed_as_its_run_s(system, files, stores, capsys):
    folder = files[system]
    flags = ["--data", str(stores[FORMS[system]]), "--samples", "2", "--limit", "5"]
    told = []
    for path in (folder / "run", folder / "model.ts", folder / "model.ts"):
        assert main(["evaluate", str(path), *flags]) == 0
        told.append(capsys.readouterr().out)
    assert told[1] == told[2]
    assert told[1].startswith("Split `test`, float32 weights. The file holds no encoder: ")
    beside = "own | other" if system == "vrnn" else "data"
    rows = [text.partition(f"| temperature | {beside} |\n")[2].split("\n") for text in told]
    assert len(rows[0]) == len(rows[1]) == len(TRIED) + 2
    heads = [[line.split(" | ")[0] for line in text.split("\n") if line.startswith("| ")] for text in told]
    assert heads[0][-len(heads[1]) :] == heads[1]
    assert main(["evaluate", str(folder / "model.ts"), *flags, "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert results["prior"]["samples"] == 2
    assert results["model"]["identity"] == run.identity(run.load(folder / "run").model)


def test_music_that_a_file_did_not_learn_from_stands_aside_or_is_called_so(tmp_path, stores):
    store = Store.open(stores["roll"])
    for name, columns in (("own", ["own"]), ("mine", ["own, not trained on", "other, not trained on"])):
        export(run_of("vrnn", SIZES["vrnn"], tmp_path / name, [source(name, FRAMES)]), tmp_path / "model.ts")
        found = played.examine(tmp_path / "model.ts", store, "test", limit=2, samples=1)
        assert list(found["prior"]["sources"]) == columns
        assert f"| temperature | {' | '.join(columns)} |" in played.table(found)


@pytest.mark.parametrize(
    ("called", "message"),
    [
        ("vrae trio", "family is 'vrae': the store's codec is trio, expected roll, which `live-train"),
        ("vrnn note", "the store's codec is note, expected roll"),
        ("vrash roll", "expected note, which `live-train prepare --codec note` writes"),
        ("vrash note --samples 0", "--samples is 0, expected 1 or more"),
    ],
)
def test_what_a_file_cannot_be_compared_with_is_named(called, message, files, stores, capsys):
    system, form, *flags = called.split()
    path = str(files[system] / "model.ts")
    assert main(["evaluate", path, "--data", str(stores[form]), *flags]) == 2
    said = capsys.readouterr().err
    assert f"{path}: " in said
    assert message in said
    assert said.count("\n") == 1


def test_a_split_without_music_and_an_unknown_grid_are_named(files, stores):
    store = Store.open(stores["roll"])
    empty = replace(store, songs=tuple(song for song in store.songs if song.split == "train"))
    with pytest.raises(played.PlayedError, match="there is no music of own, other in split test"):
        played.examine(files["vrae"] / "model.ts", empty, "test", samples=1)
    for frames, told in ((0, "own has an unknown number of frames"), (16, "own has 16 frames")):
        sources = [{**made, "frames_a_bar": frames} for made in store.meta["sources"]]
        odd = replace(store, meta={**store.meta, "sources": sources})
        with pytest.raises(played.PlayedError, match=f"{told} in a bar of 4/4, expected a multiple of 10"):
            played.examine(files["vrnn"] / "model.ts", odd, "test", samples=1)


def test_a_feel_is_sent_to_its_run_s_folder(tmp_path, stores, capsys):
    sizes = VRNNConfig(features=8, units=8, z_size=3, form="feel", output="gauss")
    export(run_of("vrnn", sizes, tmp_path / "run", [source("groove", 0)]), tmp_path / "feel.ts")
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "feel.ts"), "--data", str(stores["roll"])]) == 2
    said = capsys.readouterr().err
    assert "feel.ts: family is 'vrnn-feel', which plays drums that are given" in said
    assert "evaluate its run's folder on a store of `prepare --codec feel`" in said
