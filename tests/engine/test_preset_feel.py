"""Which feel plays a preset's drums: what its file says, what the performer asks for, what is refused."""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import toy_composer
import toy_models
from toy_feels import manifest

from engine.bar import STEPS_PER_BAR
from engine.feel import FeelManifest
from engine.manifest import Manifest
from engine.preset import PresetError, load
from engine.setup import from_preset
from engine.shelf import shelves, with_feel


def file_of(contract: Manifest | FeelManifest, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/extra/manifest.json", contract.to_json())
    return path


def preset_in(folder: Path, text: str = "", contract: Manifest | None = None) -> Path:
    file_of(contract or toy_composer.manifest(), folder / "model.ts")
    (folder / "preset.toml").write_text(f"schema = 1\n{text}\n")
    return folder


FELT = '[feel]\nmodel = "../groove/feel.ts"\n'


def test_a_preset_names_its_feel_by_a_path_from_its_folder(tmp_path: Path) -> None:
    file = file_of(manifest(), tmp_path / "groove" / "feel.ts")
    loose = load(preset_in(tmp_path / "loose", FELT))
    tight = load(preset_in(tmp_path / "tight", f"{FELT}tightness = 0.75"))
    assert loose.feel is not None
    assert tight.feel is not None
    assert loose.feel.file.resolve() == tight.feel.file.resolve() == file.resolve()
    assert loose.feel.manifest == manifest()
    assert (loose.feel.tightness, tight.feel.tightness) == (0.0, 0.75)
    setup = from_preset(tight)
    assert Path(setup.feel_file).resolve() == file.resolve()
    assert setup.parameters["tightness"] == 0.75
    plain = from_preset(load(preset_in(tmp_path / "plain")))
    assert (plain.feel, plain.feel_file) == (None, "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[feel]\nmodel = "none.ts"', r"feel\.model: .*none\.ts: not a readable model file"),
        ('[feel]\nmodel = "model.ts"', r"feel\.model: .*family is 'toy', expected 'vrnn-feel'"),
        ("[feel]", r"feel\.model is missing"),
        ("[feel]\nmodel = 3", r"feel\.model is 3"),
        (f"{FELT}tightness = 1.5", r"feel\.tightness is 1\.5, allowed: a number from 0 to 1"),
        (f'{FELT}tightness = "loose"', r"feel\.tightness is 'loose'"),
        (f"{FELT}loose = 1", r"loose"),
        ("feel = 5", r"feel is 5"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_what_is_allowed(tmp_path: Path, text: str, said: str) -> None:
    file_of(manifest(), tmp_path / "groove" / "feel.ts")
    folder = preset_in(tmp_path / "mine", text, replace(toy_composer.manifest(), family="toy"))
    with pytest.raises(PresetError, match=rf"{folder / 'preset.toml'}: .*{said}"):
        load(folder)


def test_a_preset_without_drums_or_on_another_grid_has_none(tmp_path: Path) -> None:
    file = file_of(manifest(), tmp_path / "groove" / "feel.ts")
    chords = toy_models.manifest("roll", "endless", STEPS_PER_BAR)
    fine = toy_models.manifest("drums", "endless", 96)
    for contract, said in ((chords, "plays no drums: 'roll'"), (fine, "but the model has 96")):
        with pytest.raises(PresetError, match=f"feel.model: .*{said}"):
            load(preset_in(tmp_path / "felt", FELT, contract))
        plain = load(preset_in(tmp_path / "plain", "", contract))
        with pytest.raises(PresetError, match=f"^feel '{file}' for plain: .*{said}"):
            with_feel(plain, str(file))
        assert with_feel(plain, "none").feel is None


def test_a_performer_gives_a_feel_or_takes_it_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    shelf = next(path for source, path in shelves() if source == "yours")
    own = file_of(manifest(), shelf / "mine" / "feel.ts")
    preset_in(shelf / "mine", '[feel]\nmodel = "feel.ts"\ntightness = 0.4')
    preset_in(shelf / "broken", "feel = 5")
    plain = load(preset_in(tmp_path / "plain"))
    assert with_feel(plain, None) is plain
    named = with_feel(plain, "mine").feel
    assert named is not None
    assert (named.file, named.tightness) == (own, 0.4)
    assert with_feel(load(shelf / "mine"), "none").feel is None
    monkeypatch.chdir(own.parent)
    for path in (str(own), "feel.ts", "./feel.ts", str(Path("~") / own.relative_to(tmp_path))):
        given = with_feel(plain, path).feel
        assert given is not None
        assert (given.file, given.tightness) == (own, 0.0)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("mien", r"^no feel 'mien' \(did you mean 'mine'\?\); presets with one: .*mine.*; or give the path"),
        ("plain", "^no feel 'plain'"),
        ("", "^no feel ''"),
        (".", r"^no feel '\.'"),
        ("./absent.ts", r"^no feel './absent\.ts'"),
        ("x" * 300, "^no feel 'xxx"),
        (f"./{'x' * 300}", "File name too long"),
        ("~nobody-here/feel.ts", "^~nobody-here/feel.ts: ~nobody-here has no home folder"),
        (__file__, "^feel '.*' for plain: .*: not a readable model file"),
    ],
)
def test_what_is_no_feel_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, said: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    shelf = next(path for source, path in shelves() if source == "yours")
    file_of(manifest(), shelf / "mine" / "feel.ts")
    preset_in(shelf / "mine", '[feel]\nmodel = "feel.ts"')
    with pytest.raises(PresetError, match=said) as error:
        with_feel(load(preset_in(tmp_path / "plain")), wanted)
    assert "\n" not in str(error.value)
