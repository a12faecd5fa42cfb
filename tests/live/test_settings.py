"""What is remembered, tapped and said: the small parts around the stage."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from toy_link import ToyLink, toy_preset

from live import words
from live.notices import Notices
from live.settings import (
    controllers_file,
    load_controllers,
    load_offset,
    parse_controllers,
    save_controllers,
    save_offset,
)
from live.takes import new_take, part_of
from live.tempo import Taps


def test_controllers_come_back_as_they_were_learnt(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "trio.json"
    assert save_controllers(path, {"knob1": "ch 1 CC 74", "temperature": "ch 16 CC 0"}) is None
    assert load_controllers(path) == {"knob1": (0, 74), "temperature": (15, 0)}


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"knob1": 3}', '{"knob9": "ch 1 CC 1"}', '{"knob1": "ch 17 CC 1"}']
)
def test_a_broken_file_of_controllers_binds_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "trio.json"
    path.write_text(text)
    assert load_controllers(path) == {}


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = save_controllers(tmp_path / "file" / "trio.json", {})
    assert said is not None
    assert "could not be kept" in said


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"live:toy": "3"}', '{"live:toy": NaN}', '{"live:toy": true}']
)
def test_a_broken_file_of_offsets_moves_nothing_and_is_mended(tmp_path: Path, text: str) -> None:
    path = tmp_path / "offsets.json"
    path.write_text(text)
    assert load_offset(path, "live:toy") == 0.0
    assert save_offset(path, "live:toy", -12.5) is None
    assert save_offset(path, "built-in sound", 4.0) is None
    assert (load_offset(path, "live:toy"), load_offset(path, "built-in sound")) == (-12.5, 4.0)
    path.write_text('{"live:toy": 900}')
    assert load_offset(path, "live:toy") == 200.0


def test_a_controller_that_is_none_is_left_out() -> None:
    assert parse_controllers({"knob1": "ch 1 CC 128", "knob2": "pitch bend", "knob3": "ch 2 CC 7"}) == {
        "knob3": (1, 7)
    }


def test_a_new_take_never_has_the_name_of_an_old_one(tmp_path: Path) -> None:
    now = datetime(2024, 5, 1, 12, 30, tzinfo=UTC)
    first = new_take(tmp_path, "trio", now)
    assert first.name == "trio-20240501-123000.mid"
    first.touch()
    second = new_take(tmp_path, "trio", now)
    assert second.name == "trio-20240501-123000-2.mid"
    part_of(second).touch()
    assert new_take(tmp_path, "trio", now).name == "trio-20240501-123000-3.mid"


def test_controllers_are_kept_by_device_and_preset() -> None:
    files = {controllers_file(preset, device) for preset in ("a", "b") for device in (None, "X:1", "Y:1")}
    assert len(files) == 6
    assert controllers_file("..", "../..").parent.parent == controllers_file("a").parent


def test_every_notice_is_shown_in_its_turn_and_kept() -> None:
    notices = Notices()
    notices.told(("one", "two"))
    assert notices.line(100.0) == "one"
    assert notices.line(103.0) == "one"
    assert notices.line(103.2) == "two"
    notices.told(("two", "three"))  # the oldest has fallen off
    notices.told(("two", "three"))
    assert notices.line(103.3) == "two"
    assert notices.line(110.0) == "three"
    notices.say("Panic: every note ended.")
    assert notices.line(110.1) == "Panic: every note ended."
    assert notices.line(130.0) == ""
    assert list(notices.all) == ["one", "two", "three", "Panic: every note ended."]


def test_taps_give_the_mean_tempo_and_a_pause_starts_anew() -> None:
    taps = Taps()
    assert taps.tap(10.0) is None
    assert taps.tap(10.5) == 120.0
    assert taps.tap(11.1) == pytest.approx(109.1)
    assert taps.tap(20.0) is None
    assert taps.tap(20.0) is None
    assert taps.tap(20.1) == 300.0


def test_trouble_is_said_in_plain_words_the_worst_first() -> None:
    snapshot = ToyLink(toy_preset()).state
    assert words.trouble(snapshot, None, 0.0) is None
    assert "has not answered for 4 s" in str(words.trouble(snapshot, None, 4.2))
    assert words.trouble(None, None, 4.2) is None
    assert "has not answered for 21 s" in str(words.trouble(None, None, 21.0))
    assert "is gone: broken pipe" in str(words.trouble(snapshot, "broken pipe", 4.2))
    ended = replace(snapshot, finished=True, notices=("a disk error",))
    assert "has ended (q leaves): a disk error" in str(words.trouble(ended, None, 0.0))
    assert "has failed (q leaves): a disk error" in str(words.trouble(replace(ended, failed=True), None, 0.0))


def test_a_dead_composer_is_said_without_a_promise() -> None:
    dead = replace(ToyLink(toy_preset()).state, composer="dead", notices=("no model",))
    assert words.trouble(dead, None, 0.0) == "The last bar repeats, the composer has stopped: no model"
    silent = words.trouble(replace(dead, playing=False), None, 0.0)
    assert silent == "Nothing can be played, the composer has stopped: no model"


@dataclass
class Knob:
    """A parameter in hand."""

    label: str
    hint: str
    bound: str
    waiting: float | None
    value: float
    learning: bool = False


def test_pickup_is_explained_with_its_direction() -> None:
    line = words.hint(Knob("density", "more notes", "ch 1 CC 74", 0.2, 0.6))
    assert line == "density: more notes   ch 1 CC 74 stands at 20: move it up to 60"
    assert "down to 60" in words.hint(Knob("density", "", "ch 1 CC 74", 0.9, 0.6))
