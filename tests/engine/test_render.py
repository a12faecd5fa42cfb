"""Rendering: the same bytes every time, the same notes as the live loop, and plain refusals."""

from pathlib import Path

import mido
import pytest
import toy_composer

from engine.recorder import RecordError
from engine.render import render
from engine.request import BarReply, BarRequest


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path: Path) -> None:
    takes = [
        render(toy_composer.setup(seed=seed), toy_composer.decode, 6, tmp_path / f"{index}.mid").read_bytes()
        for index, seed in enumerate((3, 3, 4))
    ]
    assert takes[0] == takes[1]
    assert takes[0] != takes[2]


def test_a_render_is_as_long_as_its_bars(tmp_path: Path) -> None:
    path = render(toy_composer.setup(bpm=90.0), toy_composer.decode, 5, tmp_path / "take.mid")
    assert mido.MidiFile(path).length == pytest.approx(5 * 4 * 60 / 90, rel=1e-5)


def test_the_notes_are_those_that_the_tokens_spell(tmp_path: Path) -> None:
    path = render(toy_composer.setup(), toy_composer.decode, 4, tmp_path / "take.mid")
    for track in mido.MidiFile(path).tracks[1:]:
        kinds = [message.type for message in track]
        assert kinds.count("note_on") == kinds.count("note_off") > 0


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    path.write_bytes(b"precious")
    with pytest.raises(RecordError, match="exists"):
        render(toy_composer.setup(), toy_composer.decode, 1, path)
    assert path.read_bytes() == b"precious"


def test_a_decoder_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def failing(request: BarRequest) -> BarReply:
        if request.number == 2:
            raise RuntimeError("out of ideas")
        return toy_composer.decode(request)

    with pytest.raises(RecordError, match="out of ideas"):
        render(toy_composer.setup(), failing, 4, tmp_path / "take.mid")
    assert list(tmp_path.iterdir()) == []
