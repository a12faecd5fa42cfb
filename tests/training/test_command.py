"""The command from songs to a model file, in one process as a user calls it, and what Ctrl-C leaves."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from midi_song import midi, trio

from engine.manifest import read
from training import run
from training.cli import main
from training.data.store import Store

ROOT = Path(__file__).parents[2]
CONFIG = """
[model]
embedding = 8
bar_encoder = 16
sequence_encoder = 16
z_size = 8
conductor = 16
code = 8
decoder = 16

[[stages]]
objective = "bars"
iterations = 2
batch = 4

[[stages]]
objective = "windows"
iterations = 3
batch = 2
"""


def songs(folder: Path, splits: dict[str, int], bars: int = 18) -> Path:
    folder.mkdir()
    rows = ["path,split"]
    for split, count in splits.items():
        for index in range(count):
            (folder / f"{split}{index}.mid").write_bytes(midi(trio(bars, len(rows))))
            rows.append(f"{split}{index}.mid,{split}")
    (folder / "MANIFEST.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a configuration, a store and a run of them, made by the command."""
    place = tmp_path_factory.mktemp("place")
    (place / "tiny.toml").write_text(CONFIG)
    source = songs(place / "songs", {"train": 2, "valid": 1, "test": 1})
    assert main(["prepare", str(source), "--output", str(place / "store")]) == 0
    assert main(["fit", str(place / "tiny.toml"), *files(place), "--threads", "1"]) == 0
    return place


def files(place: Path, output: str = "run") -> list[str]:
    return ["--data", str(place / "store"), "--output", str(place / output)]


def test_prepare_reports_and_writes_a_store(place, capsys, tmp_path):
    output = tmp_path / "store"
    assert main(["prepare", str(place / "songs"), "--output", str(output)]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("songs: 4 of 4 files, 4 songs (4 trios), 72 bars, windows: 3 test, 6 train")
    assert shown.err == ""
    assert Store.open(output).digest() == Store.open(place / "store").digest()
    assert main(["prepare", str(tmp_path / "gone"), "--output", str(output)]) == 2
    assert capsys.readouterr().err == f"live-train: {tmp_path / 'gone'}: no such file or folder\n"


def test_fit_trains_goes_on_and_begins_with_another_run(place, capsys):
    assert run.load(place / "run").meta["row"]["total"] == 5
    assert main(["fit", str(place / "tiny.toml"), *files(place)]) == 0
    assert "is finished" in capsys.readouterr().out
    begin = ["--from", str(place / "run"), "--minutes", "0.01", "--device", "cpu"]
    assert main(["fit", str(place / "tiny.toml"), *files(place, "second"), *begin]) == 0
    (before,) = run.load(place / "second").meta["before"]
    assert before["row"]["total"] == 5
    model = place / "preset" / "model.ts"
    assert main(["export", str(place / "second"), "--output", str(model), "--note", "Twice."]) == 0
    card = (model.parent / "CARD.md").read_text()
    assert "It began with the weights of an earlier run: 5 iterations" in card
    assert "). Twice.\n" in card
    assert [source["archive"] for source in read(model).data] == ["songs"]


@pytest.mark.parametrize(("train", "many"), [(0, "0 windows"), (1, "1 window")])
def test_an_export_with_too_little_data_for_axes_is_one_line(place, tmp_path, capsys, train, many):
    source = songs(tmp_path / "few", {"train": train, "test": 1}, bars=16)
    assert main(["prepare", str(source), "--output", str(tmp_path / "store")]) == 0
    capsys.readouterr()
    output = tmp_path / "model.ts"
    data = ["--data", str(tmp_path / "store")]
    assert main(["export", str(place / "run"), "--output", str(output), *data]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"train split has {many} of all three voices" in told
    assert not output.exists()


def test_an_export_with_two_windows_measures_what_it_can(place, tmp_path):
    source = songs(tmp_path / "few", {"train": 2, "test": 1}, bars=16)
    assert main(["prepare", str(source), "--output", str(tmp_path / "store")]) == 0
    data = ["--data", str(tmp_path / "store")]
    assert main(["export", str(place / "run"), "--output", str(tmp_path / "model.ts"), *data]) == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["prepare"], "live-train: interrupted; no store was written\n"),
        (["fit"], "live-train: interrupted; the same command goes on from the last checkpoint\n"),
        (["evaluate"], "live-train: interrupted\n"),
    ],
)
def test_an_interruption_says_what_is_left_of_that_command(place, tmp_path, command, message):
    endless = tmp_path / "endless.toml"
    endless.write_text(CONFIG.replace("iterations = 2", "iterations = 1000000"))
    many = tmp_path / "many"
    many.mkdir()
    for index in range(150):
        (many / f"{index}.mid").write_bytes(midi(trio(17, index)))
    lasting = {
        "prepare": [str(many), "--output", str(tmp_path / "store")],
        "fit": [str(endless), *files(place)[:2], "--output", str(tmp_path / "run")],
        "evaluate": [str(place / "run"), *files(place)[:2], "--samples", "1000000"],
    }[command[0]]
    module = "training.data.prepare" if command == ["prepare"] else f"training.{command[0]}"
    code = f"import sys, {module}; from training.cli import main; print('begun', flush=True); "
    code += "sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *command, *lasting],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    while command == ["prepare"] and not (tmp_path / ".store.partial").exists():
        time.sleep(0.005)
    if command != ["prepare"]:  # what never ends by itself may go on for a while
        time.sleep(1.0)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == message
    assert not (tmp_path / "store").exists()
