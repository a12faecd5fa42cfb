"""The loop: the same curve after an interruption, the best kept, budgets and configurations honoured."""

import csv
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from midi_song import Track, midi, tune
from small import TINY

from training import run
from training.config import Config, ConfigError, Data, Stage
from training.configfile import load
from training.curves import Pace
from training.data.prepare import prepare
from training.data.store import Store
from training.fit import fit
from training.loop import FitError
from training.musicvae import beginning, delayline
from training.run import RunError

SILENT = {"report": lambda line: None}


def curve(folder):
    with (folder / "curves.csv").open() as file:
        return [
            {k: v for k, v in row.items() if k not in ("minutes", "iterations_per_second")}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("pauses", [(3, 9), (4, 8), (1, 10)])
def test_a_run_in_pieces_is_the_run_in_one(band, tiny, tmp_path, pauses):
    fit(tiny, band, tmp_path / "one", **SILENT)
    for until in (*pauses, None):
        fit(tiny, band, tmp_path / "pieces", until=until, **SILENT)
    assert curve(tmp_path / "pieces") == curve(tmp_path / "one")
    one, pieces = run.load(tmp_path / "one").model, run.load(tmp_path / "pieces").model
    for (name, a), b in zip(one.state_dict().items(), pieces.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


def test_a_stage_to_come_may_change_and_one_that_has_begun_may_not(band, tiny, tmp_path):
    fit(tiny, band, tmp_path, until=6, **SILENT)  # within the second stage
    first, second, third = tiny.stages
    later = replace(tiny, stages=(first, second, replace(third, beta=0.05)))
    with pytest.raises(RunError, match=r"stages\.2\.learning_rate is now 0\.5, the run has"):
        fit(
            replace(tiny, stages=(first, replace(second, learning_rate=0.5), third)), band, tmp_path, **SILENT
        )
    assert fit(later, band, tmp_path, **SILENT).total == 12
    with pytest.raises(RunError, match=r"stages\.3\.beta is now 0\.2, the run has 0\.05"):
        fit(tiny, band, tmp_path, **SILENT)


def test_a_finished_run_is_left_as_it_is(band, tiny, tmp_path):
    fit(tiny, band, tmp_path, **SILENT)
    before = (tmp_path / "best.pt").stat().st_mtime_ns
    assert fit(tiny, band, tmp_path, **SILENT).total == 12
    assert (tmp_path / "best.pt").stat().st_mtime_ns == before


def test_minutes_are_those_of_computing(band, tiny, tmp_path):
    asleep = 1.5  # seconds in which something else has the processor

    def rest(_line):
        time.sleep(asleep)

    before = time.thread_time()
    spent = fit(tiny, band, tmp_path, report=rest).spent
    # Three stages, validated at least once each.
    assert 0.0 < spent <= time.thread_time() - before < 3 * asleep


def test_minutes_end_every_stage_with_a_model_that_plays(band, tiny, tmp_path):
    endless = replace(tiny, stages=tuple(replace(stage, iterations=10**9) for stage in tiny.stages))
    progress = fit(endless, band, tmp_path, minutes=0.02, **SILENT)
    assert progress.stage == 3
    assert run.load(tmp_path).model.generate(torch.zeros(1, TINY.z_size)).shape == (1, 16, 16, 3)
    assert (tmp_path / "curves.png").exists()


def test_a_start_for_the_conductor_fits_into_little_time(band, tiny, tmp_path):
    endless = replace(tiny, stages=tuple(replace(stage, iterations=10**9) for stage in tiny.stages))
    said: list[str] = []
    fit(endless, band, tmp_path / "short", minutes=1e-4, report=said.append)
    assert "the conductor begins as the best linear map of 8 windows" in said  # one batch
    fit(tiny, band, tmp_path / "long", report=said.append)
    assert "the conductor begins as the best linear map of 120 windows" in said


def test_a_machine_busy_with_something_else_makes_no_start_for_the_conductor_smaller(
    band, tiny, tmp_path, monkeypatch
):
    def rest(*given):
        time.sleep(1.5)
        delayline.start(*given)

    monkeypatch.setattr(beginning, "delayline", SimpleNamespace(start=rest))
    said: list[str] = []
    fit(tiny, band, tmp_path, minutes=0.5, report=said.append)  # a stage has ten seconds
    assert "the conductor begins as the best linear map of 120 windows" in said


def test_a_better_model_than_the_checkpoints_is_not_lost(band, tiny, tmp_path):
    fit(tiny, band, tmp_path, until=10, **SILENT)  # within the last stage, validated once
    best = run.read(tmp_path / "best.pt", "cpu")
    best["row"]["loss"] = 0.0  # as one that came after the last checkpoint
    run.save(tmp_path / "best.pt", best)
    fit(tiny, band, tmp_path, **SILENT)
    assert run.read(tmp_path / "best.pt", "cpu")["row"]["loss"] == 0.0


def test_a_run_says_within_which_keys_it_learnt(band, tiny, tmp_path):
    fit(replace(tiny, data=Data(transpose=(-2, 3))), band, tmp_path, **SILENT)
    loaded = run.load(tmp_path)
    assert run.span(tmp_path, loaded) == (-2, 3)
    earlier = replace(loaded, meta={key: value for key, value in loaded.meta.items() if key != "transpose"})
    assert run.span(tmp_path, earlier) == (-2, 3)
    (tmp_path / run.LAST).unlink()
    assert run.span(tmp_path, earlier) == (-6, 5)


def test_weights_to_begin_with_are_refused_for_a_run_that_has_begun(band, tiny, tmp_path):
    fit(tiny, band, tmp_path / "one", until=2, **SILENT)
    fit(tiny, band, tmp_path / "other", until=2, start=tmp_path / "one", **SILENT)
    fit(tiny, band, tmp_path / "other", until=4, start=tmp_path / "one", **SILENT)  # the same command again
    with pytest.raises(RunError, match=r"one: began without the weights of .*other; --from is for a new"):
        fit(tiny, band, tmp_path / "one", start=tmp_path / "other", **SILENT)


def test_a_checkpoint_of_something_else_is_refused_and_left(band, tiny, tmp_path):
    run.save(tmp_path / "last.pt", {"x": 1})
    with pytest.raises(RunError, match=r"last\.pt: not a checkpoint of this version: no model, optimiser"):
        fit(tiny, band, tmp_path, **SILENT)
    assert run.read(tmp_path / "last.pt", "cpu") == {"x": 1}


def test_the_pace_is_that_of_the_last_lap():
    pace = Pace(100, since=time.monotonic() - 1000.0)
    assert pace.due()
    assert pace.line("bars", 1100, 2.5) == "bars 1100  batch 2.5000  1.00 it/s"
    assert not pace.due()
    assert pace.lap(1100) == 0.0


def test_a_flat_model_trains(band, tmp_path):
    config = Config(replace(TINY, family="flat"), Data(), (Stage("windows", iterations=2, batch=2),))
    assert fit(config, band, tmp_path, **SILENT).total == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stages: expected at least one"),
        ("[[stages]]\n", "stages[0].objective: missing"),
        ('[[stages]]\nobjective = "songs"\n', "stages[0].objective: 'songs', allowed bars, codes, windows"),
        ('[[stages]]\nobjective = "bars"\nbatch = "x"\n', "stages[0].batch: 'x', expected int"),
        ('[[stages]]\nobjective = "bars"\nbeta = -1\n', "stages[0].beta: -1.0, expected a number from 0"),
        ('[model]\nlayers = 3\n[[stages]]\nobjective = "bars"\n', "model.layers: unknown key"),
        ('[model]\nfamily = "flat"\n[[stages]]\nobjective = "bars"\n', "needs a hierarchical model"),
        ("seed = \n", "Invalid value"),
        ('[[stages]]\nobjective = "bars"\niterations = 0\n', "iterations: 0, expected a number above 0"),
        ('[[stages]]\nobjective = "bars"\nbar_encoder = 1\n', "bar_encoder: 1, expected true or false"),
        ('[data]\ntranspose = 5\n[[stages]]\nobjective = "bars"\n', "data.transpose: 5, expected a list"),
        ('[data]\ntranspose = [true, 5]\n[[stages]]\nobjective = "bars"\n', "expected a list of whole"),
        ('[data.weights]\nx = "y"\n[[stages]]\nobjective = "bars"\n', "data.weights.x: 'y', expected float"),
    ],
)
def test_a_wrong_configuration_is_named(tmp_path, text, message):
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        load(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_the_best_on_validation_is_kept(band, tiny, tmp_path):
    wild = replace(tiny.stages[0], iterations=12, learning_rate=0.5, learning_rate_end=0.5)
    fit(replace(tiny, stages=(wild,)), band, tmp_path, **SILENT)
    losses = [float(row["loss"]) for row in curve(tmp_path)]
    assert losses.index(min(losses)) != len(losses) - 1  # the rate is far too high: it gets worse again
    assert run.read(tmp_path / "best.pt", "cpu")["row"]["loss"] == pytest.approx(min(losses), rel=1e-5)


def test_a_folder_of_another_run_is_refused(band, tiny, tmp_path):
    fit(tiny, band, tmp_path, until=1, **SILENT)
    for other, key in (
        (replace(tiny, model=replace(TINY, decoder=24)), "model.decoder is now 24, the run has 16"),
        (replace(tiny, stages=tiny.stages[1:]), "stages.1.objective is now 'codes', the run has 'bars'"),
        (replace(tiny, data=Data(transpose=(0, 0))), "data.transpose is now [0, 0], the run has [-6, 5]"),
    ):
        with pytest.raises(run.RunError) as error:
            fit(other, band, tmp_path, **SILENT)
        assert key in str(error.value)


def test_a_run_that_diverges_stops_and_says_where(band, tiny, tmp_path):
    broken = replace(tiny.stages[0], iterations=50, learning_rate=1e30, learning_rate_end=1e30)
    with pytest.raises(FitError, match="stage 1, iteration"):
        fit(replace(tiny, stages=(broken,)), band, tmp_path, **SILENT)


def test_what_a_later_stage_lacks_is_said_before_the_first(tiny, tmp_path):
    folder = tmp_path / "tunes"
    folder.mkdir()
    for seed in range(12):
        (folder / f"{seed}.mid").write_bytes(midi([Track(tune(18, seed))]))
    prepare([folder], tmp_path / "store")
    with pytest.raises(ConfigError, match="stage codes: the store's train split has no windows of all three"):
        fit(tiny, Store.open(tmp_path / "store"), tmp_path / "run", **SILENT)
    assert not (tmp_path / "run" / "curves.csv").exists()


def test_a_model_of_another_grid_than_the_store_is_refused(band, tiny, tmp_path):
    with pytest.raises(ConfigError, match=r"model\.steps_per_bar is 12, the store has 16"):
        fit(replace(tiny, model=replace(TINY, steps_per_bar=12)), band, tmp_path, **SILENT)


@pytest.mark.parametrize(("voices", "bars"), [(("melody",), 2), (("drums",), 2), (("melody",), 8)])
def test_models_of_some_voices_and_fewer_bars_train(band, tmp_path, voices, bars):
    sizes = replace(TINY, family="flat", voices=voices, bars=bars)
    config = Config(sizes, Data(), (Stage("windows", iterations=2, batch=2, validate_every=1),))
    progress = fit(config, band, tmp_path, **SILENT)
    assert {name for name in progress.rows[-1] if name.endswith("_sampled_accuracy")} == {
        f"{voice}_sampled_accuracy" for voice in voices
    }
    assert run.load(tmp_path).model.generate(torch.zeros(1, 8)).shape == (1, bars, 16, len(voices))


def test_a_broken_checkpoint_is_named(tmp_path):
    (tmp_path / "best.pt").write_bytes(b"half")
    with pytest.raises(run.RunError, match="not a checkpoint"):
        run.load(tmp_path)
    with pytest.raises(run.RunError, match="missing"):
        run.load(tmp_path / "nowhere")


def test_a_run_begins_with_the_weights_of_another_and_goes_on_without_it(band, tiny, tmp_path):
    slow = {"learning_rate": 1e-12, "learning_rate_end": 1e-12}
    still = replace(tiny, stages=tuple(replace(stage, **slow) for stage in tiny.stages))
    first = tmp_path / "first"
    fit(tiny, band, first, **SILENT)
    begun = run.load(first)
    fit(still, band, tmp_path / "second", start=first, until=6, **SILENT)  # within the second stage
    first.rename(tmp_path / "elsewhere")
    fit(still, band, tmp_path / "second", **SILENT)
    second = run.load(tmp_path / "second")
    for name, weight in begun.model.state_dict().items():  # codes have not begun the conductor anew
        assert torch.allclose(second.model.state_dict()[name], weight, atol=1e-9), name
    (before,) = second.meta["before"]
    assert (before["identity"], before["objective"]) == (run.identity(begun.model), "windows")
    assert before["row"]["total"] == begun.meta["row"]["total"]
    fit(still, band, tmp_path / "third", start=tmp_path / "second", until=1, **SILENT)
    third = run.read(tmp_path / "third" / run.LAST, "cpu")["before"]
    assert [past["identity"] for past in third] == [before["identity"], run.identity(second.model)]


def test_a_start_of_bars_alone_gets_its_conductor_from_the_codes(band, tiny, tmp_path):
    fit(tiny, band, tmp_path / "bars", until=4, **SILENT)
    assert run.load(tmp_path / "bars").meta["objective"] == "bars"
    slow = replace(tiny.stages[1], learning_rate=1e-12, learning_rate_end=1e-12)
    fit(replace(tiny, stages=(slow,)), band, tmp_path / "codes", start=tmp_path / "bars", **SILENT)
    bars, codes = (run.load(tmp_path / name).model for name in ("bars", "codes"))
    assert not torch.allclose(bars.encoder.mu.weight, codes.encoder.mu.weight)


def test_a_stage_resumed_with_no_time_left_still_leaves_its_best(band, tiny, tmp_path):
    fit(tiny, band, tmp_path, until=9, **SILENT)  # one iteration into the windows, before their validation
    fit(tiny, band, tmp_path, minutes=1e-9, **SILENT)
    assert run.load(tmp_path).meta["objective"] == "windows"


def test_a_start_of_another_shape_is_named(band, tiny, tmp_path):
    fit(tiny, band, tmp_path / "first", **SILENT)
    wider = replace(tiny, model=replace(tiny.model, code=16))
    with pytest.raises(RunError, match=r"first: not the shape .* size mismatch for encoder\.code\.weight"):
        fit(wider, band, tmp_path / "second", start=tmp_path / "first", **SILENT)
