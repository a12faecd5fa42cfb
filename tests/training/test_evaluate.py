"""The examination: exact on a known model, the same for a run and its export; a collapse is said."""

import json
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
import torch
from midi_song import midi, trio
from small import TINY

from training.cli import main
from training.data.songs import Song
from training.data.store import Store
from training.data.view import view, widened
from training.evaluate import evaluate
from training.export import export_model
from training.fit import fit
from training.musicvae.bound import likelihood
from training.musicvae.model import MusicVAE
from training.run import load
from training.subject import RunSubject, SubjectError, open_subject
from training.tables import table
from training.temperatures import TRIED


class Oracle:
    """A subject that gives back exactly what it heard: it keeps the windows and knows them by number."""

    voices = ("melody", "bass", "drums")
    bars = 16

    @property
    def facts(self):
        return {"family": "oracle", "bars": 16, "weights": "none"}

    def __init__(self):
        self.windows = []

    def encode(self, tokens):
        first = len(self.windows)
        self.windows += list(tokens)
        z = torch.arange(first, len(self.windows), dtype=torch.float32).unsqueeze(1)
        return z.repeat(1, 2), torch.full((len(tokens), 2), 1e-4)

    def forced(self, z, tokens):
        return self.sure(self.generate(z, 0.0, 0))

    def sure(self, tokens):
        flat = tokens.flatten(1, 2)
        return [
            20.0 * torch.nn.functional.one_hot(flat[..., v], size).float()
            for v, size in enumerate((130, 130, 512))
        ]

    def generate(self, z, temperature, seed):
        return torch.stack([self.windows[round(float(latent[0]))] for latent in z])


def test_a_perfect_model_scores_one_everywhere(band):
    results = evaluate(Oracle(), band, "test", samples=0)
    source = results["sources"]["band"]
    assert source["windows"] == source["of"] == 10
    for kind in ("teacher_forced", "sampled"):
        for voice in ("melody", "bass", "drums"):
            assert set(source[kind][voice].values()) == {1.0}
    assert source["active_units"] == 2
    assert source["worth_bits"] > source["kl_bits"]
    assert not source["collapsed"]


class Deaf(Oracle):
    """Its latents are as busy as the oracle's, and its decoder hears the tokens alone."""

    def forced(self, z, tokens):
        return self.sure(tokens)


def test_a_decoder_that_is_deaf_to_active_units_has_collapsed(band):
    source = evaluate(Deaf(), band, "test", samples=0)["sources"]["band"]
    assert (source["active_units"], source["worth_bits"]) == (2, 0)
    assert source["kl_bits"] > 10
    assert source["collapsed"]


