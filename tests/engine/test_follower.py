"""A simulated master with jitter, ramps, steps, faults and jumps: how near the follower stays to it."""

import numpy as np
import pytest
from master import BAR, Heard, arrivals, pulses, ramp

from engine.bar import TICKS_PER_BAR, TICKS_PER_PULSE
from engine.follower import Follower
from engine.midi import CLOCK, CONTINUE, POSITION, START, STOP

BPMS = (40, 60, 90, 120, 174, 240)
BARS = 12
SEEDS = 6  # of a case; `python tests/engine/master.py` looks at many more


@pytest.mark.parametrize("bpm", BPMS)
@pytest.mark.parametrize(
    ("shape", "jitter", "usual"),
    [("uniform", 0, 0.001), ("uniform", 1, 0.6), ("gaussian", 1, 0.8), ("uniform", 3, 0.7)],
)
def test_it_locks_within_a_bar_and_stays_within_a_millisecond_of_the_beat(
    shape: str, jitter: float, usual: float, bpm: float
) -> None:
    true = pulses(bpm, 4)
    worst = []
    for seed in range(SEEDS if jitter else 1):
        heard = Heard(true, arrivals(true, shape, jitter, seed=int(100 * bpm) + seed))
        assert 0 < heard.locked <= BAR
        worst.append(heard.once_locked())
        assert heard.follower.bpm == pytest.approx(bpm, rel=1e-3)
        assert heard.follower.tick == len(true[:-1]) * TICKS_PER_PULSE  # no pulse too many or too few
    assert max(worst) < 1.0
    assert np.quantile(worst, 0.8) < usual


def test_of_jitter_with_bounds_more_is_known_than_least_squares_can_know() -> None:
    true = pulses(120, 1.5)

    def deviation(shape: str, jitter: float, since: int) -> float:
        heard = [Heard(true, arrivals(true, shape, jitter, seed)).errors[since:] for seed in range(40)]
        return float(np.sqrt(np.mean(np.square(heard))))

    least_squares = 2 * 3 / np.sqrt(3 * 1.25 * BAR)  # 2 s / sqrt(n), after a bar and a quarter
    assert deviation("uniform", 3, BAR) < 0.7 * least_squares
    # Where there are no bounds it is not misled.
    assert deviation("gaussian", np.sqrt(3), BAR) < 1.15 * least_squares


@pytest.mark.parametrize("bpm", BPMS[:-1])
def test_jitter_of_three_milliseconds_deviation_takes_longer_to_average_out(bpm: float) -> None:
    # After n pulses nothing can know the phase better than 2 s / sqrt(n): 0.6 ms after a bar, 0.2 after 8.
    true = pulses(bpm, BARS)
    heard = Heard(true, arrivals(true, "gaussian", 3, seed=bpm))
    assert heard.worst(1) < 2.5
    assert heard.worst(6) < 1.0
    assert np.sqrt(np.mean(heard.errors[6 * BAR :] ** 2)) < 0.5
    assert heard.follower.tick == len(true[:-1]) * TICKS_PER_PULSE


def test_it_does_not_say_that_it_is_locked_while_it_would_be_a_guess() -> None:
    true = pulses(120, 5)
    locked = [Heard(true, arrivals(true, "gaussian", 3, seed)).locked for seed in range(9)]
    assert 2 * BAR < np.median(locked) < 4 * BAR


@pytest.mark.parametrize("period", [1.333, 5.333])
def test_arrivals_at_the_beginning_of_a_period_are_averaged_as_well(period: float) -> None:
    true = pulses(120.5, BARS)
    assert Heard(true, arrivals(true, "periods", period, seed=1)).worst(2) < 0.25 * period + 0.1


@pytest.mark.parametrize(
    ("shape", "jitter", "worst", "after"),
    [("uniform", 0, 0.2, 0.1), ("uniform", 1, 2.2, 1.0), ("gaussian", 1, 3.2, 1.0), ("uniform", 3, 5.0, 1.7)],
)
def test_a_ramp_is_followed(shape: str, jitter: float, worst: float, after: float) -> None:
    # 40 beats a minute faster within 16 bars. What is lost is lost until the ramp shows in the jitter.
    true = pulses(ramp(100, 140, 32, 64), 34)
    heard = Heard(true, arrivals(true, shape, jitter, seed=2))
    assert heard.worst(8, 24) < worst
    assert heard.worst(26) < after
    assert heard.follower.bpm == pytest.approx(140, rel=1e-3)


