"""Which bar a model whose bars go on from each other is asked for, and what it is told of those before."""

from pathlib import Path

import wandering
from stage import BAR
from toy_models import events
from wandering import FORMS, Piece

from engine.arranger import Arranger
from engine.request import BarReply, BarRequest

endless = wandering.endless


def test_a_late_bar_is_the_one_before_again_and_the_next_goes_on_from_that(endless: Piece) -> None:
    stage = endless.stage(lambda request: 2.5 * BAR if request.number == 3 else 0.001, bars=7)
    replies: list[BarReply] = []
    stage.composer.decode = lambda request: replies.append(endless.composer.reply(request)) or replies[-1]
    stage.player.run()
    assert stage.player.performance.arranger.late_bars == 1
    by_number = {reply.number: reply for reply in replies}
    fourth = next(request for request in stage.composer.asked if request.number == 4)
    assert (fourth.state, fourth.past) == (by_number[2].state, (by_number[2].tokens,))
    assert by_number[4].states == (
        endless.composer.reply(
            BarRequest(**fields(fourth) | {"past": (), "from_step": endless.steps, "prefix": fourth.past[0]})
        ).state,
    )
    fifth = next(request for request in stage.composer.asked if request.number == 5)
    assert (fifth.state, fifth.past) == (by_number[4].state, ())
    rows = {number: by_number[2 if number == 3 else number].tokens for number in range(7)}
    expected = events(endless.codec, rows, 7 * 1920)
    sent = [m.message for m in stage.heard if m.message[0] & 0xE0 == 0x80]
    assert [message[1] for message in sent] == [pitch for _, _, pitch in expected]


def fields(request: BarRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in BarRequest.__dataclass_fields__}


def test_a_composer_slower_than_the_music_hangs_no_note_and_writes_on(endless: Piece) -> None:
    stage = endless.stage(lambda _: 1.3 * BAR, bars=14)
    stage.player.run()
    assert stage.hanging() == set()
    assert 0 < stage.player.performance.arranger.late_bars < 11
    for request in stage.composer.asked[2:]:
        assert request.state
        assert len(request.past) <= 3


def test_a_bar_far_from_any_other_begins_anew(endless: Piece) -> None:
    arranger = Arranger(endless.setup())
    for expected in (0, 1, 2, 40, 41, 42):
        current = 0 if expected < 40 else 40
        request = arranger.next_request(current, current * endless.steps, BAR, 0.0)
        assert request is not None
        assert request.number == expected
        assert (request.state == b"", request.past) == (expected in (0, 40), ())
        assert arranger.accept(endless.composer.reply(request), -1, 0.0)
    assert arranger.next_request(40, 40 * endless.steps, BAR, 0.0) is None


def test_a_bar_ahead_is_written_again_when_the_one_before_it_has_been(endless: Piece) -> None:
    """Also where its knobs are up to date: it was written first, because it would have been late."""
    arranger, short = Arranger(endless.setup()), 0.02  # seconds a bar: there is hardly time for the next one

    def answer(current: int, open_step: int, now: float) -> BarRequest | None:
        request = arranger.next_request(current, open_step, short, now)
        if request is not None:
            assert arranger.accept(endless.composer.reply(request), -1, now)
        return request

    first = answer(0, 0, 0.0)
    assert first is not None
    arranger.panel.set_parameter("knob1", 0.9)
    asked = [answer(0, 30, now) for now in (1.0, 2.0, 2.1, 2.2)]
    assert all(request is not None and request.revision == 1 for request in asked)
    order = [(request.number, request.from_step) for request in asked if request is not None]
    assert order[:3] == [(1, 0), (0, 30), (1, 0)]
    early, rest, again = (endless.composer.reply(request) for request in asked[:3] if request is not None)
    assert asked[2] is not None
    assert asked[2].state == rest.state
    assert early.tokens != again.tokens


def test_a_loop_that_begins_anew_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    piece = Piece(FORMS[2], tmp_path)
    arranger = Arranger(piece.setup())
    for number in range(3):
        request = arranger.next_request(0, 0, BAR, 0.0)
        assert request is not None
        assert (request.number, request.state == b"") == (number, number != 1)
        arranger.accept(piece.composer.reply(request), -1, 0.0)
    arranger.panel.set_parameter("knob1", 0.9)
    for number in (1, 2):  # the rest of the first bar is past
        request = arranger.next_request(0, 4, BAR, float(number))
        assert request is not None
        assert (request.number, request.revision, request.state == b"") == (number, 1, number != 1)
        arranger.accept(piece.composer.reply(request), -1, float(number))
    assert arranger.next_request(0, 4, BAR, 3.0) is None