@pytest.fixture(scope="module")
def folder(band, tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    fit(tiny, band, folder, report=lambda line: None)
    return folder


@torch.no_grad()
def test_a_run_and_its_export_agree_where_no_noise_is_drawn(band, folder, tmp_path):
    export_model(load(folder).model, tmp_path / "model.ts", quantise=False)
    subject, exported = RunSubject(load(folder).model), open_subject(tmp_path / "model.ts")
    seen = view(band)
    tokens = torch.from_numpy(seen.tokens(seen.of("test")[:3]))
    for a, b in zip(subject.encode(tokens), exported.encode(tokens), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    z = subject.encode(tokens)[0]
    for a, b in zip(subject.forced(z, tokens), exported.forced(z, tokens), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    assert torch.equal(subject.generate(z, 0.0, 0), exported.generate(z, 0.0, 0))


def test_an_untrained_model_is_reported_as_collapsed(band):
    torch.manual_seed(0)
    results = evaluate(RunSubject(MusicVAE(TINY).eval()), band, "test", samples=4)
    assert results["sources"]["band"]["collapsed"]
    assert "posterior collapse" in table(results)
    assert set(results["prior"]["sources"]["band"]["overlap"]) == set(results["prior"]["statistics"])


@pytest.fixture(scope="module")
def peaked():
    """An untrained model of melodies that has its favourite tokens, so that its temperature is heard."""
    torch.manual_seed(0)
    model = MusicVAE(replace(TINY, family="flat", bars=4, voices=("melody",))).eval()
    with torch.no_grad():
        model.bottoms[0].output.bias.normal_(0, 2)  # few windows come twice, and are left out
    return model


def drawn(model, temperature, songs=60):
    """A store of one source, `songs` melodies that `model` plays at `temperature`."""
    torch.manual_seed(7)
    rows = model.generate(torch.randn(songs, model.config.z_size), temperature).flatten(0, 1).numpy()
    told = [
        Song("own", f"{n}.mid", str(n), str(n), "test", 4 * n, 4, (True, False, False), "", "MIT")
        for n in range(songs)
    ]
    none, meta = np.zeros((0, 2), np.int32), {"codec": "trio", "sources": [{"name": "own"}]}
    return Store(widened(rows, [0]).astype(np.int16), tuple(told), none, none, meta)


@pytest.mark.parametrize(("form", "temperature"), [("run", 0.6), ("run", 1.2), ("exported", 0.6)])
def test_the_temperature_at_which_the_data_was_drawn_is_found_and_tabled(peaked, form, temperature, tmp_path):
    subject = RunSubject(peaked)
    if form == "exported":
        export_model(peaked, tmp_path / "model.ts", quantise=False)
        subject = open_subject(tmp_path / "model.ts")
    results = evaluate(subject, drawn(peaked, temperature), "test", limit=60, samples=200)
    found = results["prior"]["temperatures"]
    best = found["sources"]["own"]["best"]
    assert found["samples"] == 40
    assert best == pytest.approx(temperature, abs=0.11)
    told = table(results)
    assert "Mean of these overlaps at each temperature, 40 draws with the same noise" in told
    rows = told.partition("| temperature | own |\n|---|---|\n")[2].split("\n")
    assert [row.split(" | ")[0] for row in rows] == [f"| {tried:g}" for tried in TRIED]
    bold = f"| {best:g} | **{max(found['sources']['own']['overlap']):.3f}** |"
    assert [row for row in rows if "**" in row] == [bold]


def test_figures_of_before_temperatures_were_measured_are_still_tabled(band):
    torch.manual_seed(0)
    results = evaluate(RunSubject(MusicVAE(TINY).eval()), band, "test", samples=4)
    told = table(results)
    del results["prior"]["temperatures"]
    assert told.startswith(table(results))
    assert "| temperature |" in told
    assert "| temperature |" not in table(results)


def test_the_likelihood_is_tabled_beside_the_bound_and_left_out_of_figures_of_before_it(peaked):
    subject, store = RunSubject(peaked), drawn(peaked, 1.0)
    results = evaluate(subject, store, "test", samples=0)
    source, seen = results["sources"]["own"], view(store, ("melody",), 4)
    found = likelihood(subject, torch.from_numpy(seen.tokens(seen.of("test"))), 100)
    likely = source["importance_sampled_nats"]
    assert source["elbo_nats"] < likely
    assert source["elbo_nats"] == pytest.approx(float(found.bound.mean()), abs=0.1)
    assert likely == pytest.approx(float(found.estimate.mean()), abs=0.4)  # 16 windows tell of sixty
    assert f"| own | {source['elbo_nats']:.1f} | {likely:.1f} | " in table(results)
    del source["importance_sampled_nats"]
    assert f"| own | {source['elbo_nats']:.1f} | - | " in table(results)


def test_a_single_voice_is_told_beside_its_own_published_figures(band):
    torch.manual_seed(0)
    melody = replace(TINY, family="flat", bars=2, voices=("melody",))
    told = table(evaluate(RunSubject(MusicVAE(melody).eval()), band, "test", samples=4))
    assert "temperature 1.0; melody." in told
    assert "| *published, flat, its own data* | - | - | 0.986 | 0.951 |" in told
    assert "| melody notes |" in told
    assert "bass" not in told


def test_the_command_prints_json_and_the_same_twice(band_folder, folder, capsys):
    command = ["evaluate", str(folder), "--data", str(band_folder), "--samples", "2", "--json"]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert json.loads(first)["sources"]["band"]["windows"] == 10


@pytest.fixture(scope="module")
def brief(tiny):
    """Of two bars, of which a thousand draws at every temperature take seconds."""
    sizes = replace(TINY, family="flat", bars=2)
    return replace(tiny, model=sizes, stages=(replace(tiny.stages[-1], bars_decoded=0),))


def test_an_export_takes_only_its_own_figures_and_only_a_finished_run(
    tiny, brief, band_folder, tmp_path, capsys
):
    band = Store.open(band_folder)
    fit(brief, band, tmp_path / "run", report=lambda line: None)
    export = ["export", str(tmp_path / "run"), "--output", str(tmp_path / "model.ts")]
    assert main(["evaluate", str(tmp_path / "run"), "--data", str(band_folder)]) == 0
    assert main(export) == 0
    assert "| band | 38 of 38 |" in (tmp_path / "CARD.md").read_text()
    figures = tmp_path / "run" / "evaluation.json"
    figures.write_text(figures.read_text().replace('"identity": "', '"identity": "other'))
    assert main(export) == 2
    assert "tells of model other" in capsys.readouterr().err
    fit(tiny, band, tmp_path / "early", until=3, report=lambda line: None)
    assert main(["export", str(tmp_path / "early"), "--output", str(tmp_path / "early.ts")]) == 2
    assert "trained only to stage 'bars', expected 'windows'" in capsys.readouterr().err
    assert not (tmp_path / "early.ts").exists()


def test_figures_are_for_the_card_only_if_they_are_of_the_whole_test_split_of_its_own_store(
    band, brief, band_folder, tmp_path, capsys
):
    folder, songs, other = tmp_path / "run", tmp_path / "songs", tmp_path / "other"
    fit(brief, band, folder, report=lambda line: None)
    kept = folder / "evaluation.json"
    songs.mkdir()
    (songs / "MANIFEST.csv").write_text("path,split\na.mid,train\nb.mid,valid\nc.mid,test\n")
    for seed, name in enumerate(("a.mid", "b.mid", "c.mid")):
        (songs / name).write_bytes(midi(trio(18, seed + 20)))
    assert main(["prepare", str(songs), "--output", str(other)]) == 0
    own = ["--data", str(band_folder)]
    for flags, reason in (
        ([*own, "--split", "valid"], "it takes the test split of a store, not valid"),
        (["--midi", str(songs)], "it takes the test split of a store, not a folder of MIDI files"),
        ([*own, "--limit", "3"], "it takes 38 windows of band, not 3"),
        (["--data", str(other)], "this is another store than the run learnt from"),
        (own, "it takes 1000 draws from the prior, not 0"),
    ):
        capsys.readouterr()
        assert main(["evaluate", str(folder), *flags, "--samples", "0", "--json"]) == 0
        shown = capsys.readouterr()
        assert json.loads(shown.out)["split"] in ("test", "valid", None)
        assert shown.err == f"live-train: {folder}: not kept for the card: {reason}\n"
        assert not kept.exists()
    copy = tmp_path / "mine.json"
    assert main(["evaluate", str(folder), *own, "--output", str(copy)]) == 0
    assert kept.read_bytes() == copy.read_bytes()
    assert json.loads(copy.read_text())["store"] == Store.open(band_folder).digest()


def test_a_folder_of_midi_files_is_evaluated_and_what_was_left_out_is_told(folder, tmp_path, capsys):
    songs = tmp_path / "songs"
    songs.mkdir()
    (songs / "a.mid").write_bytes(midi(trio(18, 1)))
    (songs / "b.mid").write_bytes(b"")
    assert main(["evaluate", str(folder), "--midi", str(songs), "--samples", "0"]) == 0
    told = capsys.readouterr().out
    assert "| songs | 3 of 3 | 1 |" in told
    assert "empty" in told


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--limit", "0"], "0 is not above 0"),
        (["--samples", "-1"], "-1 is not 0 or above"),
        (["--samples", "few"], "invalid int value: 'few'"),
        (["--device", "warp"], "--device warp"),
    ],
)
def test_a_wrong_flag_is_named(folder, band_folder, capsys, flags, message):
    with suppress(SystemExit):
        assert main(["evaluate", str(folder), "--data", str(band_folder), *flags]) == 2
    assert message in capsys.readouterr().err


def test_a_path_that_holds_no_model_is_one_line(tmp_path, band_folder, capsys):
    assert main(["evaluate", str(tmp_path / "x.mid"), "--data", str(band_folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(SubjectError):
        open_subject(tmp_path / "x.mid")