@pytest.mark.parametrize("factor", [0.9, 1.1, 0.5, 2.0])
@pytest.mark.parametrize(("shape", "jitter", "after"), [("uniform", 0, 0.1), ("uniform", 1, 1.0)])
def test_after_a_step_it_is_back_within_half_a_bar(
    shape: str, jitter: float, after: float, factor: float
) -> None:
    true = pulses(lambda beat: np.where(beat < 32, 120.0, 120.0 * factor), 14)
    heard = Heard(true, arrivals(true, shape, jitter, seed=3))
    assert heard.worst(8.5) < after
    assert heard.follower.tick == len(true[:-1]) * TICKS_PER_PULSE


FAULTS = {
    "one lost": lambda times: np.delete(times, 300),
    "three lost": lambda times: np.delete(times, [300, 301, 302]),
    "one doubled": lambda times: np.insert(times, 300, times[300] + 0.0005),
    "a stall and a burst": lambda times: np.where(
        (times >= times[300]) & (times < times[300] + 0.3), times[300] + 0.3, times
    ),
}


@pytest.mark.parametrize("bpm", [60, 120, 200])
@pytest.mark.parametrize(("shape", "jitter"), [("uniform", 0), ("gaussian", 1), ("uniform", 3)])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_moves_neither_the_beat_nor_the_bar(
    fault: str, shape: str, jitter: float, bpm: float
) -> None:
    true = pulses(bpm, 5)
    follower = Follower(100.0)
    follower.hear([START], true[0] - 0.01)
    for time in FAULTS[fault](arrivals(true, shape, jitter, seed=bpm))[:-1].tolist():
        follower.hear([CLOCK], time)
        line = follower.line(time)
        assert line is not None
        if time > true[2 * BAR]:  # also while it happens
            number = round(line.tick_at(time) / TICKS_PER_PULSE)
            assert line.time_of(number * TICKS_PER_PULSE) == pytest.approx(
                true[0] + number * (true[1] - true[0]), abs=1.5e-3
            )
    assert follower.tick == (len(true) - 1) * TICKS_PER_PULSE


def steady(follower: Follower, start: float, count: int, bpm: float = 120.0) -> float:
    """Send `count` pulses from `start` on; return when the next one would come."""
    for number in range(count):
        follower.hear([CLOCK], start + number * 60 / (24 * bpm))
    return start + count * 60 / (24 * bpm)


def test_start_is_bar_one_and_continue_goes_on_behind_the_last_pulse() -> None:
    follower = Follower(100.0)
    now = steady(follower, 10.0, 50)
    assert follower.line(now) is None
    assert follower.text(now) == "locked 120.0, waiting for start"
    follower.hear([START], now - 0.001)
    now = steady(follower, now, 30)
    line = follower.line(now)
    assert line is not None
    assert line.tick_at(now) == pytest.approx(30 * TICKS_PER_PULSE, abs=0.01)
    assert follower.text(now) == "locked 120.0"
    follower.hear([STOP], now)
    now = steady(follower, now, 100)
    assert follower.line(now) is None
    follower.hear([CONTINUE], now)
    now = steady(follower, now, 1)
    line = follower.line(now)
    assert line is not None
    assert line.tick_at(now) == pytest.approx(31 * TICKS_PER_PULSE, abs=0.01)


def test_a_song_position_names_the_pulse_behind_continue() -> None:
    follower = Follower(100.0)
    follower.hear([START], 9.99)
    now = steady(follower, 10.0, 30)
    follower.hear([STOP], now)
    follower.hear([POSITION, 80, 1], now)  # 208 sixteenths: bar 14
    assert follower.tick == 13 * TICKS_PER_BAR
    follower.hear([CONTINUE], now + 3.0)
    assert follower.line(now + 3.0) is None
    now = steady(follower, now + 3.0, 3)
    line = follower.line(now)
    assert line is not None
    assert line.tick_at(now) == pytest.approx(13 * TICKS_PER_BAR + 3 * TICKS_PER_PULSE, abs=0.5)


