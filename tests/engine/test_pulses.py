"""The clock that is sent: its pulses' ticks, their place among the notes, and start, stop and positions."""

from itertools import pairwise

import numpy as np
import pytest
from booth import Booth, Heard
from master import BAR, arrivals, pulses

from engine.bar import PPQN, TICKS_PER_BAR, TICKS_PER_PULSE
from engine.messages import Play, SetBpm, SetOffset, Stop
from engine.midi import CLOCK, CONTINUE, NOTE_ON, POSITION, START, STOP
from engine.pulses import Pulses
from engine.transport import Transport

PULSE = 60 / 120 / 24  # seconds at 120 beats per minute


def pulse_times(heard: list[Heard]) -> list[float]:
    return [one.time for one in heard if one.message[0] == CLOCK]


def marks(heard: list[Heard]) -> list[tuple[int, ...]]:
    """Return the messages of a clock that are no pulses."""
    return [one.message for one in heard if one.message[0] != CLOCK]


def playing(booth: Booth) -> list[float]:
    """Return the times of the pulses between the last Start and what stops it."""
    begun = max(i for i, one in enumerate(booth.clock) if one.message == (START,))
    ended = [i for i, one in enumerate(booth.clock) if one.message == (STOP,) and i > begun]
    return pulse_times(booth.clock[begun : (ended or [len(booth.clock)])[0]])


def test_a_bar_has_96_pulses_between_start_and_stop_and_a_pulse_goes_before_the_notes_of_its_tick() -> None:
    booth = Booth(bpm=120.0, bars=2, clock=True)
    booth.player.run()
    zero = booth.player.performance.transport.time_of(0)
    assert marks(booth.clock) == [(START,), (STOP,)]
    times = playing(booth)
    assert times == pytest.approx([zero + number * PULSE for number in range(192)], abs=1e-9)
    assert booth.all[-1].message == (STOP,)
    place = booth.all.index(Heard(times[0], (START,)))
    assert booth.all[place + 1].message == (CLOCK,)
    before = {}
    for one in booth.all:  # each note that is due with a pulse comes behind it
        if one.message == (CLOCK,):
            before[one.time] = True
        elif one.message[0] & 0xF0 == NOTE_ON and one.time >= zero:
            assert before.get(one.time), one


def test_pulses_hold_the_tempo_while_nothing_plays() -> None:
    booth = Booth(bpm=120.0, clock=True, play=False)
    booth.until(1002.0)
    times = pulse_times(booth.clock)
    assert marks(booth.clock) == []
    assert all(after - before == pytest.approx(PULSE) for before, after in pairwise(times))
    assert len(times) in (96, 97)
    booth.do(SetBpm(60.0))
    booth.until(1004.0)
    slow = [time for time in pulse_times(booth.clock) if time > 1002.0 + 2 * PULSE]
    assert all(after - before == pytest.approx(2 * PULSE) for before, after in pairwise(slow))


@pytest.mark.parametrize(("bpm", "jitter"), [(171.0, 0.0), (171.0, 1.0), (83.0, 2.0)])
def test_while_a_master_stands_still_ours_go_with_its_pulses(bpm: float, jitter: float) -> None:
    booth = Booth(bpm=100.0, sync="midi", clock=True)
    true = pulses(bpm, 8, start=1000.5)
    booth.arrive(*((time, [CLOCK]) for time in arrivals(true, "uniform", jitter, seed=1)))
    booth.until(true[-1])
    ours = np.array([time for time in pulse_times(booth.clock) if time > true[2 * BAR]])
    period = 60 / 24 / bpm
    gaps = np.diff(ours) / period
    assert 0.8 < gaps.min() <= gaps.max() < 1.2  # none twice, none left out
    off = (ours - true[0]) / period
    assert np.abs(off - off.round()).max() * period < 0.0015


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("early", [0.002, 0.015])
def test_the_pulse_of_a_masters_start_comes_alone(phase: float, early: float) -> None:
    booth = Booth(bpm=100.0, sync="midi", clock=True)
    true = pulses(132, 3, start=1002.0)
    period = float(true[1] - true[0])
    idle = true[0] - (phase + np.arange(60, 0, -1)) * period  # the row may begin anew with Start
    booth.arrive(*((time, [CLOCK]) for time in idle), (true[0] - early, [START]))
    booth.arrive(*((time, [CLOCK]) for time in true))
    booth.until(true[-1] - 0.01)
    begun = next(i for i, one in enumerate(booth.clock) if one.message == (START,))
    last, first = pulse_times(booth.clock[:begun])[-1], pulse_times(booth.clock[begun:])[0]
    assert first == pytest.approx(true[0], abs=2e-3)
    # One of ours that the old row has shortly before the new one is held back, once Start has been heard.
    gone = phase * period > early
    assert first - last > (0.9 * phase if gone else 0.9) * period
    gaps = np.diff(playing(booth)) / period
    assert 0.9 < gaps.min() <= gaps.max() < 1.1


