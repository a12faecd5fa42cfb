"""The player as a slave: its notes on a master's line, whatever the master does."""

from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
from booth import Booth, plain
from master import BAR, arrivals, pulses

from engine.bar import PPQN, TICKS_PER_BAR, TICKS_PER_PULSE
from engine.messages import Play, SetBpm, SetCountIn, Stop
from engine.midi import CLOCK, CONTINUE, NOTE_ON, POSITION, START, STOP

BPM = 132.0
PLAIN = plain(9)


def led(**changes: object) -> Booth:
    return Booth(bpm=100.0, sync="midi", **changes)


def clocks(times: np.ndarray) -> list[tuple[float, list[int]]]:
    return [(time, [CLOCK]) for time in times.tolist()]


def times_of(true: np.ndarray, ticks: list[int]) -> np.ndarray:
    """Return the master's true times of `ticks`."""
    return np.interp(np.array(ticks) / TICKS_PER_PULSE, np.arange(len(true)), true)


@pytest.mark.parametrize(
    ("shape", "jitter"), [("uniform", 0), ("uniform", 1), ("gaussian", 1), ("uniform", 3)]
)
def test_every_note_comes_once_in_its_order_and_on_the_masters_beat(shape: str, jitter: float) -> None:
    true = pulses(BPM, 8, start=1000.5)
    arrived = arrivals(true, shape, jitter, seed=1)
    booth = led()
    assert booth.sync() == "waiting for MIDI clock"
    booth.arrive((arrived[0] - 0.005, [START]), *clocks(arrived))
    booth.until(float(true[-1]) - 0.01)
    assert [heard.message for heard in booth.notes] == [message for _, message in PLAIN][: len(booth.notes)]
    ticks = [tick for tick, _ in PLAIN][: len(booth.notes)]
    assert ticks[-1] > 8 * TICKS_PER_BAR - PPQN
    off = 1000.0 * (np.array([heard.time for heard in booth.notes]) - times_of(true, ticks))
    settled = np.array(ticks) >= 2 * TICKS_PER_BAR
    assert np.abs(off[settled]).max() < 1.0
    assert np.abs(off).max() < 6.0 + 3 * jitter  # from the very first note on
    assert booth.player.performance.arranger.late_bars == 0
    assert booth.sync() == "locked 132.0"


@pytest.mark.parametrize("factor", [0.9, 1.1, 2.0])
def test_a_step_of_the_masters_tempo_is_no_burst_no_gap_and_no_other_note(factor: float) -> None:
    true = pulses(lambda beat: np.where(beat < 10.3, BPM, BPM * factor), 6, start=1000.5)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(arrivals(true, "uniform", 0.5, seed=2)))
    booth.until(float(true[-1]) - 0.01)
    assert [heard.message for heard in booth.notes] == [message for _, message in PLAIN][: len(booth.notes)]
    ticks = [tick for tick, _ in PLAIN][: len(booth.notes)]
    off = np.array([heard.time for heard in booth.notes]) - times_of(true, ticks)
    assert np.abs(off[np.array(ticks) >= 4 * TICKS_PER_BAR]).max() < 1e-3
    fastest = 60 / (BPM * factor * PPQN) / 2.2
    slowest = 60 / (BPM * min(1, factor) * PPQN) * 2.2
    for (before, tick), (after, later) in pairwise(zip(booth.notes, ticks, strict=True)):
        if tick >= TICKS_PER_BAR and later > tick:
            assert fastest < (after.time - before.time) / (later - tick) < slowest


@pytest.mark.parametrize("stood", [0.6, 0.9, 3.0])
def test_after_a_machine_that_stood_still_it_goes_on_where_the_master_is(stood: float) -> None:
    true = pulses(60.0, 4, start=1000.5)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(true))
    booth.until(1006.3)
    assert booth.notes
    booth.time.wait(booth.time.now() + stood, ())  # nobody did anything meanwhile
    again = booth.time.now()
    booth.until(float(true[-1]) - 0.01)
    assert len(booth.hanging()) <= 8  # what sounds at last; no note came twice
    written = {(tick, note) for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON}
    struck = booth.strikes(again)
    assert len(struck) > 20
    for heard in struck:  # each is on the master's beat: none of those that were missed, and none in a rush
        beats = float(np.interp(heard.time, true, np.arange(len(true)))) / 24
        near = [tick for tick, note in written if note == heard.message and abs(tick / PPQN - beats) < 0.01]
        assert near, (heard, beats)


