"""What a process asks of the system: that what it loads lets others go first, and nothing after it does."""

import os
import platform
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engine.composer import Composer
from engine.decoder import DecoderError
from engine.priority import NICENESS, SETATTR, giving_way, short_turns

threads = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="a thread's niceness is Linux's")


def niceness() -> int:
    """The calling thread's."""
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@threads
def test_what_is_loaded_gives_way_and_the_thread_that_waits_for_it_does_not():
    before = niceness()
    assert giving_way(niceness) == min(19, before + NICENESS)
    assert niceness() == before
    assert giving_way(max, 3, 7, key=lambda number: -number) == 3


def test_what_cannot_be_loaded_is_told_as_without_it(tmp_path):
    with pytest.raises(DecoderError, match=r"none\.ts"):
        giving_way(Composer, tmp_path / "none.ts")


@pytest.mark.skipif(platform.machine() not in SETATTR or sys.platform != "linux", reason="Linux's wish")
def test_short_turns_are_granted_to_anyone_and_leave_priority_and_niceness():
    def wished() -> tuple[bool, int, int]:
        os.nice(3)
        return short_turns(1e-3), os.sched_getscheduler(0), niceness()

    before = niceness()
    with ThreadPoolExecutor(1) as other:  # a thread that ends with its wish
        assert other.submit(wished).result() == (True, os.SCHED_OTHER, min(19, before + 3))
