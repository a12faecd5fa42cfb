"""What `live bench` measures: that its parts come to an end and say what they should, never how fast."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "engine"))  # for its toy_composer
import toy_composer
from headless_toy import broken
from toy_link import ToyLink, toy_preset

from engine import bench as decoding
from engine import machine
from engine.bar import TICKS_PER_STEP
from engine.session import Session
from engine.setup import from_preset
from engine.shelf import find
from live import bench, fresh, trial
from live.errand import UserError, run
from live.mirror import Mirror

THREE = {"p50", "p99", "max"}
USED = {"player", "composer", "guard", "live", "player and composer"}


def test_a_performance_of_the_toy_is_measured_whole() -> None:
    figures = trial.perform(toy_composer.setup(bpm=240.0), 2.0, partial(Session, compose=toy_composer.run))
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures["lateness_ms"]) == THREE
    assert set(figures["knob_to_note_ms"]) == THREE
    assert figures["notes"]["sent"] > 5
    assert figures["knob_sent"] >= figures["knob_heard"] >= figures["knob_moves"] > 5
    assert figures["stalls"] >= 0
    assert figures["screen_frames_a_second"] is None
    assert 0 <= figures["knob_missed_steps"] <= figures["knob_steps"]
    assert set(figures["rss_mib"]) == {"player", "composer", "guard", "live"}
    assert set(figures["cpu_percent_with_clock"]) == {
        "player",
        "composer",
        "guard",
        "live",
        "player and composer",
    }
    if figures["arrival_jitter_ms"] is None:
        assert figures["arrival_jitter_reason"]
        assert figures["knobs_moved_by"].startswith("commands: ")
    else:
        assert figures["notes"]["lost"] == figures["notes"]["doubled"] == 0


def test_under_stress_it_is_played_to_its_end_and_its_knobs_never_rest() -> None:
    figures = trial.perform(
        toy_composer.setup(bpm=240.0), 1.5, partial(Session, compose=toy_composer.run), stress=toy_preset()
    )
    assert figures["notes"]["sent"] > 3
    assert figures["knob_moves"] > 50
    assert figures["knob_sent"] >= figures["knob_heard"] > 5
    assert figures["cpu_percent_with_clock"] is None
    assert set(figures["rss_growth_mib"]) == {"player", "composer", "guard", "live"}
    if sys.platform == "win32":
        assert figures["screen_frames_reason"]
    else:
        assert figures["screen_frames_a_second"] > 0
        assert figures["screen_frames_reason"] is None


def test_a_preset_that_plays_anothers_model_is_started_afresh_and_a_model_of_no_preset_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    groove = find("groove")
    monkeypatch.setattr(bench, "STARTS", 1)
    figures = bench.measure(groove, "groove", bars=1, seconds=1.0)
    assert figures["first_note_s"] > 0
    assert "start_reason" not in figures
    other = bench.with_model(groove, str(groove.model))
    figures = bench.measure(other, None, bars=1, seconds=1.0)
    assert figures["first_note_s"] is figures["screen_s"] is None
    assert "--model" in figures["start_reason"]


def test_at_rest_nothing_but_the_music_costs() -> None:
    used = trial.rest(toy_composer.setup(bpm=240.0), 0.5, partial(Session, compose=toy_composer.run))
    assert set(used) == USED


def test_a_performance_that_cannot_be_played_says_why() -> None:
    setup = toy_composer.setup(model="no/such.ts")
    with pytest.raises(UserError, match=r"cannot be measured: .*no/such\.ts"):
        trial.perform(setup, 1.0, partial(Session, compose=broken))


def test_the_plain_loop_of_the_shipped_weights_writes_nearly_the_same() -> None:
    figures = run(decoding.decode, from_preset(find("trio")), 4, True)
    assert set(figures["decode_ms_per_bar"]) == {"p50", "p99", "worst"}
    assert set(figures["against"]["plain_loop_ms_per_bar"]) == {"p50", "p99", "worst"}
    assert figures["against"]["same_tokens"] > 0.9


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system lends all cores to everybody")
def test_cores_are_those_that_a_process_is_lent() -> None:
    script = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    script += "from engine import priority; priority.come_forward(); "
    script += "print(priority.cores(), priority.scheduling(os.getpid()))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout == "1 ordinary\n"  # on the only core the screen would wait for it


def test_memory_is_read_where_the_system_tells_it_and_unknown_elsewhere() -> None:
    found = machine.resident_mib(os.getpid())
    assert found is None if sys.platform != "linux" else float(found or 0) > 1.0
    assert machine.resident_mib(2**30) is None
    assert machine.cpu_seconds(2**30) is None


def test_a_preset_that_cannot_play_ends_the_wait_for_its_first_note() -> None:
    with pytest.raises(UserError, match=r"no note came: .*no preset 'no such preset'"):
        fresh.first_note("no such preset")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
def test_a_screen_is_full_when_all_of_it_is_drawn() -> None:
    script = "import time; print('\\x1b[1mDEN\\x1b[0mSITY', flush=True); print('drums'); time.sleep(60)"
    took, memory = fresh.until_drawn([sys.executable, "-c", script], ["density", "drums"])
    assert took > 0
    assert memory is None or memory > 1
    with pytest.raises(UserError, match=r"no full screen came: no terminal for me"):
        fresh.until_drawn([sys.executable, "-c", "print('no terminal for me')"], ["density"])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")
def test_the_screen_beside_a_measurement_is_the_real_one_and_draws_what_it_is_shown() -> None:
    link = ToyLink(toy_preset())
    with Mirror(toy_preset()) as screen:
        begun = screen.frames
        for tick in itertools.count(0, TICKS_PER_STEP):
            link.go(tick)
            screen.show(link.state)
            if screen.frames > begun + 20:
                break
            time.sleep(1 / 30)
        os.kill(screen.pid, signal.SIGKILL)
        os.waitid(os.P_PID, screen.pid, os.WEXITED | os.WNOWAIT)
        assert not screen.died
        for _ in range(3):  # the measurement goes on without it
            screen.show(link.state)
        assert screen.died
