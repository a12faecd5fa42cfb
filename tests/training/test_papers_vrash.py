"""What the paper's figures need, from archives to pictures, on tiny tunes; and the examination itself."""

import csv
import random
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from midi_song import Track, midi

from engine.manifest import Axis
from training import examiners
from training.config import Config, ConfigError, Data, Stage
from training.configfile import load
from training.data.store import Store
from training.evaluate import EvaluateError
from training.fit import fit
from training.latents import LatentsError
from training.papers import CONFIGS
from training.papers.job import Job
from training.papers.vrash import reproduce, verdict
from training.papers.vrash_plan import BASELINES, MODELS, OURS, UNTRAINED, Plan
from training.vrash.bound import notes
from training.vrash.examine import examine
from training.vrash.latents import measure
from training.vrash.model import VRASH, ModelConfig
from training.vrash.phrases import PhraseStream, phrases, transpose
from training.vrash.statistics import errors, pooled_entropy, statistics

TINY = ModelConfig(
    sources=("jigs", "reels"), notes=16, embedding=4, label=2, encoder=8, units=12, depth=1, head=8, z_size=4
)
CONFIGURED = Config(
    TINY, Data(transpose=(-2, 2)), (Stage("notes", 2, batch=8, beta=1.0, validate_every=2),), "vrash"
)
STAGE = CONFIGURED.stages[0]


def tune(seed, notes=50):
    chance = random.Random(seed)
    onset, written = 0.0, []
    for _ in range(notes):
        written.append((onset, 0.25, 60 + chance.choice((0, 2, 4, 5, 7, 9, 11, 12))))
        onset += chance.choice((0.5, 0.5, 0.5, 1.0))
    return midi([Track(written, 0, 20 + seed, "Tune")])


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A job of two archives with tunes in every split."""
    root = tmp_path_factory.mktemp("archives")
    for shift, name in enumerate(TINY.sources):
        rows = ["path,split,group"]
        with zipfile.ZipFile(root / f"{name}.zip", "w") as archive:
            for index, split in enumerate(("train", "train", "valid", "test")):
                archive.writestr(f"{index}.mid", tune(10 * shift + index))
                rows.append(f"{index}.mid,{split},{name}{index}")
            archive.writestr("MANIFEST.csv", "\n".join(rows))
    return Job("vrash", root, root / "results", report=lambda text: None)


@pytest.fixture(scope="module")
def store(job):
    return job.store("note", *TINY.sources)


def test_the_paper_is_reproduced_from_archives_to_pictures(job, store):
    plan = Plan(CONFIGURED, TINY.sources, limit=20, samples=3, draws=12, latents=12)
    reproduce(job, plan)
    with (job.output / "vrash-cross-entropy.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["model"] for row in table] == ["untrained", *MODELS]
    for row in table:
        assert 0 < float(row["cross-entropy, nats a note"]) < 9
        if row["model"].startswith("V"):
            parts = float(row["cross-entropy, nats a note"]) + float(row["KL"])
            assert parts == pytest.approx(float(row["bound"]))
    assert [row["published"] for row in table] == ["", "", "2.34", "", "", "2.11", ""]
    for name in ("-elements.csv", "-samples.csv", "-cross-entropy.png", "-t-sne.png", ".md"):
        assert (job.output / f"vrash{name}").stat().st_size > 100
    with (job.output / "vrash-samples.csv").open() as file:
        samples = list(csv.DictReader(file))
    assert [row["model"] for row in samples] == ["data", "untrained", *MODELS]
    for row in samples:
        mean, error = map(float, row["repeated notes"].split(" +- "))
        assert 0 <= mean <= 1
        assert 0 <= error < 0.5  # twelve phrases of a model that has learnt nothing may repeat none
    text = (job.output / "vrash.md").read_text()
    likelihoods = {row["model"]: float(row["cross-entropy, nats a note"]) for row in table}
    better = min(("LM, highway", "LM, LSTM"), key=likelihoods.__getitem__)
    assert f"VRASH, highway, against the better language model, {better}, nats a note: " in text
    assert f"{likelihoods['VRASH, highway'] - likelihoods[better]:+.3f} in cross-entropy" in text
    assert "the nearest other one that is not the same note for note is of the same source" in text
    before = (job.output / "runs" / "lm-lstm" / "best.pt").stat().st_mtime_ns
    reproduce(job, plan)  # finished runs are used again
    assert (job.output / "runs" / "lm-lstm" / "best.pt").stat().st_mtime_ns == before


def examined(above, told, repeats, error):
    """Return what is examined of models, `above` the language models' nats as they are and with z `told`."""

    def results(nats, bound, repeated):
        likelihood = {"cross_entropy": nats, "bound": bound, "importance_sampled": bound}
        prior = {"statistics": {"repeated notes": repeated}, "data": {"repeated notes": 0.16}}
        prior["errors"] = {whose: {"repeated notes": error} for whose in ("model", "data")}
        return {"all": likelihood, "prior": prior | {"overlap": {"repeated notes": 0.5, "range": 0.9}}}

    found = {name: results(2.4, 2.4, 0.18) for name in BASELINES}
    return found | {UNTRAINED: results(7.0, 7.0, 0.01), OURS: results(2.4 + above, 2.4 + told, repeats)}


