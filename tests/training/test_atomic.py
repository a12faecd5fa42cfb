"""A file is whole or what it was."""

import pytest

from training import curves
from training.atomic import whole, write


def interrupted(path):
    with whole(path) as partial:
        partial.write_text("ha")
        raise KeyboardInterrupt


def test_what_is_interrupted_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write(tmp_path / "card.md", "old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "card.md")
    assert [path.name for path in tmp_path.iterdir()] == ["card.md"]
    assert (tmp_path / "card.md").read_text() == "old"
    write(tmp_path / "card.md", "new")
    assert (tmp_path / "card.md").read_text() == "new"


def test_curves_that_cannot_be_written_leave_those_that_were(tmp_path):
    row = {"stage": 1, "iteration": 2, "total": 2, "minutes": 0.1, "loss": 1.0}
    curves.write(tmp_path, [row])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"curves.csv"}
    with pytest.raises(ValueError, match="format"):
        curves.write(tmp_path, [row, row | {"loss": "not a number"}])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
