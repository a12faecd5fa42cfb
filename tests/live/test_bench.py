"""What `live bench` says of a machine, and that it comes to an end."""

import os
import sys

import pytest

from live import bench
from live.errand import UserError


def test_memory_is_read_where_the_system_tells_it_and_unknown_elsewhere() -> None:
    found = bench._resident(os.getpid())
    assert found == "unknown" if sys.platform != "linux" else float(found) > 1.0
    assert bench._resident(2**30) == "unknown"


def test_a_preset_that_cannot_play_ends_the_wait_for_its_first_note() -> None:
    with pytest.raises(UserError, match=r"no note came: .*no preset 'no such preset'"):
        bench.first_note("no such preset")


def test_figures_are_laid_out_in_lines() -> None:
    table = bench.table({"preset": "trio", "decode": {"p50_ms": 1.5}})
    assert table.splitlines() == ["preset             trio", "decode", "  p50_ms             1.5"]