def test_stop_is_silence_and_a_position_goes_on_in_its_bar() -> None:
    true = pulses(BPM, 2.4, start=1000.5)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(true), (true[-1] + 0.003, [STOP]))
    booth.until(true[-1] + 0.1)
    assert booth.hanging() == set()
    assert booth.sync() == "locked 132.0, waiting for start"
    count = len(booth.notes)
    again = pulses(BPM, 3, start=float(true[-1]) + 1.0)
    booth.arrive((true[-1] + 0.5, [POSITION, 6 * 16, 0]), (again[0] - 0.002, [CONTINUE]), *clocks(again))
    booth.until(again[0] - 0.01)
    assert len(booth.notes) == count
    assert booth.player.performance.position(booth.time.now()) == 6 * TICKS_PER_BAR
    booth.until(again[-1] - 0.01)
    struck = booth.strikes(again[0] - 0.01)
    bar = [(tick, note) for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON and tick >= 6 * TICKS_PER_BAR]
    assert [heard.message for heard in struck] == [note for _, note in bar][: len(struck)]
    assert len(struck) > 20
    expected = times_of(again, [tick - 6 * TICKS_PER_BAR for tick, _ in bar[: len(struck)]])
    assert np.abs(np.array([heard.time for heard in struck]) - expected)[1:].max() < 2e-3


def test_a_position_at_once_before_continue_in_the_middle_of_a_bar_loses_at_most_a_step() -> None:
    again = pulses(BPM, 2, start=1000.5)
    booth = led()
    booth.arrive((1000.497, [POSITION, 3 * 16 + 5, 0]), (1000.498, [CONTINUE]), *clocks(again))
    booth.until(again[-1] - 0.01)
    begin = 3 * TICKS_PER_BAR + 5 * 120
    rest = [note for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON and tick >= begin + 120]
    struck = [heard.message for heard in booth.strikes(float(again[5]))]
    assert struck == rest[: len(struck)]
    assert len(struck) > 10


def test_a_start_while_it_plays_begins_again_at_bar_one() -> None:
    true, again = pulses(BPM, 1.6, start=1000.5), pulses(BPM, 2, start=1004.0)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(true[true < 1003.99]), (1003.995, [START]), *clocks(again))
    booth.until(again[-1] - 0.01)
    struck = [heard.message for heard in booth.strikes(1003.998)]
    first = [note for _, note in PLAIN if note[0] & 0xF0 == NOTE_ON]
    assert struck == first[: len(struck)]
    assert len(struck) > 15