@pytest.mark.parametrize(
    ("above", "told", "words"),
    [
        (-0.1, 0.03, ("likelier", "less likely")),
        (-0.1, -0.03, ("likelier", "likelier")),
        (0.1, 0.2, ("less likely", "less likely")),
    ],
)
def test_whether_notes_are_likelier_goes_by_the_sign(above, told, words):
    text = verdict(examined(above, told, 0.17, 0.01))
    assert f"{above:+.3f} in cross-entropy" in text
    assert f"given z its notes are {words[0]} than under the language model" in text
    assert f"with what it costs to tell z they are {words[1]}." in text


@pytest.mark.parametrize(
    ("repeats", "error", "word"),
    [
        (0.175, 0.005, "level within the error"),
        (0.150, 0.005, "fewer"),
        (0.210, 0.005, "more"),
        (0.166, 0.005, "level within the error"),  # beyond twice its own error, not that of the difference
        (0.150, None, "level within the error"),
    ],
)
def test_fewer_notes_are_repeated_only_beyond_the_error(repeats, error, word):
    text = verdict(examined(-0.1, 0.03, repeats, error))
    beside = "" if error is None else f" +- {error:.3f}"
    assert (
        f"Repeated notes: {word}, {repeats:.3f}{beside} against 0.180{beside}, the data has 0.160{beside};"
        in text
    )
    overlaps = "; ".join(f"{name} 0.700" for name in (*BASELINES, UNTRAINED, OURS))
    assert text.endswith(f"Mean overlap with the data: {overlaps}.")


def test_an_error_is_that_of_a_mean_of_phrases_that_have_the_statistic():
    values = {"range": np.array([1.0, 3.0, np.nan, 5.0]), "in key": np.array([1.0, np.nan])}
    assert errors(values) == {"range": pytest.approx(2 / 3**0.5), "in key": None}


def test_an_examination_finds_a_collapsed_latent(store):
    torch.manual_seed(0)
    model = VRASH(TINY)
    with torch.no_grad():
        for layer in (model.encoder.mu, model.encoder.sigma):
            layer.weight.zero_()
        model.encoder.mu.bias.zero_()
        model.encoder.sigma.bias.fill_(0.5413)  # softplus gives 1
    results = examine(model, store, samples=2, draws=8)
    assert results["all"]["collapsed"]
    assert results["all"]["active_units"] == 0
    assert not examine(VRASH(replace(TINY, family="lm")), store, samples=2, draws=0)["all"]["collapsed"]


