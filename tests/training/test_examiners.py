"""The examination of the systems beside MusicVAE through the command: its options, its tables, its card."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import song_archive
from untrained_run import run_of

from engine.manifest import read
from training import run
from training.cli import main
from training.data.prepare import prepare
from training.data.store import Store
from training.evaluate import interpolation
from training.examiners import examine, table
from training.export import export
from training.sentences import knobs
from training.tables import MOVE
from training.temperatures import TRIED
from training.vrae import model as vrae
from training.vrash import model as vrash
from training.vrnn.model import VRNNConfig

ROOT = Path(__file__).parents[2]
SIZES: Mapping[str, Any] = {
    "vrae": vrae.ModelConfig(z_size=2, units=12, steps=40, bar=40, hop=20),
    "vrnn": VRNNConfig(features=12, units=10, z_size=4, every=4),
    "vrash": vrash.ModelConfig(
        embedding=6, label=3, encoder=8, units=16, z_size=4, notes=16, depth=1, sources=("own",)
    ),
}
FORMS = {"vrae": "roll", "vrnn": "roll", "vrash": "note"}
COUNTED = {"vrae": "excerpts", "vrnn": "frames", "vrash": "phrases"}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A store of each form, made of two archives: `own`, and `other`, which no run drew from."""
    root = tmp_path_factory.mktemp("stores")
    own, other = song_archive(root / "own.zip"), song_archive(root / "other.zip", bars=7)
    for form in ("roll", "note"):
        prepare([own, other], root / form, form=form)
    return {form: root / form for form in ("roll", "note")}


