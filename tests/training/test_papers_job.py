"""What every paper has of its job: options that reach it, mistakes that are said at once, short runs told."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small import TINY

from training.cli import main
from training.config import Config, Data, Stage
from training.papers import CONFIGS, NAMES
from training.papers.job import Job, PaperError, needs_plots

ROOT = Path(__file__).parents[2]
FIRST = {  # the configuration that each paper reads before any other
    "musicvae-table1": "drums",
    "musicvae-interpolation": "song-flat",
    "musicvae-attributes": "song",
    "vrae": "map",
    "vrnn-polyphony": "vrnn-jsb",
    "vrnn-feel": "vrnn-feel",
    "vrash": "vrash",
}
STAGE = Stage("windows", iterations=10**6, batch=2, validate_every=10**6)
CONFIG = Config(replace(TINY, family="flat", bars=2, voices=("drums",)), Data(), (STAGE,))


def papers(name: str, place: Path) -> list[str]:
    return ["papers", name, "--data", str(place), "--output", str(place / "out"), "--configs", str(place)]


@pytest.mark.parametrize("name", NAMES)
def test_every_paper_takes_its_configurations_from_the_folder_given_before_it_asks_for_data(
    name, tmp_path, capsys
):
    assert main(papers(name, tmp_path)) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"live-train: {tmp_path / FIRST[name]}.toml: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "config"), [*FIRST.items(), ("vrae", "medley"), ("vrnn-polyphony", "vrnn-piano")]
)
def test_a_configuration_of_another_system_is_refused_before_anything_is_made(name, config, tmp_path, capsys):
    shutil.copytree(CONFIGS, tmp_path, dirs_exist_ok=True)
    needed = name.partition("-")[0]
    other, found = ("tune", "vrash") if needed == "vrnn" else ("vrnn-jsb", "vrnn")
    path = shutil.copyfile(CONFIGS / f"{other}.toml", tmp_path / f"{config}.toml")
    assert main(papers(name, tmp_path)) == 2
    assert capsys.readouterr().err == f"live-train: {path}: system: {found!r}, {name} needs {needed!r}\n"


@pytest.mark.parametrize(
    ("name", "other", "told"),
    [
        ("vrnn-feel", "vrnn-jsb", "model.form: 'roll', vrnn-feel needs 'feel'"),
        ("vrnn-polyphony", "vrnn-feel", "model.form: 'feel', vrnn-polyphony needs 'roll'"),
    ],
)
def test_a_vrnn_of_other_music_is_refused(name, other, told, tmp_path, capsys):
    shutil.copytree(CONFIGS, tmp_path, dirs_exist_ok=True)
    path = shutil.copyfile(CONFIGS / f"{other}.toml", tmp_path / f"{FIRST[name]}.toml")
    assert main(papers(name, tmp_path)) == 2
    assert capsys.readouterr().err == f"live-train: {path}: {told}\n"


def test_a_package_that_draws_is_missed_before_anything_else(tmp_path):
    hidden = "import sys; sys.modules['sklearn'] = None; "  # as Python sees what is not installed
    call = f"from training.cli import main; sys.exit(main({papers('vrae', tmp_path)!r}))"
    ended = subprocess.run(
        [sys.executable, "-c", hidden + call], cwd=ROOT, capture_output=True, text=True, check=False
    )
    needed = "papers draws pictures with scikit-learn, not installed: pip install -e '.[plots]'"
    assert (ended.returncode, ended.stderr) == (2, f"live-train: {needed}\n")
    assert not (tmp_path / "out").exists()


def test_all_packages_that_are_missing_are_named():
    needs_plots()
    with pytest.raises(PaperError, match="with no_such, nor_this, not installed"):
        needs_plots(("no_such", "json", "nor_this"))


def test_a_run_that_was_finished_with_fewer_minutes_is_told_and_stays(band, tmp_path):
    first = Job("paper", tmp_path, tmp_path, minutes=0.0005, report=[].append)
    first.run("short", CONFIG, band)
    assert not any("finished earlier" in line for line in first._written)
    written = (tmp_path / "runs" / "short" / "best.pt").stat().st_mtime_ns
    said: list[str] = []
    again = Job("paper", tmp_path, tmp_path, minutes=240.0, report=said.append, command="live-train papers")
    again.run("short", CONFIG, band, 0.5)
    (told,) = [line for line in said if line.startswith("short: finished earlier, trained ")]
    assert "of 120 minutes; without runs/short the same command trains it anew" in told
    assert (tmp_path / "runs" / "short" / "best.pt").stat().st_mtime_ns == written
    assert again.trained["short"].told().endswith(" of 120")
    again.finish("A paper", "- Everything.")
    text = (tmp_path / "paper.md").read_text()
    assert told in text
    assert f"| short | {again.trained['short'].told()} | " in text
    assert "- Everything." in text.partition("## Where this differs from the paper")[2]
    assert replace(again.trained["short"], minutes=300.0).told() == "300, more than 120"
    without = Job("paper", tmp_path, tmp_path, report=said.append)
    without.run("short", CONFIG, band)
    assert without.trained["short"].told().endswith(" of all")


def test_a_run_that_came_to_its_end_is_whole_for_any_minutes(band, tmp_path):
    config = replace(CONFIG, stages=(replace(STAGE, iterations=3, validate_every=2),))
    for minutes in (None, 600.0):
        job = Job("paper", tmp_path, tmp_path, minutes=minutes, report=[].append)
        job.run("whole", config, band)
        known = job.trained["whole"]
        assert not known.short
        assert known.told().endswith(", to its end")
        assert (known.iterations, known.configured) == (3, 3)
        assert known.best in (2, 3)
    assert not any("finished earlier" in line for line in job._written)
