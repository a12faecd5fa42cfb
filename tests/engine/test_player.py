"""The player's loop on a clock that jumps: how it starts, stops, stalls and ends."""

from dataclasses import replace

import pytest
import toy_composer
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import BAR, STEP, Stage

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP
from engine.codec import HOLD
from engine.messages import (
    Acknowledge,
    Panic,
    Play,
    Quit,
    SetBpm,
    SetChannel,
    SetCountIn,
    SetMute,
    SetOffset,
    SetParameter,
    SetSeed,
    Stop,
)
from engine.request import BarReply, BarRequest


def test_nothing_sounds_before_the_first_bar_is_there_and_the_delay_is_over() -> None:
    stage = Stage(seconds=lambda _: 0.5, delay=2.0)
    stage.until(BAR)
    assert stage.player.performance.transport.time_of(0) == 2.0
    assert min(e.time for e in stage.heard if e.message[0] & 0xF0 == 0x90) >= 2.0
    assert [e.message[0] & 0xF0 for e in stage.heard[:3]] == [0xC0] * 3


def test_tempo_moves_what_is_scheduled_and_keeps_every_note() -> None:
    stage = Stage(bars=2)
    stage.until(0.5 * BAR)
    stage.live.send(SetBpm(60))
    stage.player.run()
    plain = Stage(bars=2)
    plain.player.run()
    assert [e.message for e in stage.heard] == [e.message for e in plain.heard]
    assert stage.heard[-1].time - plain.heard[-1].time == pytest.approx(1.5 * BAR, abs=0.01)


def test_stop_ends_the_notes_and_play_begins_again_with_the_same_ones() -> None:
    stage = Stage()
    stage.until(1.3 * BAR)
    stage.live.send(Stop())
    stage.player.turn()
    stage.player.turn()
    assert stage.hanging() == set()
    first = stage.notes()
    stage.heard.clear()
    stage.live.send(Play())
    stage.until(1.3 * BAR)
    again = stage.notes()
    strikes = [n for n in first if n[1][0] & 0xF0 == 0x90]
    assert [n for n in again if n[1][0] & 0xF0 == 0x90][: len(strikes)] == strikes


def test_a_process_that_was_frozen_goes_on_where_it_was() -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    count = len(stage.heard)
    stage.clock.wait(stage.clock.now() + 20.0, [])
    stage.player.turn()
    assert len(stage.heard) - count < 6
    assert stage.player.performance.arranger.late_bars == 0


@pytest.mark.parametrize("phase", [step / 8 for step in range(8)] + [0.99])
def test_wherever_in_a_bar_the_process_is_frozen_nothing_bursts(phase: float) -> None:
    def sparse(request: BarRequest) -> BarReply:  # nothing is due in the second half of a bar
        rows = toy_composer.decode(request).tokens
        return replace(toy_composer.decode(request), tokens=(*rows[:8], *[(HOLD, HOLD, 0)] * 8))

    stage = Stage()
    stage.composer.decode = sparse
    stage.until((1 + phase) * BAR)
    before = len(stage.heard)
    stage.clock.wait(stage.clock.now() + 20.0, [])
    stage.player.turn()
    assert len(stage.heard) - before <= 16  # what ends and begins on one step
    assert stage.player.performance.arranger.late_bars == 0
    now = stage.clock.now()
    while stage.clock.now() < now + BAR:
        stage.player.turn()
    moments = [event.time for event in stage.heard[before:] if event.message[0] & 0xF0 == 0x90]
    assert max(moments.count(moment) for moment in moments) <= 8  # of one step


def test_snapshots_come_on_credit() -> None:
    stage = Stage()
    stage.until(BAR)
    assert stage.live.poll()
    first = stage.live.recv()
    assert not stage.live.poll()
    stage.live.send(Acknowledge())
    stage.until(BAR + STEP)
    second = stage.live.recv()
    assert (first.playing, second.playing, second.composer) == (False, True, "ready")
    assert second.tick // TICKS_PER_STEP in (15, 16, 17)
    assert {note.tick // TICKS_PER_BAR for note in second.roll} >= {0, 1, 2}


def test_the_last_bar_ends_everything_on_its_line() -> None:
    stage = Stage(bars=2)
    stage.player.run()
    assert stage.hanging() == set()
    assert stage.notes()[-1][0] <= 2 * STEPS_PER_BAR
    assert max(request.number for request in stage.composer.asked) == 1


@pytest.mark.parametrize("how", ["quit", "signal", "live", "failure"])
def test_however_it_ends_no_note_stays_on(how: str) -> None:
    stage = Stage()
    stage.until(0.3 * BAR)
    if how == "quit":
        stage.live.send(Quit())
    elif how == "signal":
        stage.desk.leave = "SIGTERM"
    elif how == "live":
        stage.live.close()
    else:
        stage.composer.decode = lambda request: replace(toy_composer.decode(request), tokens=None)
        stage.live.send(SetParameter("knob1", 0.9))
    assert stage.hanging()
    stage.player.run()
    assert stage.hanging() == set()
    if how in ("signal", "failure"):
        expected = "ended by SIGTERM" if how == "signal" else "the player failed: TypeError"
        assert expected in stage.player.report.notices[-1]


MOVED = ["knob1", "interpolation", "dynamics", "swing"]
COMMANDS = st.one_of(
    st.builds(SetBpm, st.floats(20, 300)),
    st.builds(SetParameter, st.sampled_from(MOVED), st.floats(0, 1)),
    st.builds(SetOffset, st.floats(-250, 250)),
    st.builds(SetCountIn, st.integers(-1, 5)),
    st.builds(SetMute, st.integers(-1, 3), st.booleans()),
    st.builds(SetChannel, st.integers(-1, 3), st.integers(-1, 16)),
    st.builds(SetSeed, st.integers(0, 5)),
    st.sampled_from([Play(), Stop(), Panic()]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1.5), COMMANDS), max_size=12), st.floats(0, 0.4))
def test_under_any_commands_each_note_on_has_its_note_off(script: list[tuple], pause: float) -> None:
    stage = Stage(seconds=lambda _: pause)
    for seconds, command in script:
        end = stage.clock.now() + seconds
        while stage.clock.now() < end:
            stage.player.turn()
        stage.live.send(command)
    stage.live.send(Quit())
    stage.player.run()
    assert stage.hanging() == set()
    stage.live.close()
