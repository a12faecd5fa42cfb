"""What a player that measures itself tells at its end, on a clock that jumps."""

from array import array
from typing import Any

import pytest
import toy_composer
from hand import Hand
from stage import Stage

from engine.clock import ManualClock
from engine.desk import Desk
from engine.messages import Quit, SetParameter, Stop
from engine.player import Player
from engine.render import DirectLink
from engine.sinks import MemoryPort
from engine.snapshot import Measured, Snapshot
from engine.tally import WIDTH

STEP = 60 / 120 / 4


def perform(commands: list[tuple[float, object]], **changes: object) -> tuple[list[Any], MemoryPort]:
    """Return what was said at the end of two bars and what was played."""
    clock, port = ManualClock(stride=0.005), MemoryPort()
    hand = Hand(clock, commands)
    setup = toy_composer.setup(**({"bars": 2, "measure": True, "bpm": 120.0} | changes))
    Player(setup, clock, Desk(sinks=[port], composer=DirectLink(toy_composer.decode), live=hand)).run()
    return hand.heard, port


def times(measured: Measured) -> list[float]:
    """Return the seconds from each move to its step, as they are counted."""
    return [place * WIDTH for place, n in enumerate(array("I", measured.knob_to_note)) for _ in range(n)]


def measured_by(stage: Stage) -> Measured:
    """Have the player leave and return what it kept."""
    stage.live.send(Quit())
    stage.player.run()
    said: list[Any] = []
    while not (said and isinstance(said[-1], Snapshot) and said[-1].finished):
        said.append(stage.live.recv())
    (found,) = (each for each in said if isinstance(each, Measured))
    return found


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
    waits = times(measured)
    assert len(waits) + measured.knob_moves_dropped == 10
    assert all(0 < wait <= STEP + 0.02 for wait in waits)
    assert measured.knob_to_note_worst == pytest.approx(max(waits), abs=WIDTH / 2)
    assert measured.knob_heard == 10


def test_control_changes_are_counted_as_they_come_also_those_that_move_nothing() -> None:
    stage = Stage(measure=True, bindings={"knob1": (0, 20)})
    stage.until(0.2)
    for message in ((0xB0, 20, 0), (0xB0, 20, 127), (0xB0, 20, 127), (0xB0, 99, 5), (0x90, 60, 1)):
        stage.control(*message)
    stage.until(1.0)
    measured = measured_by(stage)
    assert (measured.knob_heard, measured.knob_moves) == (4, 1)


def test_a_machine_that_stood_still_is_told_and_its_first_note_was_late_by_all_of_it() -> None:
    stage = Stage(measure=True)
    stage.until(1.3)
    stage.clock.wait(stage.clock.now() + 2.0, [])
    went_on = stage.clock.now()
    stage.until(8.0)
    measured = measured_by(stage)
    ((resumed, seconds),) = measured.stalls
    assert resumed == went_on
    assert 2.0 <= seconds < 2.0 + STEP
    late = [1000 * (s - d) for d, s in zip(array("d", measured.due), array("d", measured.sent), strict=True)]
    struck = [sent for sent in array("d", measured.sent) if sent >= went_on]
    first = struck.count(struck[0])
    assert sorted(late)[-first:] == pytest.approx([1000 * seconds] * first, abs=1e-3)
    assert max(sorted(late)[:-first]) < 1e-3
    assert stage.player.report.notices == (f"the machine stood still for {seconds:.1f} s",)


def test_nobody_waits_for_a_note_that_a_stop_came_before() -> None:
    stage = Stage(measure=True)
    stage.until(1.3)
    performance, clock = stage.player.performance, stage.clock
    clock.wait(clock.now() + 2.0, [])
    performance.stalls.stood(clock.now(), 2.0)  # and before anything is struck:
    performance.stop(clock.now())
    performance.play()
    stage.until(3.0)
    measured = measured_by(stage)
    assert max(s - d for d, s in zip(array("d", measured.due), array("d", measured.sent), strict=True)) < 1e-6


def test_what_changes_no_note_is_no_move() -> None:
    commands = [(0.5, SetParameter("dynamics", 0.9)), (0.6, SetParameter("knob1", 0.5))]
    assert perform(commands)[0][-2].knob_moves == 0


def test_a_move_that_a_stop_overtakes_is_counted_as_dropped() -> None:
    commands = [(1.0, SetParameter("knob1", 0.9)), (1.001, Stop()), (1.5, Quit())]
    measured = perform(commands)[0][-2]
    assert (measured.knob_moves, measured.knob_moves_dropped) == (1, 1)
    assert not times(measured)


def test_a_player_that_is_not_asked_says_nothing_of_it() -> None:
    assert all(isinstance(said, Snapshot) for said in perform([], measure=False)[0])


def test_swing_and_offset_move_the_steps_that_answer() -> None:
    moves = [(0.1 + 0.3 * number, SetParameter("knob1", number / 10)) for number in range(10)]
    measured = perform(moves, parameters={"swing": 1.0}, offset=0.03)[0][-2]
    assert measured.knob_missed_steps == 0
    assert all(0 < wait <= 2 * STEP for wait in times(measured))
    due, sent = array("d", measured.due), array("d", measured.sent)
    assert all(0 <= late < 1e-6 for late in (s - d for s, d in zip(sent, due, strict=True)))
