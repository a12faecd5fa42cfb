"""The command line as a user meets it: answers, mistakes in one line, and what its process loads."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from rich.cells import cell_len

from engine.messages import PORT, SOUND
from engine.preset import load
from engine.recorder import Recorder
from engine.setup import VoiceSetup
from live.errand import UserError
from live.options import parse
from live.play import Wishes, setup_for
from live.settings import offsets_file, output_name, save_offset
from live.takes import part_of, place_for

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


def test_help_and_presets_load_nothing_heavy(tmp_path: Path) -> None:
    for arguments in (["--help"], ["--version"], ["presets"], ["render", "--help"], ["--bpm", "9"]):
        script = (
            "import sys\nfrom live.cli import main\n"
            f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
            f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        assert done.stderr.splitlines()[-1] == "[]", arguments


def test_the_version_is_the_installed_one_or_unknown(tmp_path: Path) -> None:
    here = Path(__file__).parents[2]
    for package in (here / "live", here / "engine", Path(platformdirs.__file__).parent):
        (tmp_path / package.name).symlink_to(package)
    command = [sys.executable, "-S", "-m", "live.cli", "--version"]  # -S leaves out what is installed
    for known, said in ((False, "live unknown\n"), (True, "live 9.8.7\n")):
        if known:
            installed = tmp_path / "live_vae-9.8.7.dist-info"
            installed.mkdir()
            (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: live-vae\nVersion: 9.8.7\n")
        environment = {"HOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, said, "")


@pytest.mark.parametrize("module", ["argparse", "engine.preset", "live.options", "live.errand"])
def test_ctrl_c_while_it_loads_is_one_line_and_code_130(tmp_path: Path, module: str) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import os, signal, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Watch())\n"
        "from live.cli import main\n"
        "sys.exit(main(['finish', 'absent.mid.part']))\n"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "live: interrupted\n")


def test_options_hold_before_a_command_as_well_as_after_it() -> None:
    early = parse(["--preset", "mine", "--seed", "5", "render", "--bars", "2", "--output", "x.mid"])
    assert early == parse(["render", "--bars", "2", "--output", "x.mid", "--seed", "5", "--preset", "mine"])
    assert (early.command, early.preset, early.seed, early.bars) == ("render", "mine", 5, 2)
    assert parse(["--seed", "5", "render", "--seed", "6", "--bars", "2", "--output", "x"]).seed == 6
    assert parse(["--bars", "2", "render", "--output", "x"]).bars == 2


def test_what_is_not_given_is_left_to_the_preset_and_the_machine() -> None:
    options = parse([])
    assert (options.command, options.preset, options.headless, options.delay) == ("play", "trio", False, 0.0)
    assert (options.seed, options.bpm, options.sound, options.control) == (None, None, None, None)
    assert parse(["--sound"]).sound is True
    assert parse(["--no-sound"]).sound is False


def test_swing_offset_and_count_in_reach_the_performance(preset: Path) -> None:
    options = parse(["--swing", "66.7", "--offset", "-12.5", "--count-in", "2"])
    wishes = Wishes(swing=options.swing, offset=options.offset, count_in=options.count_in)
    setup = setup_for(load(preset), wishes)
    assert setup.parameters["swing"] == pytest.approx(2 / 3, abs=0.01)
    assert (setup.offset, setup.count_in) == (-0.0125, 2)
    plain = parse([])
    assert (plain.swing, plain.offset, plain.count_in) == (None, None, 0)
    assert setup_for(load(preset), Wishes()).parameters["swing"] == 0.0
    assert parse(["render", "--bars", "2", "--output", "x.mid", "--swing", "50"]).swing == 0.0


def test_each_output_has_the_offset_kept_for_it_unless_another_is_asked_for(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    chosen = load(preset)
    for output, milliseconds in ((output_name(PORT, None), 3.0), (output_name(SOUND, None), -45.0)):
        assert save_offset(offsets_file(), output, milliseconds) is None

    def both(**wishes: object) -> tuple[float, float]:
        setup = setup_for(chosen, Wishes(**wishes))  # type: ignore[arg-type]  # fields by name
        return setup.offset, setup.sound_offset

    assert both() == (0.003, -0.045)
    assert both(offset=12.0) == (0.012, 0.012)
    assert both(offset=0.0) == (0.0, 0.0)
    assert output_name(PORT, "Synth") == "Synth"


def test_an_unfinished_take_becomes_its_file(tmp_path: Path) -> None:
    recorder = Recorder(str(tmp_path / "take.mid"), "toy", (VoiceSetup("melody", 0),), 120.0, 0)
    recorder.message(0, 0, [0x90, 60, 80])
    recorder.message(480, 0, [0x90, 62, 80])
    done = live("finish", recorder.journal, home=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"live: {recorder.journal} is being recorded right now" in done.stderr
    with pytest.raises(UserError, match="is being recorded right now"):
        place_for(str(tmp_path / "take.mid"))
    journal = recorder.close(960)  # as a crash leaves it, but for the lines that end what sounds
    with pytest.raises(UserError, match="`live finish"):
        place_for(str(tmp_path / "take.mid"))
    done = live("finish", journal, home=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == f"recorded {tmp_path / 'take.mid'}, 2 notes"
    assert not part_of(tmp_path / "take.mid").exists()


@pytest.mark.parametrize("arguments", [["presets"], ["--help"], ["render", "--help"]])
def test_whoever_reads_may_stop_reading(tmp_path: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    command = [sys.executable, "-m", "live.cli", *arguments]
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(command, stdout=out, stderr=subprocess.PIPE, env=environment, check=False)
    assert done.stderr == b""
    assert done.returncode in (0, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_looked_at_is_one_line(tmp_path: Path, preset: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    for arguments in (
        ["--preset", f"{closed}/mine"],
        ["--preset", str(preset), "--headless", "--record", f"{closed}/x.mid"],
        ["finish", f"{closed}/x.mid.part"],
    ):
        done = live(*arguments, home=tmp_path)
        assert done.returncode == 2, done
        assert "Permission denied" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_presets_are_listed_the_broken_with_their_error(tmp_path: Path, preset: Path) -> None:
    shelf = tmp_path / "live" / "presets" / "odd"
    if sys.platform != "linux":
        pytest.skip("the folder of settings is elsewhere on this platform")
    shelf.mkdir(parents=True)
    (shelf / "preset.toml").write_text("schema = 9\n")
    told = preset.rename(shelf.parent / "told")
    (told / "preset.toml").write_text('schema = 1\ntitle = "T\\u001b"\ndescription = "two\\nlines"\n')
    done = live("presets", home=tmp_path)
    assert done.returncode == 0
    assert "schema is 9, allowed: 1" in done.stdout
    lines = done.stdout.splitlines()
    assert "two lines" in done.stdout
    assert "\x1b" not in done.stdout
    (trio,) = (number for number, line in enumerate(lines) if line.startswith("trio") and "shipped" in line)
    assert "Melody, bass and drums in loops of sixteen bars" in lines[trio + 1]


def test_presets_stand_in_columns_whatever_they_are_called(tmp_path: Path, preset: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("the folder of settings is elsewhere on this platform")
    shelf = tmp_path / "live" / "presets"
    shelf.mkdir(parents=True)
    titles = ("한글 제목", "e\u0301te\u0301", "👍", "plain")
    for number, title in enumerate(titles):
        copy = shutil.copytree(preset, shelf / ("x" * 7 * number + "한"))
        (copy / "preset.toml").write_text(f'schema = 1\ntitle = "{title}"\n')
    lines = live("presets", home=tmp_path).stdout.splitlines()
    own = [line for line in lines if str(shelf) in line]
    assert len(own) == len(titles)
    for mark in (*titles, "yours"):
        assert any(mark in line for line in own)
    assert len({cell_len(line.partition(" yours")[0]) for line in own}) == 1
    starts = {cell_len(line[: line.index(title)]) for line in own for title in titles if title in line}
    assert len(starts) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--bpm", "900"], "bpm is 900, allowed: a number from 20 to 300"),
        (["--bars", "0"], "bars is 0, allowed: a whole number from 1"),
        (["--swing", "80"], "swing is 80, allowed: a number from 50 to 75"),
        (["--offset", "-201"], "offset is -201, allowed: a number from -200 to 200"),
        (["--count-in", "5"], "count-in is 5, allowed: a whole number from 0 to 4"),
        (["--seed", "9" * 5000], "allowed: a whole number from 0"),
        (["--seed", "x"], "seed is x, allowed: a whole number from 0"),
        (["--api", "OSS"], "api is OSS, allowed: ALSA, JACK"),
        (["--preset", "trioo"], "no preset 'trioo' (did you mean 'trio'?)"),
        (["rendre"], "invalid choice: 'rendre'"),
        (["render", "--output", "x.mid"], "live render: --bars is required"),
        (["--headless", "render", "--bars", "1", "--output", "x.mid"], "render: --headless is not for this"),
        (["--no-sound", "presets"], "live presets: --sound is not for this command"),
        (["--preset", "trioo", "render", "--bars", "1", "--output", "x.mid"], "no preset 'trioo'"),
        (["finish", "take.mid"], "take.mid is no unfinished take; its name ends in .mid.part"),
        (["finish", "absent.mid.part"], "absent.mid.part: there is no such file"),
        (["finish", "/"], "/ is no unfinished take; its name ends in .mid.part"),
        (["finish", "~nobody-here/x.mid.part"], "~nobody-here has no home folder on this machine"),
        (["finish", f"{'x' * 300}.mid.part"], "xxx.mid.part: File name too long"),
        (["--preset", "~nobody-here/x"], "~nobody-here has no home folder on this machine"),
        (["--preset", "~nobody-here"], "~nobody-here has no home folder on this machine"),
        (["--preset", "x" * 300], f"no preset '{'x' * 300}'"),
        (["--preset", f"./{'x' * 300}"], "File name too long"),
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
        (["--headless", "--record", "~nobody-here/x.mid"], "~nobody-here has no home folder"),
        (["--headless", "--record", "{here}/" + "x" * 241 + ".mid"], "File name too long"),  # with its suffix
        (["--headless", "--record", ""], "a file without a name cannot be written"),
        (["--record", ""], "a file without a name cannot be written"),
        (["render", "--bars", "1", "--output", "~nobody-here/x.mid"], "~nobody-here has no home folder"),
        (["render", "--bars", "1", "--output", "{here}/" + "x" * 300], "File name too long"),
        (["render", "--bars", "1", "--output", ""], "a file without a name cannot be written"),
        (["--headless", "--record", "{here}/half.mid"], "`live finish {here}/half.mid.part` makes half.mid"),
        (["render", "--bars", "1", "--output", "{here}/half.mid"], "an unfinished take is in"),
        (["--headless", "--api", "Amiga"], "api is Amiga, allowed: ALSA, JACK"),
        (["--sync", "midi", "--count-in", "1"], "--count-in is not for --sync midi"),
        (["--sync", "link", "--count-in", "1"], "--count-in is not for --sync link"),
        (["--sync", "midi", "--delay", "2"], "--delay is not for --sync midi"),
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
    (tmp_path / "half.mid.part").write_bytes(b"half a take")
    filled = [argument.format(old=old, here=tmp_path) for argument in arguments]
    done = live(*filled, "--preset", str(preset), home=tmp_path)
    assert done.returncode == 2, done
    assert said.format(here=tmp_path) in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert old.read_bytes() == b"a take"
    assert not (tmp_path / "n.mid").exists()
