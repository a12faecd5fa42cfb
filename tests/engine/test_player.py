"""The player's loop on a clock that jumps: when what changes, what a late composer does, how it all ends."""

from dataclasses import replace
from pathlib import Path

import mido
import pytest
import toy_composer
from full_disk import full_disk
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import BAR, STEP, Stage

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP
from engine.clock import ManualClock
from engine.codec import HOLD
from engine.desk import Arrival
from engine.ledger import Alone, Finish, Ledger, PortLost, Receivers
from engine.messages import (
    Acknowledge,
    Learn,
    Panic,
    Play,
    Quit,
    Record,
    SetAnchor,
    SetBpm,
    SetChannel,
    SetCountIn,
    SetMute,
    SetOffset,
    SetParameter,
    SetSeed,
    Stop,
)
from engine.outlet import Outlet
from engine.pending import LEAD_CAP
from engine.request import BarReply, BarRequest, ComposerState
from engine.sinks import MemoryPort


def undisturbed(seconds: float, **changes: object) -> list[tuple[int, tuple[int, ...]]]:
    """Return the notes of a performance with nobody at the knobs."""
    stage = Stage(**changes)
    stage.until(seconds)
    return stage.notes()


@pytest.mark.parametrize(
    "command",
    [SetParameter("knob1", 0.9), SetParameter("temperature", 0.6), SetSeed(99), SetAnchor("A", 5)],
    ids=lambda command: type(command).__name__,
)
def test_a_change_is_heard_within_the_bar_from_the_next_step_on_and_not_before(command: object) -> None:
    stage = Stage()
    stage.until(BAR + 6.5 * STEP)
    stage.live.send(command)
    stage.until(2 * BAR)
    changed, plain = stage.notes(), undisturbed(2 * BAR)
    border = STEPS_PER_BAR + 7
    assert [n for n in changed if n[0] < border] == [n for n in plain if n[0] < border]
    assert changed != plain
    first = next(n for n in stage.composer.asked if n.revision == 1)
    assert (first.number, first.from_step) == (1, 7)


def test_a_change_too_close_to_a_step_takes_the_step_after() -> None:
    stage = Stage()
    stage.until(BAR + 6 * STEP - 0.005)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(2 * BAR)
    assert next(n.from_step for n in stage.composer.asked if n.revision == 1) == 7


def test_a_reply_too_late_for_its_step_is_thrown_away_and_asked_again() -> None:
    stage = Stage(seconds=lambda request: 3 * STEP if request.from_step == 4 else 0.001)
    stage.until(BAR + 3.5 * STEP)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(2 * BAR)
    steps = [
        request.from_step for request in stage.composer.asked if request.number == 1 and request.revision
    ]
    assert steps[0] == 4
    assert steps[1] == 7  # the reply came in the middle of step 6
    border = STEPS_PER_BAR + steps[1]
    changed, plain = stage.notes(), undisturbed(2 * BAR)
    assert [n for n in changed if n[0] < border] == [n for n in plain if n[0] < border]
    assert changed != plain


def test_turning_a_knob_back_brings_the_music_back() -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(0.9 * BAR)
    stage.live.send(SetParameter("knob1", 0.5))
    stage.until(3 * BAR)
    rest = 2 * STEPS_PER_BAR
    starts = [n for n in stage.notes() if n[0] >= rest and n[1][0] & 0xF0 == 0x90]
    assert starts == [n for n in undisturbed(3 * BAR) if n[0] >= rest and n[1][0] & 0xF0 == 0x90]


