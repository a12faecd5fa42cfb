"""The reproductions of MusicVAE from archives to tables and pictures, with models of next to no size."""

import csv
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from midi_song import midi, trio
from small import TINY
from test_export import lively

from training import run
from training.cli import main
from training.configfile import load
from training.data.prepare import prepare
from training.data.store import Store
from training.data.view import view
from training.papers import CONFIGS, musicvae_attributes, musicvae_interpolation, musicvae_table1
from training.papers.job import Job, PaperError
from training.papers.musicvae import ARCHIVES, TABLE

SIZES = "\n".join(
    f"{name} = {getattr(TINY, name)}"
    for name in ("embedding", "bar_encoder", "sequence_encoder", "z_size", "conductor", "code", "decoder")
)
STAGE = "[[stages]]\nobjective = {!r}\niterations = 2\nbatch = 4\nvalidate_every = 2\n"
PRICE = "beta = 0.05\nfree_bits = 48.0\n"  # of the hierarchical ones, not what a stage has by itself


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Archives by the names of the real ones; all but the first hold one song."""
    folder = tmp_path_factory.mktemp("archives")
    seed = 0
    for name in ARCHIVES:
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            rows = ["path,split,group"]
            for split in ("train", "valid", "test") if name == ARCHIVES[0] else ("train",):
                archive.writestr(f"{split}.mid", midi(trio(20, seed)))
                rows.append(f"{split}.mid,{split},{name}/{split}")
                seed += 1
            archive.writestr("MANIFEST.csv", "\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def configs(tmp_path_factory):
    """The configurations of the table, tiny."""
    folder = tmp_path_factory.mktemp("configs")
    voices = {"song": ["melody"], "melody": ["melody"], "trio": ["melody", "bass", "drums"]}
    for entry in TABLE:
        kind, _, flat = entry.config.partition("-")
        short = kind in ("melody", "drums")
        family = "flat" if flat or short else "hierarchical"
        stages = ("windows",) if family == "flat" else ("bars", "codes", "windows")
        head = f"[model]\nfamily = {family!r}\nbars = {2 if short else 16}\n"
        head += f"voices = {voices.get(kind, ['drums'])}\n{SIZES}\n"
        price = "" if family == "flat" else PRICE
        (folder / f"{entry.config}.toml").write_text(head + "".join(map(STAGE.format, stages)) + price)
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Where all of them work, so that they use each other's stores and runs."""
    return tmp_path_factory.mktemp("papers")


def job(name: str, archives: Path, configs: Path, output: Path, said: list[str]) -> Job:
    return Job(f"musicvae-{name}", archives, output, configs=configs, report=said.append)


def table(path: Path) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file))


def test_table_1_has_every_model_and_uses_finished_runs(archives, configs, output):
    said: list[str] = []
    musicvae_table1.reproduce(job("table1", archives, configs, output, said))
    rows = table(output / "musicvae-table1.csv")
    assert {row[0] for row in rows[1:]} == {entry.title for entry in TABLE}
    assert len(rows) == 1 + 6 + 2 * 3  # a row for each voice of the one source
    assert ["16-bar melody, hierarchical", "melody", "0.919", "0.812"] in [row[:2] + row[3:5] for row in rows]
    assert all(0.0 <= float(row[5]) <= 1.0 and 0.0 <= float(row[6]) <= 1.0 for row in rows[1:])
    text = (output / "musicvae-table1.md").read_text()
    assert "| trio, hierarchical | drums |" in text
    head = rows[0]
    for row in rows[1:]:  # every stage has two iterations, and what is charged is told of each
        told = dict(zip(head, row, strict=True))
        hierarchical = "hierarchical" in told["model"]
        assert told["beta / free bits"] == ("0.05 / 48" if hierarchical else "0.2 / 256")
        assert (told["iterations"], told["best at"]) == (("6", "6") if hierarchical else ("2", "2"))
        assert told["minutes trained"].endswith(", to its end")
    facts = text.partition("## How it was made")[2]
    for entry in TABLE:
        assert f"| {entry.config} | " in facts
    assert f": {Store.open(output / 'stores' / '-'.join(['trio', *ARCHIVES])).digest()}." in facts
    assert re.search(r"Measured on \d{4}-\d\d-\d\d, 1 thread of", facts)
    assert "the flat trio has a decoder for each voice" in text
    assert "the flat trio has a decoder for each voice" in "".join(said)
    written = (output / "runs" / "trio" / "best.pt").stat().st_mtime_ns
    again: list[str] = []
    musicvae_table1.reproduce(job("table1", archives, configs, output, again))
    assert table(output / "musicvae-table1.csv") == rows
    assert (output / "runs" / "trio" / "best.pt").stat().st_mtime_ns == written
    assert any("is finished" in line for line in again)


def test_figure_3_begins_at_one_melody_and_ends_at_the_other(archives, configs, output):
    musicvae_interpolation.reproduce(job("interpolation", archives, configs, output, []))
    head, *rows = table(output / "musicvae-interpolation.csv")
    data, cost = head.index("data, distance from A"), head.index("data, relative cost")
    assert float(rows[0][data]) == 0.0
    assert float(rows[0][cost]) == pytest.approx(1.0)
    assert float(rows[-1][cost]) == pytest.approx(1.0)
    distances = [float(row[data]) for row in rows]
    assert distances == sorted(distances)
    assert (output / "musicvae-interpolation.png").stat().st_size > 1000
    assert "pairs of 16-bar melodies" in (output / "musicvae-interpolation.md").read_text()


