"""What a player that measures itself tells at its end, on a clock that jumps."""

from array import array
from typing import Any

import pytest
import toy_composer
from hand import Hand

from engine.clock import ManualClock
from engine.desk import Desk
from engine.messages import Measured, Quit, SetParameter, Snapshot, Stop
from engine.player import Player
from engine.render import DirectLink
from engine.sinks import MemoryPort

STEP = 60 / 120 / 4


def perform(commands: list[tuple[float, object]], **changes: object) -> tuple[list[Any], MemoryPort]:
    """Return what was said at the end of two bars and what was played."""
    clock, port = ManualClock(stride=0.005), MemoryPort()
    hand = Hand(clock, commands)
    setup = toy_composer.setup(**({"bars": 2, "measure": True, "bpm": 120.0} | changes))
    Player(setup, clock, Desk(sinks=[port], composer=DirectLink(toy_composer.decode), live=hand)).run()
    return hand.heard, port


def test_every_note_is_told_once_with_its_time() -> None:
    heard, port = perform([])
    measured, last = heard[-2:]
    assert isinstance(measured, Measured)
    assert isinstance(last, Snapshot)
    assert last.finished
    due, sent = array("d", measured.due), array("d", measured.sent)
    struck = [message for message in port.messages if message[0] & 0xF0 == 0x90]
    assert [(code >> 7, code & 127) for code in array("H", measured.notes)] == [
        (message[0] & 0x0F, message[1]) for message in struck
    ]
    assert len(due) == len(sent) == len(struck)
    assert list(due) == sorted(due)
    assert all(0 <= late < 1e-6 for late in (s - d for s, d in zip(sent, due, strict=True)))
    assert (measured.knob_moves, measured.knob_missed_steps) == (0, 0)


def test_each_move_of_a_knob_is_timed_to_the_step_that_reflects_it() -> None:
    moves = [(0.1 + 0.3 * number, SetParameter("knob1", number / 10)) for number in range(10)]
    measured = perform(moves)[0][-2]
    assert (measured.knob_moves, measured.knob_missed_steps) == (10, 0)
    waits = array("d", measured.knob_to_note)
    assert len(waits) + measured.knob_moves_dropped == 10
    assert all(0 < wait <= STEP + 0.02 for wait in waits)
    assert measured.knob_to_note_worst == pytest.approx(max(waits))


def test_what_changes_no_note_is_no_move() -> None:
    commands = [(0.5, SetParameter("dynamics", 0.9)), (0.6, SetParameter("knob1", 0.5))]
    assert perform(commands)[0][-2].knob_moves == 0


def test_a_move_that_a_stop_overtakes_is_counted_as_dropped() -> None:
    commands = [(1.0, SetParameter("knob1", 0.9)), (1.001, Stop()), (1.5, Quit())]
    measured = perform(commands)[0][-2]
    assert (measured.knob_moves, measured.knob_moves_dropped) == (1, 1)
    assert not measured.knob_to_note


def test_a_player_that_is_not_asked_says_nothing_of_it() -> None:
    assert all(isinstance(said, Snapshot) for said in perform([], measure=False)[0])


def test_swing_and_offset_move_the_steps_that_answer() -> None:
    moves = [(0.1 + 0.3 * number, SetParameter("knob1", number / 10)) for number in range(10)]
    measured = perform(moves, parameters={"swing": 1.0}, offset=0.03)[0][-2]
    assert measured.knob_missed_steps == 0
    assert all(0 < wait <= 2 * STEP for wait in array("d", measured.knob_to_note))
    due, sent = array("d", measured.due), array("d", measured.sent)
    assert all(0 <= late < 1e-6 for late in (s - d for s, d in zip(sent, due, strict=True)))
