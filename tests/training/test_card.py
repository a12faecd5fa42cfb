"""What a card says of a model's making: only what is so."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from engine.manifest import read
from training.card import Report, card, data
from training.export import export_model
from training.musicvae.agreement import Agreement
from training.musicvae.model import ModelConfig, MusicVAE
from training.packing import checkout_version, own_version

ROOT = Path(__file__).parents[2]
TINY = ModelConfig(
    embedding=4, bar_encoder=4, sequence_encoder=4, z_size=4, conductor=4, code=4, decoder=8, bars=2
)
EXACT = Agreement(0.0, 1e-5, (1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (1.0, 1.0), 0)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("tiny") / "model.ts"
    return export_model(MusicVAE(TINY), path, data=[{"archive": "own", "licence": "MIT"}])


def made(total: int, machine: str | None = "1 thread of 2", **weights: float) -> dict[str, object]:
    sources = [{"name": name, "licence": f"licence of {name}"} for name in ("songs", "games", "drums")]
    row = {"total": total, "minutes": total / 60, "loss": 1.25}
    return {"row": row, "machine": machine, "sources": sources, "weights": weights}


def training(text: str) -> str:
    return text.partition("## Training\n\n")[2].partition("\n\n##")[0]


def test_a_run_of_its_own_is_told_with_the_note_word_for_word(exported: Report) -> None:
    text = card(read(exported.output), exported, made(1200), None, "On a machine\nshared with others.")
    assert training(text) == (
        "1,200 iterations in 20 minutes (1 thread of 2) up to this, the best checkpoint on the validation "
        "split (loss 1.250 nats a step). On a machine\nshared with others."
    )
    again = card(read(exported.output), exported, made(1200), None, "On a machine\nshared with others.")
    assert again == text
    assert "## Training" not in card(read(exported.output), exported, {}, None)


def test_the_runs_that_a_run_began_with_are_told_oldest_first(exported: Report) -> None:
    meta = made(60) | {"before": [made(1200), made(180, None)]}
    text = training(card(read(exported.output), exported, meta, None))
    assert text.endswith(
        "It began with the weights of earlier runs, the first of them first: 1,200 iterations in 20 minutes "
        "(1 thread of 2); 180 iterations in 3 minutes (machine not noted)."
    )
    meta = made(60) | {"before": [made(1200)]}
    assert "of an earlier run: 1,200 iterations" in training(
        card(read(exported.output), exported, meta, None)
    )


def test_the_data_is_that_of_all_its_runs_as_far_as_they_drew_from_it() -> None:
    old = made(1, songs=1.0, drums=0.0)
    assert [row["archive"] for row in data([old])] == ["songs"]
    assert [row["archive"] for row in data([old, made(1, games=0.5)])] == ["songs", "games"]
    assert [row["archive"] for row in data([old, made(1)])] == ["songs", "games", "drums"]  # weights by size
    assert data([{"sources": None, "weights": None}]) == []
    groove = {"name": "groove", "licence": "CC BY 4.0"}
    assert data([{"sources": [groove], "weights": {}}]) == [
        {"archive": "groove", "licence": "CC BY 4.0, Google Magenta (Groove MIDI Dataset)"}
    ]


def test_the_law_of_splits_is_told_as_far_as_it_goes(exported: Report) -> None:
    text = card(read(exported.output), exported, {}, None)
    assert "share a split as far as an archive's manifest groups them" in text
    assert "no manifest lists goes by the hash of its content" in text


def test_the_report_claims_every_token_only_where_it_is_so(exported: Report) -> None:
    whole = replace(exported, exact=EXACT)
    assert "every token of 256 bars as the Python model writes it" in whole.lines()[1]
    tied = replace(EXACT, teacher_forced=(1.0, 0.999, 1.0), free=(1.0, 0.99, 1.0))
    line = replace(exported, exact=tied).lines()[1]
    assert "every token" not in line
    assert "100.00% / 99.90% / 100.00% of the tokens of 256 bars" in line
    assert "the others where its two best lie within 0.001" in line


def test_the_version_is_that_of_the_project_or_none(tmp_path: Path) -> None:
    ours = checkout_version(ROOT / "pyproject.toml")
    assert re.fullmatch(r"\d+\.\d+\.\d+", ours)
    assert re.match(r"\d+\.\d+", own_version())
    assert checkout_version(tmp_path / "pyproject.toml") == ""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "9"\n')
    assert checkout_version(tmp_path / "pyproject.toml") == ""


def test_a_file_without_axes_says_how_to_measure_them(exported: Report) -> None:
    assert exported.axes == ()
    assert "`live-train export --data` measures them" in card(read(exported.output), exported, {}, None)


def test_the_shipped_card_tells_of_the_shipped_model() -> None:
    folder = ROOT / "presets" / "trio"
    (told,) = re.findall(r"^Exported with .*\bweights (\w+)", (folder / "CARD.md").read_text(), re.MULTILINE)
    assert told == read(folder / "model.ts").exported_with["weights"]