def test_figure_4_by_the_command_has_a_line_for_each_vector_and_sign(archives, configs, output, capsys):
    folders = ["--data", str(archives), "--output", str(output), "--configs", str(configs)]
    assert main(["papers", "musicvae-attributes", *folders, "--device", "cpu", "--minutes", "9"]) == 0
    assert f"{output / 'musicvae-attributes.md'} holds all of this" in capsys.readouterr().out
    assert run.load(output / "runs" / "song").model.config.decoder == TINY.decoder
    text = (output / "musicvae-attributes.md").read_text()
    named = f"--data {archives.name} --output {output.name} --configs {configs.name} --minutes 9 --device cpu"
    assert f"live-train papers musicvae-attributes {named}\n" in text
    assert str(output.parent) not in text
    for sign in ("added", "subtracted"):
        head, *rows = table(output / f"musicvae-attributes-{sign}.csv")
        assert [row[0] for row in rows] == head[1:-1] == list(musicvae_attributes.ATTRIBUTES)
    assert (output / "musicvae-attributes.png").stat().st_size > 1000


def test_a_blend_takes_each_step_from_one_of_the_two():
    a, b = np.zeros((4, 500), np.int64), np.ones((4, 500), np.int64)
    assert np.array_equal(musicvae_interpolation.blend(a, b, 0.0), a)
    assert np.array_equal(musicvae_interpolation.blend(a, b, 1.0), b)
    assert musicvae_interpolation.blend(a, b, 0.3).mean() == pytest.approx(0.3, abs=0.05)


def test_a_vector_moves_its_own_attribute_most_only_in_its_own_direction():
    own = musicvae_attributes.moves_own_most
    assert own(np.array([50.0, -20.0]), 0, "added")
    assert not own(np.array([-50.0, 20.0]), 0, "added")
    assert own(np.array([-50.0, 20.0]), 0, "subtracted")
    assert not own(np.array([5.0, 20.0]), 0, "added")


def test_a_walk_at_its_ends_is_what_the_model_makes_of_them():
    model = lively(replace(TINY, voices=("melody",), bars=4))
    a, b = (np.full((2, 64), token, np.int64) for token in (60, 129))
    between = musicvae_interpolation.walk(model, a, b)
    for place, melodies in ((0.0, a), (1.0, b)):
        z = model.encoder(torch.from_numpy(melodies).reshape(2, 4, 16, 1)).mu
        torch.manual_seed(0)
        expected = model.generate(z, musicvae_interpolation.TEMPERATURE)
        assert np.array_equal(between(place), expected[..., 0].flatten(1).numpy())
    assert not np.array_equal(between(0.0), between(1.0))


def test_pairs_are_of_every_corpus_at_both_ends_and_a_file_gives_two_melodies(tmp_path):
    sources = []
    for which, name in enumerate(("pop", "folk", "games")):
        folder = tmp_path / name
        folder.mkdir()
        rows = ["path,split,group"]
        for number in range(4):
            (folder / f"{number}.mid").write_bytes(midi(trio(20, 10 * which + number)))
            rows.append(f"{number}.mid,test,{name}{number}")
        (folder / "MANIFEST.csv").write_text("\n".join(rows) + "\n")
        sources.append(folder)
    prepare(sources, tmp_path / "store")
    melodies = view(Store.open(tmp_path / "store"), ["melody"])
    assert len(melodies.of("test")) > 12 * musicvae_interpolation.OF_FILE  # there is something to leave out
    pairs = musicvae_interpolation.pairs(melodies)
    assert len(pairs) == 12
    assert len(np.unique(pairs)) == 24
    assert np.unique(melodies.files(pairs.ravel()), return_counts=True)[1].tolist() == [2] * 12
    for ends in pairs.T:
        assert {melodies.store.songs[song].source for song in melodies.spans[ends, 0]} == {
            "pop",
            "folk",
            "games",
        }
    assert np.array_equal(pairs, musicvae_interpolation.pairs(melodies))
    assert len(musicvae_interpolation.pairs(melodies, 3)) == 3


def test_a_configuration_of_another_model_than_the_rows_is_refused(archives, configs, tmp_path):
    shutil.copytree(configs, tmp_path / "other")
    song = tmp_path / "other" / "song.toml"
    song.write_text(song.read_text().replace("bars = 16", "bars = 8"))
    expected = r"song\.toml: model\.bars: 8, musicvae-table1 needs 16$"
    with pytest.raises(PaperError, match=expected):
        musicvae_table1.reproduce(job("table1", archives, tmp_path / "other", tmp_path, []))
    assert not (tmp_path / "stores").exists()


def test_the_two_of_a_pair_pay_the_same_for_bits():
    at = {
        (entry.title.partition(",")[0], entry.family): load(CONFIGS / f"{entry.config}.toml")
        for entry in TABLE
    }
    for title in ("16-bar melody", "16-bar drums", "trio"):
        flat, hierarchical = (at[title, family].stages[-1] for family in ("flat", "hierarchical"))
        assert musicvae_table1.charged(flat) == musicvae_table1.charged(hierarchical)


def test_all_archives_that_are_not_there_are_named_at_once(configs, tmp_path):
    with pytest.raises(PaperError) as caught:
        musicvae_table1.reproduce(job("table1", tmp_path, configs, tmp_path / "out", []))
    assert all(f" {name}.zip," in str(caught.value) for name in ARCHIVES)
