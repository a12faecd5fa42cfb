"""Presets: what the file may say, what is refused and with which words, and where presets are found."""

import json
import zipfile
from pathlib import Path

import pytest

from engine.preset import AnchorPreset, PresetError, load
from engine.setup import from_preset
from engine.shelf import available, find, shelves

AXES = ("density", "register", "syncopation")


def write_model(path: Path, axes: tuple[str, ...] = AXES, anchors: int = 2) -> None:
    manifest = {
        "format": 1,
        "family": "musicvae",
        "codec": "trio",
        "codec_version": 1,
        "steps_per_bar": 16,
        "bars": 16,
        "z_size": 2,
        "voices": ["melody", "bass", "drums"],
        "weights": "float32",
        "latent_mean": [0.0, 0.0],
        "latent_std": [1.0, 1.0],
        "axes": [
            {"name": n, "vector": [1.0, 0.0], "low": -2, "high": 2, "description": f"{n} +0.6", "effect": {}}
            for n in axes
        ],
        "anchors": [[0.0, 1.0]] * anchors,
        "data": [],
        "exported_with": {},
    }
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/extra/manifest.json", json.dumps(manifest))


def folder_with(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "preset.toml").write_text(text)
    write_model(folder / "model.ts")
    return folder


def test_everything_that_a_preset_says_is_read(tmp_path: Path) -> None:
    preset = load(
        folder_with(
            tmp_path / "mine",
            """
            schema = 1
            title = "Mine"
            bpm = 96.5
            seed = 12
            temperature = 0.7
            dynamics = 0.25
            swing = 0.667
            [[voices]]
            name = "bass"
            channel = 16
            program = 34
            bank = 3
            [[knobs]]
            axis = "syncopation"
            label = "swing"
            start = 0.8
            [anchors]
            A = { model = 1 }
            B = { seed = 99 }
            """,
        )
    )
    assert (preset.name, preset.title, preset.bpm, preset.seed) == ("mine", "Mine", 96.5, 12)
    assert (preset.temperature, preset.dynamics, preset.swing) == (0.7, 0.25, 0.667)
    assert from_preset(preset).parameters["swing"] == 0.667
    assert [(v.name, v.channel, v.program, v.bank) for v in preset.voices] == [
        ("melody", 0, 0, None),
        ("bass", 15, 33, 3),
        ("drums", 9, 0, None),
    ]
    assert [(knob.axis.name, knob.label, knob.start) for knob in preset.knobs] == [
        ("syncopation", "swing", 0.8)
    ]
    assert preset.anchors == (AnchorPreset("model", 1), AnchorPreset("seed", 99))


def test_without_knobs_the_first_axes_of_the_model_are_taken(tmp_path: Path) -> None:
    preset = load(folder_with(tmp_path, "schema = 1"))
    assert [knob.label for knob in preset.knobs] == list(AXES)
    assert preset.anchors == (AnchorPreset("model", 0), AnchorPreset("model", 1))


