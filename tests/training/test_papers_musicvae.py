"""The reproductions of MusicVAE from archives to tables and pictures, with models of next to no size."""

import csv
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY
from midi_song import midi, trio
from test_export import lively

from training.papers import musicvae_attributes, musicvae_interpolation, musicvae_table1
from training.papers.job import Job, PaperError
from training.papers.musicvae import ARCHIVES, TABLE

SIZES = "\n".join(
    f"{name} = {getattr(TINY, name)}"
    for name in ("embedding", "bar_encoder", "sequence_encoder", "z_size", "conductor", "code", "decoder")
)
STAGE = "[[stages]]\nobjective = {!r}\niterations = 2\nbatch = 4\nvalidate_every = 2\n"


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
        (folder / f"{entry.config}.toml").write_text(head + "".join(map(STAGE.format, stages)))
    return folder


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """Where all of them work, so that they use each other's stores and runs."""
    return tmp_path_factory.mktemp("papers")


def job(archives: Path, configs: Path, output: Path, said: list[str]) -> Job:
    return Job(archives, output, configs=configs, report=said.append)


def table(path: Path) -> list[list[str]]:
    with path.open() as file:
        return list(csv.reader(file))


def test_table_1_has_every_model_and_uses_finished_runs(archives, configs, output):
    said: list[str] = []
    musicvae_table1.reproduce(job(archives, configs, output, said))
    rows = table(output / "table1.csv")
    assert {row[0] for row in rows[1:]} == {entry.title for entry in TABLE}
    assert len(rows) == 1 + 6 + 2 * 3  # a row for each voice of the one source
    assert ["16-bar melody, hierarchical", "melody", "0.919", "0.812"] in [row[:2] + row[3:5] for row in rows]
    assert all(0.0 <= float(row[5]) <= 1.0 and 0.0 <= float(row[6]) <= 1.0 for row in rows[1:])
    assert "| trio, hierarchical | drums |" in (output / "results.md").read_text()
    written = (output / "runs" / "trio" / "best.pt").stat().st_mtime_ns
    again: list[str] = []
    musicvae_table1.reproduce(job(archives, configs, output, again))
    assert table(output / "table1.csv") == rows
    assert (output / "runs" / "trio" / "best.pt").stat().st_mtime_ns == written
    assert any("is finished" in line for line in again)


def test_figure_3_begins_at_one_melody_and_ends_at_the_other(archives, configs, output):
    musicvae_interpolation.reproduce(job(archives, configs, output, []))
    head, *rows = table(output / "figure3.csv")
    data, cost = head.index("data, distance from A"), head.index("data, relative cost")
    assert float(rows[0][data]) == 0.0
    assert float(rows[0][cost]) == pytest.approx(1.0)
    assert float(rows[-1][cost]) == pytest.approx(1.0)
    distances = [float(row[data]) for row in rows]
    assert distances == sorted(distances)
    assert (output / "figure3.png").stat().st_size > 1000


def test_figure_4_has_a_line_for_each_vector_and_sign(archives, configs, output):
    musicvae_attributes.reproduce(job(archives, configs, output, []))
    for sign in ("added", "subtracted"):
        head, *rows = table(output / f"figure4-{sign}.csv")
        assert [row[0] for row in rows] == head[1:-1] == list(musicvae_attributes.ATTRIBUTES)
    assert (output / "figure4.png").stat().st_size > 1000


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


def test_an_archive_that_is_not_there_is_named(configs, tmp_path):
    with pytest.raises(PaperError, match=r"pop909-mma-trio\.zip: no such archive; --data names the folder"):
        musicvae_table1.reproduce(job(tmp_path, configs, tmp_path / "out", []))