@pytest.mark.parametrize("system", list(SIZES))
def test_limit_and_samples_are_heard(
    system: str, stores: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_of(system, SIZES[system], tmp_path / "run")
    found = []
    for limit, samples in ((1, 3), (2, 0)):
        command = ["evaluate", str(folder), "--data", str(stores[FORMS[system]]), "--json"]
        assert main([*command, "--limit", str(limit), "--samples", str(samples)]) == 0
        found.append(json.loads(capsys.readouterr().out))
    few, more = (results["sources"]["own"][COUNTED[system]] for results in found)
    assert 0 < few < more
    assert found[0]["prior"]["samples"] == 3
    assert "prior" not in found[1]


@pytest.mark.parametrize("system", list(SIZES))
def test_figures_tell_which_songs_a_run_never_drew_from(
    system: str, stores: dict[str, Path], tmp_path: Path
) -> None:
    loaded = run.load(run_of(system, SIZES[system], tmp_path / "run"))
    results = examine(loaded, Store.open(stores[FORMS[system]]), "test", limit=4, samples=4)
    assert list(results["not trained on"]) == ["other"]
    assert set(results["sources"]) == ({"known", "own"} if system == "vrae" else {"own"})
    told = table(results)
    assert "| other, not trained on |" in told
    assert "4 draws from the prior" in told
    assert ("goes on from the mean of the posterior of what was played" in told) == (system == "vrnn")
    assert "| in key |" in told
    beside = "own" if system == "vrnn" else "data"  # a VRNN is held against each source
    assert list(results["prior"]["temperatures"]["sources"]) == [beside]
    rows = told.partition(f"| temperature | {beside} |\n|---|---|\n")[2].split("\n")
    assert [row.split(" | ")[0] for row in rows] == [f"| {tried:g}" for tried in TRIED]
    at_an_end = f"Most like {beside} at " in told
    assert sum("**" in row for row in rows) == (not at_an_end)


@pytest.mark.parametrize(("system", "unit"), [("vrnn", "piece"), ("vrash", "phrase")])
def test_a_split_without_music_is_refused_by_its_name(
    system: str, unit: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare([song_archive(tmp_path / "own.zip", splits=("train",))], tmp_path / "store", form=FORMS[system])
    folder = run_of(system, SIZES[system], tmp_path / "run")
    assert main(["evaluate", str(folder), "--data", str(tmp_path / "store"), "--split", "test"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"live-train: there is no {unit} in split test\n")


def test_the_parts_of_a_figure_and_the_smoothness_are_tabled(stores: dict[str, Path], tmp_path: Path) -> None:
    for system in ("vrae", "vrash"):
        loaded = run.load(run_of(system, SIZES[system], tmp_path / system))
        results = examine(loaded, Store.open(stores[FORMS[system]]), "test", limit=4, samples=0)
        own, told = results["sources"]["own"], table(results)
        assert own["interpolation"]["pairs"] > 0
        assert MOVE in told
        assert f"{own['interpolation']['largest_move']:.3f} |" in told
    for kind in ("accuracy", "sampled_accuracy"):
        assert set(own[kind]) == {"delay", "pitch class", "octave"}
        assert f"| {kind.replace('_', ' ')} delay |" in told
        assert all(0.0 <= share <= 1.0 for share in own[kind].values())


def test_a_smooth_walk_has_even_moves_and_a_jump_is_one() -> None:
    mu = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    places = torch.arange(8)

    def even(z: torch.Tensor) -> torch.Tensor:
        angle = torch.atan2(z[:, 1], z[:, 0]) / (np.pi / 2) * 8
        return (places + 0.5 < angle.unsqueeze(1)).long()

    assert interpolation(even, mu)["largest_move"] == pytest.approx(1 / 8)
    jump = interpolation(lambda z: (z[:, :1] > 0.5).long().expand(-1, 8), mu)
    assert jump["largest_move"] == 1.0
    assert jump["tokens_changed_end_to_end"] == 1.0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("system", list(SIZES))
def test_a_run_on_a_gpu_has_the_same_figures(system: str, stores: dict[str, Path], tmp_path: Path) -> None:
    folder, store = run_of(system, SIZES[system], tmp_path / "run"), Store.open(stores[FORMS[system]])
    found = [
        examine(run.load(folder, device), store, "test", limit=2, samples=2) for device in ("cpu", "cuda")
    ]
    first, second = (results["sources"]["own"]["bound"] for results in found)
    assert first == pytest.approx(second, rel=0.1)  # a VRNN draws its noise where it is


@pytest.mark.parametrize(("system", "unit"), [("vrae", "frame"), ("vrash", "note")])
def test_a_card_tells_how_its_model_was_chosen_and_measured(
    system: str, unit: str, stores: dict[str, Path], tmp_path: Path
) -> None:
    export(
        run_of(system, SIZES[system], tmp_path / "run"), tmp_path / "model.ts", store=stores[FORMS[system]]
    )
    card = (tmp_path / "CARD.md").read_text()
    assert f"the best checkpoint on the validation split (loss 1.250 nats a {unit})." in card
    assert f"nats are a {unit}'s." in card
    assert "1000 draws from the prior" in card
    assert "What a knob does to 64 latents of training music" in card


def test_a_card_tells_what_a_vrnn_goes_on_from_where_it_has_latents(
    stores: dict[str, Path], tmp_path: Path
) -> None:
    export(run_of("vrnn", SIZES["vrnn"], tmp_path / "run"), tmp_path / "model.ts", store=stores["roll"])
    card = (tmp_path / "CARD.md").read_text()
    assert "goes on from the mean of the posterior of what was played, as it does live" in card
    rnn = run.load(run_of("vrnn", replace(SIZES["vrnn"], latent="none"), tmp_path / "rnn"))
    told = table(examine(rnn, Store.open(stores["roll"]), "test", limit=4, samples=4))
    assert "4 draws from the prior" in told
    assert "goes on from" not in told


def test_what_is_said_of_knobs_is_that_of_their_system() -> None:
    shipped = {name: read(ROOT / "presets" / name / "model.ts") for name in ("trio", "tune", "chorale")}
    sane = "standard deviations of the latents, as far as music stays within the data's statistics."
    assert knobs(shipped["trio"]).endswith(sane)
    assert "that of pace, which is no latent but how fast the notes go by, is fixed." in knobs(
        shipped["tune"]
    )
    chorale = knobs(shipped["chorale"])
    assert chorale.startswith(
        "What a knob does to 48 sequences of 48 frames drawn from the prior with the same"
    )
    assert "in standard deviations of each step's prior" in chorale
    assert "that of surprise is in doublings" in chorale
    others = tuple(axis for axis in shipped["chorale"].axes if axis.name != "surprise")
    assert "doublings" not in knobs(replace(shipped["chorale"], axes=others))
    medley = replace(shipped["tune"], family="vrae")
    assert knobs(medley).endswith(sane)
    assert knobs(replace(medley, z_size=2)).endswith("as far as the excerpts of its songs lie on the map.")


def test_a_card_says_that_its_songs_were_to_be_known_by_heart(
    stores: dict[str, Path], tmp_path: Path
) -> None:
    songs = tuple(song.path for song in Store.open(stores["roll"]).songs if song.split == "train")[:1]
    folder = run_of("vrae", replace(SIZES["vrae"], songs=songs), tmp_path / "run")
    export(folder, tmp_path / "model.ts", store=stores["roll"])
    card = (tmp_path / "CARD.md").read_text()
    assert "on its training songs, to be known by heart (training loss 1.250 nats a frame)." in card
    assert "validation" not in card
    assert "they chose its best checkpoint, too" in card
    assert "beside windows of its own, the training songs" in card