def test_a_latent_that_a_decoder_does_not_hear_has_collapsed(store):
    torch.manual_seed(0)
    sizes = replace(TINY, family="vae", units=48, encoder=32, head=32)
    model, known = VRASH(sizes).train(), phrases(store, sizes)
    learnt, optimiser = known.read(known.of("train")), torch.optim.Adam(model.parameters(), 1e-2)
    for iteration in range(150):
        loss, _ = notes(model, learnt, replace(STAGE, beta=0.01), iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    heard = examine(model, store, "train", samples=2, draws=0)["all"]
    assert not heard["collapsed"]
    with torch.no_grad():
        model.decoder.initial.weight.zero_()
        model.decoder.cell.heard.weight[:, model.decoder.labels.width :][:, : sizes.z_size] = 0.0
    deaf = examine(model, store, "train", samples=2, draws=0)["all"]
    assert deaf["collapsed"]
    assert (deaf["active_units"], deaf["kl_bits"]) == (heard["active_units"], heard["kl_bits"])
    assert deaf["worth_bits"] == pytest.approx(0.0, abs=1e-4)


def test_an_examination_is_the_same_again_and_its_parts_make_the_whole(store):
    torch.manual_seed(0)
    model = VRASH(TINY)
    results = examine(model, store, samples=4, draws=20)
    assert results == examine(model, store, samples=4, draws=20)
    parts, whole = results["sources"].values(), results["all"]
    assert sum(part["notes"] for part in parts) == whole["notes"] == 2 * 49 - 2  # a rest of one note is none
    for key in ("cross_entropy", "bound", "importance_sampled"):
        mean = sum(part[key] * part["notes"] for part in parts) / whole["notes"]
        assert mean == pytest.approx(whole[key])
    assert whole["importance_sampled"] < whole["bound"]
    assert sum(whole["nats"].values()) == pytest.approx(whole["cross_entropy"])
    assert results["prior"]["samples"] == 20
    assert set(results["prior"]["overlap"]) == set(results["prior"]["statistics"])
    told = [line for line in examiners.table(results).split("\n") if "collapse" not in line]
    assert told[2].startswith("| source | of | phrases | notes | cross entropy |")
    names = [*results["sources"], "all"]
    assert [line.split(" | ")[0] for line in told[4 : 4 + len(names)]] == [f"| {name}" for name in names]
    assert told[3 + len(names)].startswith(f"| all | - | {whole['phrases']} | {whole['notes']} |")


def test_what_cannot_be_examined_is_said(store, band):
    model = VRASH(TINY)
    with pytest.raises(ConfigError, match="the store's codec is trio, expected note"):
        examine(model, band)
    empty = Store(
        store.rows, tuple(s for s in store.songs if s.split == "train"), store.windows, store.bars, store.meta
    )
    with pytest.raises(EvaluateError, match="no phrase in split test"):
        examine(model, empty)
    with pytest.raises(LatentsError, match="a language model has no latents"):
        measure(VRASH(replace(TINY, family="lm")), store)


def test_phrases_are_the_notes_of_their_tracks_with_their_label(store):
    found = phrases(store, TINY)
    notes = found.read(found.of("train"))
    assert notes.shape == (2 * 2 * 3, 16, 5)  # 49 notes: three phrases and one note, which is none
    assert found.names(found.of("train", ["reels"])) == ["reels"] * 6
    song = store.songs[found.spans[0, 0]]
    rows = np.asarray(store.rows[song.first_row : song.first_row + 16])
    assert np.array_equal(notes[0, :, :3].numpy(), rows[:, :3])
    assert set(notes[0, :, 3].tolist()) == {0}
    assert set(notes[0, :, 4].tolist()) == {rows[0, 4] // 8}
    longer = phrases(store, replace(TINY, notes=60))
    whole = longer.read(longer.of("valid"))
    assert (whole[:, 49:] == -1).all()
    assert (whole[:, :49, 0] >= 0).all()
    assert (whole[:, :49, 3:] >= 0).all()
    overlapping = phrases(store, TINY, overlapping=True)
    assert np.unique(overlapping.spans[:, 2]).tolist() == [16]
    assert len(overlapping.spans) == 8 * 9


def test_the_stream_goes_on_where_it_stood_and_hides_some_labels(store):
    stream = PhraseStream(store, CONFIGURED, STAGE, 3)
    first = stream.draw()
    state = stream.state()
    expected = stream.draw()
    again = PhraseStream(store, CONFIGURED, STAGE, 9)
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


def test_axes_begin_with_the_pace_which_moves_the_density(store):
    torch.manual_seed(0)
    measured = measure(VRASH(TINY).eval(), store, count=12)
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
