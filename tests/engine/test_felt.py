"""Performances whose drums a feel plays: what is heard of the feel and of the voices beside it."""

from dataclasses import replace

import drummed
import pytest
from concert import Concert, Sent
from drummed import BARS, Piece
from stage import BAR
from tick_by_tick import reference

from engine.arranger import Arranger
from engine.composer import Composer
from engine.messages import SetParameter
from engine.request import BarReply, ComposerState

piece, trio = drummed.piece, drummed.trio


def plain(trio: Piece, **changes: object) -> list[Sent]:
    """Return the notes of the same performance without the feel."""
    concert = Concert(
        decode=Composer(trio.setup.model).reply,
        **({"manifest": trio.setup.manifest, "voices": trio.setup.voices, "bars": BARS} | changes),
    )
    concert.run()
    return concert.notes()


def test_drums_are_played_as_the_module_plays_them_bar_after_bar(piece: Piece) -> None:
    concert = piece.concert()
    concert.run()
    assert concert.hits == piece.hits(concert.rows)
    assert concert.strikes() == reference(concert, [])
    assert len({tuple(hits) for hits in concert.hits.values()}) == BARS
    assert concert.hanging() == set()
    assert [request.number for request in concert.asked] == list(range(BARS))
    early = [tick for tick, _, _ in concert.strikes() if tick % 1920 > 1860]
    assert early  # before their bar line
    assert concert.performance.arranger.late_bars == 0


def test_tight_it_is_the_performance_without_the_feel(trio: Piece) -> None:
    concert = trio.concert(parameters={"tightness": 1.0})
    concert.run()
    assert [(s.tick, s.message) for s in concert.notes()] == [(s.tick, s.message) for s in plain(trio)]


def test_the_other_voices_are_as_they_are_without_the_feel(trio: Piece) -> None:
    concert = trio.concert()
    concert.run()
    for channel in (0, 1):
        own = [(s.tick, s.message) for s in concert.notes() if s.message[0] & 0x0F == channel]
        assert own == [(s.tick, s.message) for s in plain(trio) if s.message[0] & 0x0F == channel]


def test_a_composer_that_dies_leaves_no_trace(piece: Piece) -> None:
    def play(dies: bool) -> list[tuple[int, ...]]:
        stage = piece.stage(lambda _: 0.2, bars=6)
        stage.until(1.2 * BAR)
        stage.live.send(SetParameter("knob1", 0.9))
        while not stage.composer.busy or stage.composer.asked[-1].number < 3:
            stage.player.turn()
        if dies:
            stage.composer.replace(ComposerState("dead", "killed"), ComposerState("ready"))
            stage.composer.decode = Composer(piece.setup.model, piece.setup.feel_file).reply
        stage.player.run()
        assert stage.player.performance.arranger.late_bars == 0
        assert stage.hanging() == set()
        return [tuple(event.message) for event in stage.heard]

    assert play(dies=True) == play(dies=False)


def test_a_late_bar_is_the_one_before_again_and_the_drummer_goes_on_from_it(trio: Piece) -> None:
    stage = trio.stage(lambda request: 2.5 * BAR if request.number == 3 else 0.001, bars=6)
    replies: list[BarReply] = []
    stage.composer.decode = lambda request: replies.append(trio.composer.reply(request)) or replies[-1]
    stage.player.run()
    assert stage.player.performance.arranger.late_bars == 1
    assert stage.hanging() == set()
    by_number = {reply.number: reply for reply in replies}
    fourth = next(request for request in stage.composer.asked if request.number == 4)
    assert (fourth.state, fourth.past) == (by_number[2].state, (by_number[2].tokens,))
    rows = {number: by_number[2 if number == 3 else number].tokens for number in range(6)}
    assert list(by_number[4].hits) == trio.hits(rows)[4]


def test_a_state_that_does_not_fit_is_named(trio: Piece) -> None:
    request = Arranger(trio.setup).request(1)
    with pytest.raises(ValueError, match=r"the state of the feel has shape \(1,\), expected \(2,\)"):
        trio.composer.reply(replace(request, state=bytes(4)))
    assert trio.composer.reply(request).state == trio.composer.reply(replace(request, number=0)).state[:8]