def test_a_late_bar_is_the_last_one_again_and_is_counted() -> None:
    stage = Stage(seconds=lambda request: 2.5 * BAR if request.number == 2 else 0.001)
    stage.until(3 * BAR - STEP / 2)
    assert stage.player.performance.arranger.late_bars == 1
    strikes = [n for n in stage.notes() if n[1][0] & 0xF0 == 0x90]
    second = [(step - STEPS_PER_BAR, m) for step, m in strikes if step // STEPS_PER_BAR == 1]
    third = [(step - 2 * STEPS_PER_BAR, m) for step, m in strikes if step // STEPS_PER_BAR == 2]
    assert second == third


def test_a_composer_slower_than_the_music_is_still_heard() -> None:
    stage = Stage(seconds=lambda _: 1.3 * BAR)
    stage.until(12 * BAR)
    strikes = [n for n in stage.notes() if n[1][0] & 0xF0 == 0x90]
    bars = [
        tuple((step % STEPS_PER_BAR, m) for step, m in strikes if step // STEPS_PER_BAR == bar)
        for bar in range(12)
    ]
    assert len(set(bars)) > 4
    assert 0 < stage.player.performance.arranger.late_bars < 8


def test_nothing_sounds_before_the_first_bar_is_there_and_the_delay_is_over() -> None:
    stage = Stage(seconds=lambda _: 0.5, delay=2.0)
    stage.until(BAR)
    assert stage.player.performance.transport.time_of(0) == 2.0
    assert min(e.time for e in stage.heard if e.message[0] & 0xF0 == 0x90) >= 2.0
    assert [e.message[0] & 0xF0 for e in stage.heard[:3]] == [0xC0] * 3


def test_a_thousand_controller_moves_are_a_few_requests() -> None:
    stage = Stage(seconds=lambda _: 0.02)
    stage.live.send(Learn("knob1"))
    stage.until(BAR)
    before = len(stage.composer.asked)
    for position in range(1000):
        stage.control(0xB0, 74, position % 128)
    stage.until(1.25 * BAR)
    assert stage.player.performance.panel.parameters["knob1"] == pytest.approx((999 % 128) / 127)
    assert len(stage.composer.asked) - before < 0.25 * BAR / 0.02 + 2
    assert stage.composer.asked[-1].revision == stage.player.performance.panel.revision


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


def test_a_bar_that_the_codec_does_not_know_is_refused_with_a_notice() -> None:
    stage = Stage()
    bad = ((999, 0, 0),) * STEPS_PER_BAR
    stage.until(0.3 * BAR)
    stage.composer.decode = lambda request: replace(toy_composer.decode(request), tokens=bad)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(BAR)
    assert stage.notes() == undisturbed(BAR)
    assert any("melody token 999" in notice for notice in stage.player.report.notices)


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


@pytest.mark.parametrize("anchor", ["A", "B"])
@pytest.mark.parametrize("morph", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("knob", [0.0, 0.5, 0.9])
def test_keeping_what_plays_changes_nothing_of_it(anchor: str, morph: float, knob: float) -> None:
    stage = Stage()
    panel = stage.player.performance.panel
    panel.set_parameter("knob1", knob)
    panel.set_parameter("interpolation", morph)
    before = panel.z().tobytes()
    panel.set_anchor(anchor, None)
    assert panel.parameters["knob1"] == 0.5
    assert panel.parameters["interpolation"] == (0.0 if anchor == "A" else 1.0)
    assert panel.z().tobytes() == before


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


@pytest.mark.parametrize("control", [120, 123])
def test_all_sound_off_and_all_notes_off_at_the_input_are_panic(control: int) -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    struck = [event.message for event in stage.heard if event.message[0] & 0xF0 == 0x90]
    stage.control(0xB5, control, 0)
    count = len(stage.heard)
    stage.player.turn()
    assert stage.hanging() == set()
    silenced = [event.message for event in stage.heard[count:] if event.message[0] & 0xF0 == 0xB0]
    channels = {message[0] & 0x0F for message in struck}
    assert sorted(silenced) == sorted([0xB0 | channel, n, 0] for channel in channels for n in (64, 120, 123))
    stage.until(BAR)
    assert len(stage.heard) > count + len(silenced)  # the music goes on


def test_a_panic_that_comes_back_by_a_loop_is_one() -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    stage.control(0xB5, 123, 0)
    stage.player.turn()
    for _ in range(5):
        said = [event.message for event in stage.heard if event.message[0] & 0xF0 == 0xB0]
        for message in said:
            stage.control(*message)
        stage.until(stage.clock.now() - stage.player.performance.transport.time_of(0) + 0.02)
    said = [event.message for event in stage.heard if event.message[0] & 0xF0 == 0xB0]
    assert len(said) == 9  # three on each channel
    stage.until(2 * BAR)
    stage.control(0xB5, 123, 0)  # and a second one is another
    stage.player.turn()
    assert len([event for event in stage.heard if event.message[0] & 0xF0 == 0xB0]) == 18


class Synth(MemoryPort):
    """A built-in sound that keeps what it is sent."""

    backend, alive = "Null", True


def test_a_new_receiver_and_each_start_get_the_programs() -> None:
    stage = Stage()
    stage.desk.outlet = Outlet(None, "JACK: live:toy")
    stage.until(0.5 * BAR)
    assert sum(event.message[0] & 0xF0 == 0xC0 for event in stage.heard) == 3
    for count, (names, programs) in enumerate(((("a",), 6), (("a",), 6), (("a", "b"), 9), (("a",), 9))):
        stage.guard.send(Receivers(names))
        stage.until(0.6 * BAR + count * STEP)
        assert sum(event.message[0] & 0xF0 == 0xC0 for event in stage.heard) == programs
    stage.live.send(Stop())
    stage.live.send(Play())
    stage.player.turn()
    stage.until(0.5 * BAR)
    assert sum(event.message[0] & 0xF0 == 0xC0 for event in stage.heard) == 12


def test_a_lost_port_is_said_and_sent_nothing_and_the_music_goes_on() -> None:
    stage = Stage()
    port, synth = MemoryPort(), Synth()
    stage.desk.outlet = Outlet(port, "JACK: live:toy", synth)
    stage.desk.sinks = [stage.desk.outlet]
    stage.until(BAR)
    stage.guard.send(PortLost("JACK: the JACK server is gone"))
    while "the JACK server is gone" not in stage.desk.outlet.text:
        stage.player.turn()
    sent = len(port.messages)
    stage.until(2 * BAR)
    assert len(port.messages) == sent
    assert len(synth.messages) > 10
    stage.live.send(Acknowledge())
    stage.until(2 * BAR + STEP)
    said = [stage.live.recv(), stage.live.recv()][-1]
    assert said.out_port.startswith("no MIDI port (JACK: the JACK server is gone) + built-in sound")
    assert any("sent nothing any more, start live anew to open another" in notice for notice in said.notices)


def test_a_composer_that_hangs_or_writes_nonsense_is_given_up() -> None:
    for nonsense in (False, True):
        stage = Stage(
            seconds=lambda request, wait=not nonsense: 1000.0 if wait and request.number > 2 else 0.001
        )
        stage.desk.ledger = Ledger()
        if nonsense:
            stage.until(0.3 * BAR)
            bad = ((999, 0, 0),) * STEPS_PER_BAR
            stage.composer.decode = lambda request, bad=bad: replace(toy_composer.decode(request), tokens=bad)
        stage.until(LEAD_CAP - 1)
        assert stage.desk.ledger.hung == nonsense
        stage.until(LEAD_CAP + 4)
        assert stage.desk.ledger.hung
        assert any("the composer hangs" in n or "bar that is none" in n for n in stage.player.report.notices)
        assert stage.player.performance.playing
        stage.desk.ledger.close()
        stage.desk.ledger.unlink()


@pytest.mark.parametrize("headless", [True, False])
def test_a_composer_that_never_comes_is_a_failure(headless: bool) -> None:
    stage = Stage(headless=headless)
    stage.composer.replace(ComposerState("failed", "model.ts: not there"))
    snapshots = []
    while not (snapshots and snapshots[-1].failed):
        if stage.player.leaving:
            stage.player.run()
        else:
            stage.player.turn()
        while stage.live.poll():
            snapshots.append(stage.live.recv())
            stage.live.send(Acknowledge())
    assert stage.player.leaving == headless
    assert snapshots[-1].failed
    assert snapshots[-1].finished == headless


def test_a_full_disk_ends_the_take_and_not_the_music(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    stage = Stage(record=str(path))
    stage.until(BAR)
    with full_disk(Path(f"{path}.part").stat().st_size + 30):
        stage.live.send(Acknowledge())
        stage.until(2 * BAR)
        stage.live.send(Acknowledge())
        stage.until(3 * BAR)
    assert stage.player.performance.take.recorder is None
    assert any("broke off" in notice for notice in stage.player.report.notices)
    assert stage.notes() == undisturbed(3 * BAR)
    stage.live.send(Quit())
    stage.player.run()
    assert stage.hanging() == set()


def tempos(path: Path) -> list[tuple[int, float]]:
    """Return (tick, beats per minute) of a take's tempo map."""
    tick, found = 0, []
    for message in mido.MidiFile(path).tracks[0]:
        tick += message.time
        if message.type == "set_tempo":
            found.append((tick, round(mido.tempo2bpm(message.tempo), 3)))
    return found


def test_takes_that_a_guard_did_not_get_to_write_are_written_without_it(tmp_path: Path) -> None:
    stage = Stage(record=str(tmp_path / "one.mid"))
    stage.until(0.5 * BAR)
    stage.live.send(Record(str(tmp_path / "two.mid")))
    stage.until(BAR)
    asked = stage.guard.recv()
    assert asked == Finish(str(tmp_path / "one.mid.part"))
    stage.guard.send(Alone("no guard any more", (asked.journal,)))
    stage.until(1.5 * BAR)
    stage.live.send(Record(None))
    stage.until(2 * BAR)
    one, two = str(tmp_path / "one.mid"), str(tmp_path / "two.mid")
    assert stage.player.report.notices[-3:] == ("no guard any more", f"recorded {one}", f"recorded {two}")
    assert [len(mido.MidiFile(path).tracks) for path in (one, two)] == [4, 4]


def test_a_take_has_the_tick_on_which_the_tempo_changed(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    stage = Stage(bars=2, record=str(path))
    stage.desk.guard = None
    stage.until(0.4 * BAR + 0.0003)
    stage.live.send(SetBpm(60))
    while stage.player.performance.transport.bpm != 60:
        stage.player.turn()
    tick = stage.player.performance.transport.anchor_tick
    stage.player.run()
    assert tempos(path) == [(0, 120.0), (tick, 60.0)]


def test_what_is_changed_before_the_first_note_is_right_in_time_and_take(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    stage = Stage(bars=1, delay=2.0, record=str(path))
    stage.desk.guard = None
    while stage.clock.now() < 1.0:
        stage.player.turn()
    stage.live.send(SetBpm(60))
    stage.live.send(SetChannel(1, 5))
    stage.until(0.0)
    assert stage.player.performance.transport.time_of(0) == 2.0
    stage.player.run()
    assert tempos(path)[-1] == (0, 60.0)
    bass = [m for m in mido.MidiFile(path).tracks[2] if not m.is_meta]
    assert {m.channel for m in bass if m.type == "note_on"} == {5}
    assert [m.program for m in bass if m.type == "program_change" and m.channel == 5] == [33]


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


class Slow(ManualClock):
    """A clock by which everything that asks for the time takes 20 microseconds."""

    def now(self) -> float:
        """Return the time, and let some pass."""
        self.wait(super().now() + 2e-5, [])
        return super().now()


def test_a_flood_of_control_changes_waits_while_a_note_is_due_and_is_heard_to_its_end() -> None:
    stage = Stage(clock=Slow(stride=0.001), bindings={"knob1": (0, 20)}, parameters={"knob1": 0.0})
    stage.until(2 * BAR - 0.004)
    came = stage.clock.now()
    stage.desk.controls.extend(Arrival(came, [0xB0, 20, number % 128]) for number in range(4999))
    stage.control(0xB0, 20, 4999 % 128)
    stage.until(3 * BAR)
    zero = stage.player.performance.transport.time_of(0)
    late = [(event.time - zero) % STEP for event in stage.heard if event.message[0] & 0xF0 == 0x90]
    assert len(late) > 20
    assert max(late) < 0.002
    assert not stage.desk.controls
    assert stage.player.performance.panel.parameters["knob1"] == pytest.approx(4999 % 128 / 127)
