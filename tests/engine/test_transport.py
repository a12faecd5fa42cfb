"""Ticks and seconds, and tempo changes that keep the phase."""

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar import PPQN
from engine.transport import Transport, next_step

BPM = st.floats(20.0, 300.0)


def test_a_beat_at_120_is_half_a_second() -> None:
    transport = Transport(120.0, 0, 10.0)
    assert transport.time_of(PPQN) == 10.5
    assert transport.tick_at(11.0) == 2 * PPQN


@settings(deadline=None)
@given(BPM, st.integers(-10_000, 10_000_000), st.floats(0.0, 1e6))
def test_a_tick_is_reached_at_its_own_time(bpm: float, tick: int, start: float) -> None:
    transport = Transport(bpm, 0, start)
    assert transport.reached(transport.time_of(tick)) >= tick


@settings(deadline=None)
@given(st.lists(st.tuples(BPM, st.floats(0.0, 10.0)), min_size=1, max_size=20))
def test_tempo_changes_never_move_the_tick_at_which_they_happen(changes: list[tuple[float, float]]) -> None:
    transport, now = Transport(120.0, 0, 0.0), 0.0
    for bpm, pause in changes:
        now += pause
        changed = transport.at_tempo(bpm, now)
        assert changed.bpm == bpm
        assert changed.anchor_tick - transport.tick_at(now) <= 1.0
        assert changed.time_of(changed.anchor_tick) == transport.time_of(changed.anchor_tick)
        transport = changed


def test_a_tempo_out_of_range_is_clamped() -> None:
    assert Transport(120.0, 0, 0.0).at_tempo(1e9, 0.0).bpm == 300.0


def test_the_next_step_is_at_or_after_a_tick() -> None:
    assert [next_step(tick) for tick in (0, 0.5, 120, 120.1)] == [0, 1, 1, 2]
