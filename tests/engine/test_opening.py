"""The bars that a preset carries: played at once where they are what would be written, else not at all."""

from dataclasses import replace
from pathlib import Path

import pytest
import toy_composer
from concert import Concert
from stage import Stage

from engine.arranger import Arranger
from engine.opening import FILE, Opening, OpeningError, read, write
from engine.request import BarReply, ComposerState
from engine.setup import Setup


def carried(setup: Setup, bars: int = 3) -> Setup:
    """Return `setup` with the bars that the toy writes for it."""
    arranger = Arranger(setup)
    tokens = tuple(toy_composer.decode(arranger.request(number)).tokens for number in range(bars))
    return replace(setup, opening=Opening(arranger.key(), tokens))


def test_it_plays_before_any_composer_has_answered() -> None:
    setup = carried(toy_composer.setup(bars=3))
    whole, alone = Concert(bars=3), Concert(opening=setup.opening, bars=3)
    whole.run()
    performance, clock = alone.performance, alone.clock
    while not performance.over:
        performance.advance(clock.now())
        clock.wait(performance.deadline(), [])
    assert alone.notes() == whole.notes()
    assert performance.arranger.late_bars == 0


@pytest.mark.parametrize("changes", [{"seed": 9}, {"parameters": {"temperature": 0.3}}])
def test_it_is_left_out_where_another_seed_or_knob_would_write_other_bars(changes: dict[str, object]) -> None:
    setup = carried(toy_composer.setup())
    assert Arranger(setup).ready(0)
    assert not Arranger(replace(setup, **changes)).ready(0)


def test_a_knob_turned_before_the_composer_is_there_has_the_rest_written_anew() -> None:
    setup = carried(toy_composer.setup())
    arranger = Arranger(setup)
    arranger.panel.set_parameter("interpolation", 0.7)
    request = arranger.next_request(0, 4, 2.0, 0.0)
    assert request is not None
    assert (request.number, request.from_step, request.revision) == (0, 4, 1)
    assert setup.opening is not None
    assert request.prefix == setup.opening.bars[0]


def test_an_opening_is_not_all_there_is_to_a_performance_without_a_screen() -> None:
    stage = Stage(opening=carried(toy_composer.setup()).opening, headless=True)
    stage.composer.replace(ComposerState("loading"), ComposerState("failed", "no such model"))
    stage.player.run()
    said = []
    while stage.live.poll():
        said.append(stage.live.recv())
    assert said[-1].failed
    assert "no such model" in said[-1].notices


def test_after_a_stop_it_is_there_again() -> None:
    arranger = Arranger(carried(toy_composer.setup()))
    request = arranger.request(3)
    reply = BarReply(3, 0, 0, toy_composer.decode(request).tokens, 1.0)
    arranger.next_request(0, 0, 2.0, 0.0)
    arranger.accept(reply, -1, 0.0)
    arranger.restart()
    assert [number for number in range(6) if arranger.ready(number)] == [0, 1, 2]
    arranger.panel.set_parameter("temperature", 0.9)
    arranger.restart()
    assert not arranger.ready(0)


def test_it_survives_the_file(tmp_path: Path) -> None:
    setup = carried(toy_composer.setup())
    assert setup.opening is not None
    assert read(tmp_path, setup.manifest) is None
    write(tmp_path, setup.opening)
    assert read(tmp_path, setup.manifest) == setup.opening


@pytest.mark.parametrize(
    "bars", ["", "[[[1, 2, 3]]]", "5", str([[[1, 2, 512]] * 16]), str([[[1, -1, 3]] * 16]), "[[[1, 2, 3]"]
)
def test_a_file_that_is_none_is_named_with_its_remedy(tmp_path: Path, bars: str) -> None:
    (tmp_path / FILE).write_text(f'{{"key": "x", "bars": {bars}}}')
    with pytest.raises(OpeningError, match=r"opening\.json: not the opening bars .* `live opening`"):
        read(tmp_path, toy_composer.setup().manifest)
