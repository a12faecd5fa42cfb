"""The forms that `live-train tricks` times: each writes what the float32 model writes; and its table."""

import json
from pathlib import Path

import pytest
import torch

from training.cli import main
from training.export import export_model
from training.musicvae.agreement import Agreement, compare, reference
from training.musicvae.exported import ExportedMusicVAE
from training.musicvae.forms import PLAIN, SHIPPED, Form, forms
from training.musicvae.model import ModelConfig, MusicVAE
from training.musicvae.tricks import measure, table
from training.packing import script
from training.weights import from_file

SIZES = ModelConfig(
    embedding=6, bar_encoder=4, sequence_encoder=4, z_size=8, conductor=16, code=12, decoder=16, bars=4
)
BARS = 16
CONFIG = """
[model]
family = "hierarchical"
embedding = 6
bar_encoder = 4
sequence_encoder = 4
z_size = 8
conductor = 16
code = 12
decoder = 16
bars = 4

[[stages]]
objective = "windows"
"""


@pytest.fixture(scope="module")
def model() -> MusicVAE:
    """A random model whose tokens depend on its weights, not on the noise alone."""
    torch.manual_seed(7)
    model = MusicVAE(SIZES).eval()
    with torch.no_grad():
        for decoder in model.decoders:
            decoder.output.weight *= 20
            decoder.lstm.weight_hh_l0 *= 2
            decoder.lstm.weight_ih_l0 *= 2
        model.conductor.initial.weight *= 4
    return model


@pytest.fixture(scope="module")
def made(model: MusicVAE) -> list[Form]:
    with torch.inference_mode():
        return forms(model)


@pytest.fixture(scope="module")
def found(model: MusicVAE, made: list[Form]) -> dict[str, Agreement]:
    known = reference(model, BARS)
    return {form.name: compare(form.module, known) for form in made}


def test_every_float32_form_writes_the_models_tokens(found):
    exact = [name for name, agreement in found.items() if agreement.logit_difference < 1e-3]
    assert exact == [
        PLAIN,
        "+ scripted",
        "+ tables, code hoisted",
        "+ frozen",
        "plain loop, but of nn.LSTM",
    ]
    for name in exact:
        assert found[name].free == found[name].teacher_forced == (1.0, 1.0, 1.0)
        assert found[name].unequal == 0


def test_the_other_forms_write_nearly_the_same(found):
    assert {SHIPPED, "ships, but voices batched", "ships, but bfloat16", "ships, but eager"} < set(found)
    for agreement in found.values():
        assert min(agreement.teacher_forced) > 0.9
    assert found["ships, but eager"] == found[SHIPPED]
    # Rounded to one grid for all voices, what a voice hears is coarser than on its own.
    assert found["ships, but voices batched"] != found[SHIPPED]


@torch.inference_mode()
def test_a_form_hears_its_prefix_as_the_shipped_module_does(model, made):
    whole = script(ExportedMusicVAE(model, quantise=False))
    known = reference(model, 2)
    given = torch.randint(0, 130, known.tokens[1].shape, generator=torch.Generator().manual_seed(1))
    warm, noise = torch.tensor([0.7, 1.0, 1.3]), [voice[1] for voice in known.noise]
    expected = whole.bar(known.codes[1], given, 5, warm, noise)
    for form in [*made[:4], made[5]]:
        assert torch.equal(form.module.bar(known.codes[1], given, 5, warm, noise), expected)


@pytest.mark.parametrize("quantise", [False, True])
def test_a_models_weights_come_back_from_its_file(model, tmp_path, quantise):
    path = tmp_path / "model.ts"
    export_model(model, path, quantise=quantise)
    opened = from_file(path)
    with torch.inference_mode():
        file = torch.jit.load(str(path))
        known = reference(opened, BARS)
        again = ExportedMusicVAE(opened, quantise=quantise)
        assert compare(again, known) == compare(file, known)  # its int8 weights are the same ones


def test_the_command_prints_a_table_and_json(tmp_path, capsys):
    config, output = tmp_path / "tiny.toml", tmp_path / "model.ts"
    config.write_text(CONFIG)
    assert main(["export", str(config), "--output", str(output)]) == 0
    capsys.readouterr()
    assert main(["tricks", str(output), "--bars", "2"]) == 0
    shown = capsys.readouterr()
    title, _, head, *rows = shown.out.splitlines()
    assert title == f"{output}: 2 bars, one thread"
    assert head.split("  ")[0] == "form"
    assert [row.partition("  ")[0] for row in rows][:2] == [PLAIN, "+ scripted"]
    assert len({len(row) for row in (head, *rows)}) == 1
    assert shown.err.splitlines() == [
        "building the forms",
        "timing 2 bars in 12 forms",
        "comparing what they write",
    ]
    assert main(["tricks", str(config), "--bars", "1", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    names = [line["form"] for line in figures["forms"]]
    assert len(set(names)) == len(names)
    assert all(line["beside"] in names for line in figures["forms"])
    assert all(line["p50_ms"] > 0 and line["same_steps"] > 0.9 for line in figures["forms"])


def test_a_gain_is_of_the_figures_shown_and_slow_forms_have_fewer_bars(tmp_path):
    config = tmp_path / "tiny.toml"
    config.write_text(CONFIG)
    figures = measure(config, bars=105)
    lines = {line["form"]: line for line in figures["forms"]}
    assert (lines[SHIPPED]["bars"], lines[PLAIN]["bars"]) == (105, 15)
    assert lines[SHIPPED]["p50_ms"] <= lines[SHIPPED]["p99_ms"] <= lines[SHIPPED]["slowest_ms"]
    assert lines[PLAIN]["p99_ms"] is None  # the slowest of fifteen would be no percentile
    for line in lines.values():
        assert line["gain"] == round(lines[line["beside"]]["cpu_p50_ms"] / line["cpu_p50_ms"], 2)
    head, *rows = table(figures).splitlines()[2:]
    assert head.split()[:6] == ["form", "bars", "p50", "ms", "p99", "ms"]
    assert f"x {lines[SHIPPED]['gain']:.2f}" in rows[4]
    assert rows[4].count("+ frozen") == 1


def test_what_has_no_bars_or_no_weights_is_one_line(tmp_path, capsys):
    flat, note, broken = tmp_path / "flat.toml", tmp_path / "note.md", tmp_path / "broken.ts"
    flat.write_text(CONFIG.replace("hierarchical", "flat"))
    note.write_text("no model")
    broken.write_text("no model")
    for path, reason in (
        (flat, "family is 'flat', expected 'hierarchical': a flat model has no bars"),
        (note, "neither a configuration, nor a run's folder, nor an exported .ts file"),
        (broken, "not a readable model file: File is not a zip file"),
        (Path(tmp_path / "gone.toml"), "[Errno 2] No such file or directory"),
        (tmp_path, "missing; `live-train fit` writes it as it goes"),
    ):
        assert main(["tricks", str(path)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"live-train: {path}")
        assert reason in told
        assert told.count("\n") == 1
