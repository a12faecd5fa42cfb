"""What a process asks of the system: that what it loads lets others go first, and nothing after it does."""

import os
import threading
from pathlib import Path

import pytest

from engine.composer import Composer
from engine.decoder import DecoderError
from engine.priority import NICENESS, giving_way

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