def test_a_clock_that_falls_silent_is_waited_for() -> None:
    true = pulses(BPM, 1.5, start=1000.5)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(true))
    booth.until(true[-1] + 1.0)
    assert booth.sync() == "clock stopped"
    assert booth.hanging() == set()
    assert max(heard.time for heard in booth.notes) < true[-1] + 0.7
    again = pulses(BPM, 2, start=float(true[-1]) + 3.0)
    booth.arrive(*clocks(again))
    booth.until(again[-1] - 0.01)
    bar = [note for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON and tick >= 2 * TICKS_PER_BAR]
    begin = float(again[BAR // 2]) - 0.01  # the rest of the second bar is over
    struck = [heard.message for heard in booth.strikes(begin)]
    assert struck == bar[: len(struck)]
    assert len(struck) > 10


def test_the_performers_stop_and_play_act_here_and_a_tempo_is_refused() -> None:
    true = pulses(BPM, 7, start=1000.5)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(true))
    booth.until(true[BAR])
    booth.do(Stop())
    assert booth.hanging() == set()
    count = len(booth.notes)
    booth.until(true[3 * BAR])
    assert len(booth.notes) == count  # the master goes on without it
    booth.do(Play())
    booth.until(true[6 * BAR])
    bar = [note for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON and tick >= 4 * TICKS_PER_BAR]
    struck = [heard.message for heard in booth.strikes(true[4 * BAR] - 0.01)]
    assert struck == bar[: len(struck)]
    assert len(struck) > 10
    booth.do(SetBpm(90.0))
    assert "MIDI clock" in booth.player.report.notices[-1]
    assert booth.sync() == "locked 132.0"


def test_a_count_in_is_refused_with_a_word() -> None:
    booth = led()
    booth.do(SetCountIn(1))
    assert "no count-in" in booth.player.report.notices[-1]
    assert booth.player.performance.count_in == 0


def test_without_an_input_there_is_nothing_to_wait_for() -> None:
    assert led().sync() == "waiting for MIDI clock"
    assert led(in_port="").sync() == "no MIDI input"


def test_play_begins_at_bar_one_of_a_master_that_only_pulses() -> None:
    true = pulses(BPM, 4, start=1000.5)
    booth = led()
    booth.arrive(*clocks(true))
    booth.until(true[100])
    assert booth.notes == []
    booth.do(Play())
    booth.until(true[-1] - 0.01)
    first = [note for _, note in PLAIN if note[0] & 0xF0 == NOTE_ON]
    struck = booth.strikes()
    assert [heard.message for heard in struck] == first[: len(struck)]
    assert true[100] < struck[0].time < true[102] + 0.2


def test_play_while_the_master_is_stopped_keeps_its_place_for_continue() -> None:
    true = pulses(BPM, 2.4, start=1000.5)
    booth = led()
    booth.arrive((1000.499, [START]), *clocks(true), (true[-1] + 0.003, [STOP]))
    booth.until(true[-1] + 0.05)
    booth.do(Stop())
    booth.arrive((true[-1] + 0.1, [POSITION, 6 * 16, 0]))
    again = pulses(BPM, 3, start=float(true[-1]) + 1.0)
    booth.until(true[-1] + 0.2)
    booth.do(Play())
    idle = pulses(BPM, 0.25, start=float(true[-1]) + 0.3)  # it holds the tempo meanwhile
    booth.arrive(*clocks(idle))
    booth.until(again[0] - 0.1)
    assert booth.strikes(true[-1] + 0.1) == []  # it waits for the master, who has said that it stopped
    booth.arrive((again[0] - 0.002, [CONTINUE]), *clocks(again))
    booth.until(again[-1] - 0.01)
    bar = [note for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON and tick >= 6 * TICKS_PER_BAR]
    struck = [heard.message for heard in booth.strikes(again[0] - 0.01)]
    assert struck == bar[: len(struck)]
    assert len(struck) > 20


@pytest.mark.parametrize("said", [[STOP], [POSITION, 0, 0]])
def test_play_waits_for_a_master_that_says_when_it_plays(said: list[int]) -> None:
    true = pulses(BPM, 4, start=1000.5)
    booth = led()
    booth.arrive((1000.4, said), *clocks(true), (true[2 * BAR] - 0.002, [START]))
    booth.until(true[BAR])
    booth.do(Play())
    booth.until(true[2 * BAR] - 0.01)
    assert booth.notes == []
    booth.until(true[-1] - 0.01)
    first = [note for _, note in PLAIN if note[0] & 0xF0 == NOTE_ON]
    struck = [heard.message for heard in booth.strikes()]
    assert struck == first[: len(struck)]
    assert len(struck) > 10


@pytest.mark.parametrize("clock", [False, True])
@pytest.mark.parametrize("bar", [4, 9])
def test_a_master_beyond_the_last_bar_ends_the_performance_and_that_is_said(bar: int, clock: bool) -> None:
    true = pulses(BPM, 3, start=1000.5)
    booth = led(bars=4, clock=clock)
    booth.arrive((1000.4, [POSITION, bar * 16 % 128, bar * 16 // 128]), (1000.499, [CONTINUE]), *clocks(true))
    booth.until(true[BAR])
    assert booth.player.leaving
    assert booth.notes == []
    assert booth.player.report.notices[-1] == "the master is beyond bar 4, the last one to play"


def test_the_last_bar_of_a_master_that_goes_on_ends_it_without_a_word() -> None:
    true = pulses(BPM, 5, start=1000.5)
    booth = led(bars=2)
    booth.arrive((1000.499, [START]), *clocks(true))
    booth.until(true[-1])
    assert booth.player.leaving
    assert booth.player.report.notices == ()
    assert booth.hanging() == set()
    assert true[2 * BAR] - 0.5 < max(heard.time for heard in booth.notes) < true[2 * BAR] + 0.01


def test_a_take_keeps_the_times_at_which_it_was_played(tmp_path: Path) -> None:
    true = pulses(lambda beat: 110 + 1.5 * beat, 5, start=1000.5)
    path = tmp_path / "take.mid"
    booth = led(record=str(path))
    booth.arrive((1000.499, [START]), *clocks(true), (true[-1] + 0.004, [STOP]))
    booth.until(true[-1] + 0.1)
    heard = [heard.time for heard in booth.strikes()]
    booth.do(Stop())
    booth.player.console.finish_take(booth.time.now())
    now, written = 0.0, []
    for message in mido.MidiFile(path):
        now += message.time
        if message.type == "note_on" and message.velocity:
            written.append(now)
    assert len(written) == len(heard)
    off = np.array(heard) - heard[0] - (np.array(written) - written[0])
    assert np.abs(off[np.array(heard) > true[BAR]] - off[-1]).max() < 6e-3


def test_its_own_clock_goes_with_the_masters() -> None:
    true = pulses(BPM, 4, start=1000.5)
    booth = led(clock=True)
    booth.arrive((1000.499, [START]), *clocks(arrivals(true, "uniform", 1, seed=5)))
    booth.until(true[-1] - 0.01)
    begun = next(i for i, heard in enumerate(booth.clock) if heard.message == (START,))
    sent = np.array([heard.time for heard in booth.clock[begun:] if heard.message == (CLOCK,)])
    assert len(sent) == len(true) - 1
    assert np.abs(sent - true[:-1])[2 * BAR :].max() < 1e-3