def test_two_presets_can_play_one_model(tmp_path: Path) -> None:
    first = load(folder_with(tmp_path / "first", "schema = 1"))
    second = load(folder_with(tmp_path / "second", "schema = 1\nmodel = '../first/model.ts'"))
    assert second.name == "second"
    assert second.model.samefile(first.model)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "schema is missing, allowed: 1"),
        ("schema = 2", "schema is 2, allowed: 1"),
        ("schema = true", "schema is True, allowed: 1"),
        ("schema = 1.0", "schema is 1.0, allowed: 1"),
        ("schema = 1\nname = 3", "name is 3, allowed: text in quotes"),
        ("schema = 1\nbpm = 900", "bpm is 900, allowed: a number from 20 to 300"),
        ("schema = 1\nbpm = nan", "bpm is nan, allowed: a number from 20 to 300"),
        ("schema = 1\nswing = 66", "swing is 66, allowed: a number from 0 to 1"),
        ("schema = 1\nseed = 1.5", "seed is 1.5, allowed: a whole number from 0 to"),
        ("schema = 1\nseed = true", "seed is True, allowed: a whole number"),
        ("schema = 1\ntempratur = 1", "tempratur is no key (did you mean 'temperature'?)"),
        ("schema = 1\nmodel = '../model.ts'", "model: "),
        ("schema = 1\nmodel = 'absent.ts'", "not a readable model file"),
        ("schema = 1\nvoices = 3", "voices is 3, allowed: tables, each under [[voices]]"),
        ("schema = 1\n[[voices]]\nname = 'oboe'\nchannel = 1", "voices[0].name is 'oboe', allowed: each of"),
        ("schema = 1\n[[voices]]\nname = 'bass'", "voices[0].channel is missing, allowed: a whole number"),
        (
            "schema = 1\n[[voices]]\nname = 'bass'\nchannel = 0",
            "channel is 0, allowed: a whole number from 1 to 16",
        ),
        ("schema = 1\n[[voices]]\nname = 'bass'\nchannel = 1\nchanel = 1", "did you mean 'channel'?"),
        ("schema = 1\n[[knobs]]\nlabel = 'x'", "knobs[0].axis is missing, allowed: text in quotes"),
        (
            "schema = 1\n[[knobs]]\naxis = 'density'\nstart = 2",
            "knobs[0].start is 2, allowed: a number from 0 to 1",
        ),
        ("schema = 1\n" + "[[knobs]]\naxis = 'density'\n" * 9, "knobs: 9 of them, allowed up to 8"),
        ("schema = 1\n[anchors]\nC = { seed = 1 }", "anchors.C is no key"),
        (
            "schema = 1\n[anchors]\nA = { model = 2 }",
            "anchors.A.model is 2, allowed: a whole number from 0 to 1",
        ),
        ("schema = 1\n[anchors]\nA = { model = 1, seed = 1 }", "allowed: { model = NUMBER } or { seed"),
        ("schema = [", "cannot be read"),
    ],
)
def test_a_mistake_is_named_with_file_key_value_and_what_is_allowed(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(PresetError) as error:
        load(folder_with(tmp_path, text))
    assert said in str(error.value)
    assert str(tmp_path / "preset.toml") in str(error.value)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("", "''"),
        ("  ", "'  '"),
        ("a/b", "'a/b'"),
        ("..", "'..'"),
        (".mine", "'.mine'"),
        (r"a\\b", r"'a\\b'"),
        ("a\\u0000", "'a\\x00'"),
        ("a\\nb", "'a\\nb'"),
        ("a\\u009Fb", "'a\\x9fb'"),
        ("n" * 65, f"'{'n' * 65}'"),
    ],
)
def test_a_name_that_no_port_or_file_could_have_is_refused(tmp_path: Path, given: str, shown: str) -> None:
    with pytest.raises(PresetError) as error:
        load(folder_with(tmp_path, f'schema = 1\nname = "{given}"'))
    assert str(error.value) == (
        f"{tmp_path / 'preset.toml'}: name is {shown}, allowed: 1 to 64 characters, no / or \\ "
        "or control character among them, no . in front"
    )


@pytest.mark.parametrize("name", ["n" * 64, "Nacht \u2013 Ночь", "夜", "drum & bass: 2.0"])
def test_a_name_may_be_in_any_script(tmp_path: Path, name: str) -> None:
    assert load(folder_with(tmp_path, f'schema = 1\nname = "{name}"')).name == name


def test_a_folder_that_lends_its_name_must_have_one_that_is_allowed(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / ".mine", "schema = 1")
    with pytest.raises(PresetError, match=r"name is missing and the folder's is '\.mine', allowed: 1 to 64"):
        load(folder)
    assert load(folder_with(folder, "schema = 1\nname = 'mine'")).name == "mine"


def test_an_axis_that_the_model_lacks_is_refused_with_both_lists(tmp_path: Path) -> None:
    text = "schema = 1\n[[knobs]]\naxis = 'density'\n[[knobs]]\naxis = 'registr'"
    with pytest.raises(PresetError) as error:
        load(folder_with(tmp_path, text))
    assert "no axis 'registr' (did you mean 'register'?)" in str(error.value)
    assert "the preset names density, registr" in str(error.value)
    assert "the model has density, register, syncopation" in str(error.value)


def test_the_users_presets_come_before_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    shelf = next(path for source, path in shelves() if source == "yours")
    folder_with(shelf / "trio", "schema = 1\ntitle = 'My trio'")
    folder_with(shelf / "broken", "schema = 3")
    assert find("trio").title == "My trio"
    assert find(str(shelf / "trio" / "preset.toml")).title == "My trio"
    listed = {(info.name, info.source): info.error for info in available()}
    assert listed["trio", "yours"] is None
    assert ("trio", "shipped") in listed
    assert "schema is 3" in str(listed["broken", "yours"])
    with pytest.raises(
        PresetError, match=r"no preset 'trioo' \(did you mean 'trio'\?\); there are broken, .*trio"
    ):
        find("trioo")
