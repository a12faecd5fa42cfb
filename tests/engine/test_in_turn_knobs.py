"""Knobs turned while bars go on from each other: what is written anew and when it is heard."""

from itertools import pairwise
from pathlib import Path

import wandering
from hand import Hand
from stage import BAR
from wandering import BARS, FORMS, Piece, heard

from engine.clock import ManualClock
from engine.desk import Desk
from engine.messages import SetParameter
from engine.performance import HEADROOM
from engine.player import Player as Instrument
from engine.render import DirectLink
from engine.sinks import MemoryPort
from engine.snapshot import Measured

piece, endless = wandering.piece, wandering.endless


def test_a_knob_changes_the_rest_of_the_bar_and_what_follows_goes_on_from_there(piece: Piece) -> None:
    concert, player = piece.concert(), piece.written(2)
    arranger = concert.performance.arranger
    concert.until(HEADROOM + 1.35 * BAR)
    arranger.panel.set_parameter("knob1", 0.95)
    turned = arranger.panel.z()
    concert.run()
    (again,) = [request for request in concert.asked if request.revision and request.number == 1]
    assert 0.35 * piece.steps < again.from_step <= 0.35 * piece.steps + 2
    before = player.rows[1]
    player.write(1, turned, 1.0, again.from_step)
    assert player.rows[1] != before
    assert player.rows[1][: again.from_step] == before[: again.from_step]
    for number in range(2, BARS):
        player.write(number, turned, 1.0)
    assert heard(concert) == piece.events(player)
    assert concert.hanging() == set()


def test_on_a_fine_grid_a_knob_is_heard_in_a_fine_step(tmp_path: Path) -> None:
    piece = Piece(FORMS[1], tmp_path)
    clock = ManualClock(stride=0.005)
    moves = [(1.0 + 0.31 * turn, SetParameter("knob1", turn % 7 / 7)) for turn in range(1, 9)]
    hand = Hand(clock, moves)
    desk = Desk(sinks=[MemoryPort()], composer=DirectLink(piece.composer.reply), live=hand)
    Instrument(piece.setup(bars=2, measure=True), clock, desk).run()
    (measured,) = (said for said in hand.heard if isinstance(said, Measured))
    step = BAR / 96
    assert (measured.knob_moves, measured.knob_missed_steps) == (8, 0)
    assert 0 < measured.knob_to_note_worst < 2.5 * step


def test_the_rows_of_a_knob_turned_without_end_hang_no_note(endless: Piece) -> None:
    concert = endless.concert(bars=4)
    for turn in range(120):
        concert.until(concert.clock.now() + 0.0237)
        concert.performance.panel.set_parameter("knob1", turn % 11 / 11)
        if turn % 37 == 0:
            concert.mute(0, turn % 2 == 0)
        if turn % 61 == 0:
            concert.panic()
    concert.run()
    assert concert.hanging() == set()
    for before, after in pairwise(heard(concert)):
        assert before[0] <= after[0]