def test_a_master_may_begin_its_row_of_pulses_anew_with_start() -> None:
    follower = Follower(100.0)
    now = steady(follower, 10.0, 96) + 0.0071  # a third of a pulse later than the row before
    follower.hear([START], now - 0.001)
    end = steady(follower, now, 24)
    line = follower.line(end)
    assert line is not None
    assert line.time_of(24 * TICKS_PER_PULSE) == pytest.approx(end, abs=1e-4)
    assert follower.tick == 24 * TICKS_PER_PULSE


@pytest.mark.parametrize("bpm", [60, 120, 200])
def test_after_a_start_it_is_locked_again_only_when_it_knows_the_new_row(bpm: float) -> None:
    true = pulses(bpm, 4)
    period = true[1] - true[0]
    for seed in range(SEEDS):
        heard = arrivals(true, "uniform", 3, seed=int(bpm) + seed)
        idle = true[0] - (97.3 - np.arange(98)) * period  # the new row begins a third of a pulse later
        follower = Follower(100.0)
        for time in arrivals(idle, "uniform", 3, seed=int(bpm) - seed)[:-1].tolist():
            follower.hear([CLOCK], time)
        follower.hear([START], float(heard[0]) - 1e-4)
        locked = 0
        for number, time in enumerate(heard[:-1].tolist()):
            follower.hear([CLOCK], time)
            if number > 1 and follower.text(time) == f"locked {bpm:.1f}":
                locked += 1
                line = follower.line(time)
                assert line is not None
                here = line.time_of((number + 1) * TICKS_PER_PULSE)
                assert here == pytest.approx(true[0] + (number + 1) * period, abs=1.2e-3)
        assert locked > BAR


@pytest.mark.parametrize("bpm", [90, 120, 206])
@pytest.mark.parametrize("pause", [0.1, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("first", [1, 2, 3, 5, 7])
def test_a_pause_among_the_first_pulses_is_neither_tempo_nor_jitter(
    first: int, pause: float, bpm: float
) -> None:
    follower = Follower(100.0)
    now = steady(follower, 10.0, first, bpm) + pause
    now = steady(follower, now, BAR + BAR // 2, bpm)
    assert follower.text(now - 1e-4) == f"locked {bpm:.1f}, waiting for start"
    assert follower.bpm == pytest.approx(bpm, rel=1e-3)


@pytest.mark.parametrize("bpm", [120, 174, 240])
@pytest.mark.parametrize("stalled", [0.1, 0.2])
def test_a_stall_of_our_own_among_the_first_pulses_is_over_soon(stalled: float, bpm: float) -> None:
    true = pulses(bpm, 6)
    late = np.where((true >= true[7]) & (true < true[7] + stalled), true[7] + stalled, true)
    follower = Follower(100.0)
    for time in late[:-1].tolist():
        follower.hear([CLOCK], time)
    assert follower.text(float(true[-1])) == f"locked {bpm:.1f}, waiting for start"


def test_silence_is_a_stop_and_pulses_after_it_go_on() -> None:
    follower = Follower(100.0)
    assert follower.text(10.0) == "waiting for MIDI clock"
    follower.hear([START], 9.99)
    now = steady(follower, 10.0, 30)
    assert follower.line(now + 0.4) is not None
    assert follower.line(now + 0.6) is None
    assert follower.text(now + 0.6) == "clock stopped"
    now = steady(follower, now + 7.3, 20, bpm=90.0)
    line = follower.line(now)
    assert line is not None
    assert line.tick_at(now) == pytest.approx(50 * TICKS_PER_PULSE, abs=0.01)
    assert follower.text(now) == "locked 90.0"


def test_other_messages_are_left_to_others() -> None:
    follower = Follower(100.0)
    assert not any(
        follower.hear(message, 1.0) for message in ([0xB0, 74, 1], [0xFE], [0xF0, 1, 0xF7], [0xF2])
    )