def test_stop_sends_others_to_bar_one_and_play_starts_them_again() -> None:
    booth = Booth(bpm=120.0, clock=True)
    booth.until(1003.01)
    booth.do(Stop())
    booth.until(1004.01)
    assert marks(booth.clock) == [(START,), (STOP,), (POSITION, 0, 0)]
    assert len(pulse_times(booth.clock)) > 190  # they went on
    booth.do(Play())
    booth.until(1005.5)
    assert marks(booth.clock)[3:] == [(START,)]
    assert playing(booth)[0] == booth.player.performance.transport.time_of(0)
    gaps = [after - before for before, after in pairwise(pulse_times(booth.clock))]
    assert min(gaps) > 0.5 * PULSE
    assert max(gaps) < 1.5 * PULSE + 1e-6


def test_a_stop_before_the_first_note_tells_others_nothing() -> None:
    booth = Booth(bpm=120.0, clock=True, count_in=1)
    booth.until(1001.0)
    assert booth.notes  # the clicks
    booth.do(Stop())
    booth.until(1002.0)
    assert marks(booth.clock) == []


def test_pulses_keep_their_ticks_through_tempo_changes_and_know_no_offset() -> None:
    booth = Booth(bpm=120.0, bars=3, clock=True, offset=0.03)
    for time, command in ((1001.3, SetBpm(171.0)), (1002.1, SetBpm(64.0)), (1002.6, SetOffset(-15.0))):
        booth.until(time)
        booth.do(command)
    line = booth.player.performance.transport
    booth.player.run()
    times = playing(booth)
    assert len(times) == 3 * 96
    bend = line.anchor_tick // TICKS_PER_PULSE + 1
    slow = [line.time_of(number * TICKS_PER_PULSE) for number in range(bend, 288)]
    assert times[bend:] == pytest.approx(slow, abs=1e-9)
    assert all(before < after for before, after in pairwise(times))


@pytest.mark.parametrize("offset", [-0.15, -0.001, 0.001, 0.15])
def test_the_last_bar_has_all_its_pulses_whatever_the_offset(offset: float) -> None:
    booth = Booth(bpm=120.0, bars=2, clock=True, offset=offset)
    for _ in range(20_000):  # a deadline that lay in the past would hold this clock for ever
        if booth.player.leaving:
            break
        booth.player.turn()
    assert booth.player.leaving
    booth.player.run()
    zero = booth.player.performance.transport.time_of(0)
    assert playing(booth) == pytest.approx([zero + number * PULSE for number in range(192)], abs=1e-9)
    stopped = next(one.time for one in booth.clock if one.message == (STOP,))
    assert stopped == pytest.approx(zero + 192 * PULSE + max(0.0, offset), abs=1e-6)
    assert max(one.time for one in booth.notes) <= zero + 192 * PULSE + offset + 1e-6
    assert booth.hanging() == set()


def test_pulses_are_neither_recorded_nor_notes_and_none_are_sent_unless_asked_for(tmp_path: object) -> None:
    takes = []
    for clock in (False, True):
        path = f"{tmp_path}/{clock}.mid"
        booth = Booth(bpm=120.0, bars=1, clock=clock, record=path)
        booth.player.run()
        with open(path, "rb") as take:  # noqa: PTH123 - bytes to compare
            takes.append(take.read())
        assert bool(booth.clock) == clock
    assert takes[0] == takes[1]


def test_others_join_in_the_middle_on_a_sixteenth_that_a_position_can_name() -> None:
    sent: list[tuple[tuple[int, ...], float | None]] = []
    pulses = Pulses(lambda message, due: sent.append((tuple(message), due)))
    line = Transport(120.0, 0, 0.0)
    tick = 20 * TICKS_PER_BAR + 130  # behind the second sixteenth
    now = line.time_of(tick)
    pulses.begin(line, tick, now)
    while now < line.time_of(tick + PPQN):
        pulses.advance(line, now)
        now = pulses.deadline(line)
    at = [message for message, _ in sent]
    assert at[0] == (POSITION, (20 * 16 + 2) % 128, (20 * 16 + 2) // 128)
    go = at.index((CONTINUE,))
    assert sent[go + 1] == ((CLOCK,), line.time_of(20 * TICKS_PER_BAR + 240))
    pulses.begin(line, 0, now)  # elsewhere, while they run
    assert [message for message, _ in sent][-1] == (STOP,)


def test_pulses_missed_in_sleep_are_left_out() -> None:
    sent: list[float | None] = []
    pulses = Pulses(lambda _, due: sent.append(due))
    line = Transport(120.0, 0, 0.0)
    pulses.advance(line, 0.0)
    pulses.advance(line, 60.003)
    assert len(sent) == 1
    pulses.advance(line, pulses.deadline(line))
    assert sent[-1] == pytest.approx(60.020833, abs=1e-5)
