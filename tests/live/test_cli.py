"""The command line as a user meets it: answers, mistakes in one line, and what its process loads."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from toy_link import toy_preset

HEAVY = ("torch", "rtmidi", "textual", "numpy", "mido", "rich")


def live(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "XDG_CONFIG_HOME": str(home),
        "HOME": str(home),
        "PATH": "",
        "PYTHONPATH": ":".join(sys.path),
    }
    command = [sys.executable, "-m", "live.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    """Return the folder of a preset whose model has a manifest and nothing else."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "preset.toml").write_text('schema = 1\ntitle = "My own"\n')
    with zipfile.ZipFile(folder / "model.ts", "w") as archive:
        archive.writestr("model/extra/manifest.json", toy_preset().manifest.to_json())
    return folder


def test_help_and_presets_load_nothing_heavy(tmp_path: Path) -> None:
    for arguments in (["--help"], ["presets"], ["render", "--help"], ["--bpm", "9"]):
        script = (
            "import sys\nfrom live.cli import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
            f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stderr.splitlines()[-1] == "[]", arguments


def test_the_screen_and_the_session_load_neither_torch_nor_rtmidi() -> None:
    script = (
        "import sys\nimport live.app, live.bench, live.play, live.errand, engine.errands, engine.bench\n"
        "print([m for m in ('torch', 'rtmidi', 'training') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_presets_are_listed_the_broken_with_their_error(tmp_path: Path) -> None:
    shelf = tmp_path / "live" / "presets" / "odd"
    if sys.platform != "linux":
        pytest.skip("the folder of settings is elsewhere on this platform")
    shelf.mkdir(parents=True)
    (shelf / "preset.toml").write_text("schema = 9\n")
    done = live("presets", home=tmp_path)
    assert done.returncode == 0
    assert "schema is 9, allowed: 1" in done.stdout
    assert any(line.startswith("trio") and "shipped" in line for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bpm", "900"], "bpm is 900, allowed: a number from 20 to 300"),
        (["--bars", "0"], "bars is 0, allowed: a whole number from 1"),
        (["--seed", "x"], "seed is x, allowed: a whole number from 0"),
        (["--api", "OSS"], "api is OSS, allowed: ALSA, JACK"),
        (["--preset", "trioo"], "no preset 'trioo' (did you mean 'trio'?)"),
        (["rendre"], "invalid choice: 'rendre'"),
        (["render", "--output", "x.mid"], "required: --bars"),
    ],
)
def test_a_mistake_is_one_line_and_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = live(*arguments, home=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("live")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--headless", "--record", "{old}"], "exists already and is not overwritten"),
        (["--headless", "--record", "{here}/no/where.mid"], "there is no folder"),
        (["--headless", "--port", "No such port"], "o"),
        ([], "the screen needs a terminal; without one, add --headless"),
        (["render", "--bars", "1", "--output", "{old}"], "exists already"),
        (["render", "--bars", "1", "--output", "{here}/n.mid", "--knob", "densty=1"], "no knob 'densty'"),
        (["render", "--bars", "1", "--output", "{here}/n.mid", "--knob", "density=2"], "knob is 2, allowed"),
        (["render", "--bars", "1", "--output", "{here}/n.mid"], "model.ts"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_code_2(
    tmp_path: Path, preset: Path, arguments: list[str], said: str
) -> None:
    old = tmp_path / "old.mid"
    old.write_bytes(b"a take")
    filled = [argument.format(old=old, here=tmp_path) for argument in arguments]
    done = live(*filled, "--preset", str(preset), home=tmp_path)
    assert done.returncode == 2, done
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert old.read_bytes() == b"a take"
    assert not (tmp_path / "n.mid").exists()
