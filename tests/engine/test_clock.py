"""Waiting for deadlines, for data and for wakes."""

import time
from multiprocessing import Pipe

from engine.clock import ManualClock, MonotonicClock, Wake, read


def test_the_manual_clock_jumps_to_the_deadline() -> None:
    clock = ManualClock(5.0)
    assert clock.wait(7.5, []) == []
    assert clock.now() == 7.5
    assert clock.wait(6.0, []) == []
    assert clock.now() == 7.5


def test_the_manual_clock_reads_before_it_jumps() -> None:
    near, far = Pipe()
    far.send("news")
    clock = ManualClock()
    assert clock.wait(1.0, [near]) == [near]
    assert clock.now() == 0.0
    near.close()
    far.close()


def test_the_monotonic_clock_never_returns_early() -> None:
    for spin in (False, True):
        clock = MonotonicClock(spin)
        deadline = clock.now() + 0.005
        clock.wait(deadline, [])
        assert clock.now() >= deadline


def test_the_monotonic_clock_waits_without_sources_too() -> None:
    clock = MonotonicClock()
    assert clock.wait(clock.now() + 0.005, []) == []
    assert time.get_clock_info("monotonic").resolution > 0.001 or read is time.monotonic


def test_a_wake_ends_a_wait_once_however_often_it_is_set() -> None:
    clock, wake = MonotonicClock(), Wake()
    wake.set()
    wake.set()
    assert clock.wait(clock.now() + 60.0, [wake.source]) == [wake.source]
    wake.clear()
    assert clock.wait(clock.now(), [wake.source]) == []
    wake.set()
    assert clock.wait(clock.now() + 60.0, [wake.source]) == [wake.source]


def test_the_end_of_the_other_side_ends_a_wait() -> None:
    near, far = Pipe()
    far.close()
    clock = MonotonicClock()
    assert clock.wait(clock.now() + 60.0, [near]) == [near]
    near.close()
