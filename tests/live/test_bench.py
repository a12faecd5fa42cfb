"""What `live bench` measures: that its parts come to an end and say what they should, never how fast."""

import json
import os
import sys
from array import array
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "engine"))  # for its toy_composer
import toy_composer
from headless_toy import broken

from engine import bench as decoding
from engine import machine
from engine.messages import Measured
from engine.session import Session, from_preset
from engine.shelf import find
from engine.witness import Heard
from live import bench, fresh, trial
from live import figures as figures_of
from live.errand import UserError, run

THREE = {"p50", "p99", "max"}
needs_trio = pytest.mark.skipif(
    not resources.files("presets").joinpath("trio", "model.ts").is_file(),
    reason="presets/trio/model.ts is not there: train and export it with live-train",
)

USED = {"player", "composer", "guard", "live", "player and composer"}


def measured(**changes: object) -> Measured:
    """Return what a player kept of three notes, each a second and a millisecond after the other."""
    fields: dict[str, object] = {
        "due": array("d", [1.0, 2.0, 3.0]).tobytes(),
        "sent": array("d", [1.001, 2.001, 3.003]).tobytes(),
        "notes": array("H", [60, 61, 62]).tobytes(),
        "notes_dropped": 0,
        "knob_to_note": array("d", [0.03, 0.05, 0.07]).tobytes(),
        "knob_to_note_worst": 0.09,
        "knob_moves": 5,
        "knob_moves_dropped": 1,
        "knob_steps": 4,
        "knob_missed_steps": 2,
    }
    return Measured(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def test_a_performance_of_the_toy_is_measured_whole() -> None:
    figures = trial.perform(toy_composer.setup(bpm=240.0), 2.0, partial(Session, compose=toy_composer.run))
    assert json.loads(json.dumps(figures)) == figures
    assert set(figures["lateness_ms"]) == THREE
    assert set(figures["knob_to_note_ms"]) == THREE
    assert figures["notes"]["sent"] > 5
    assert figures["knob_moves"] > 20
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
        toy_composer.setup(bpm=240.0), 1.5, partial(Session, compose=toy_composer.run), stress=True
    )
    assert figures["notes"]["sent"] > 3
    assert figures["knob_moves"] > 50
    assert set(figures["rss_growth_mib"]) == {"player", "composer", "guard", "live"}


def test_at_rest_nothing_but_the_music_costs() -> None:
    used = trial.rest(toy_composer.setup(bpm=240.0), 0.5, partial(Session, compose=toy_composer.run))
    assert set(used) == USED


def test_growth_of_memory_is_unknown_where_either_size_is() -> None:
    before = {"player": 40.0, "composer": None, "guard": 30.0}
    after = {"player": 41.5, "composer": 300.0, "guard": None, "live": 50.0}
    grown = {"player": 1.5, "composer": None, "guard": None, "live": None}
    assert figures_of.growth(before, after) == grown


def test_a_performance_that_cannot_be_played_says_why() -> None:
    setup = toy_composer.setup(model="no/such.ts")
    with pytest.raises(UserError, match=r"cannot be measured: .*no/such\.ts"):
        trial.perform(setup, 1.0, partial(Session, compose=broken))


def test_what_hands_do_is_the_same_every_time_and_lets_soft_takeover_in() -> None:
    plan = trial.gestures(8.0, 3)
    assert plan == trial.gestures(8.0, 3)
    assert [at for at, _, _ in plan] == sorted(at for at, _, _ in plan)
    assert all(0 <= at < 8.0 and position in range(128) for at, _, position in plan)
    controls = list(dict.fromkeys(control for _, control, _ in plan))
    assert controls == [trial.FIRST_CONTROL + number for number in range(3)]
    for control in controls:
        assert next(position for _, moved, position in plan if moved == control) == 0


def test_constant_latency_is_no_jitter() -> None:
    heard = array("d", [1.011, 2.011, 3.012]).tobytes(), array("H", [60, 61, 62]).tobytes()
    figures = figures_of.note_figures(measured(), Heard(*heard), None, 120.0)
    assert figures["lateness_ms"] == {"p50": 1.0, "p99": 2.96, "max": 3.0}
    assert figures["arrival_delay_ms"] == pytest.approx(11.0)
    assert figures["arrival_jitter_ms"] == {"p50": 0.0, "p99": 0.98, "max": 1.0}
    assert figures["notes"] == {"sent": 3, "heard": 3, "lost": 0, "doubled": 0, "left on": 0}


def test_lost_and_doubled_notes_are_counted_and_the_rest_still_compared() -> None:
    heard = array("d", [1.01, 1.02, 3.01]).tobytes(), array("H", [60, 60, 62]).tobytes()
    figures = figures_of.note_figures(measured(), Heard(*heard, left_on=1), None, 120.0)
    assert figures["notes"] == {"sent": 3, "heard": 3, "lost": 1, "doubled": 1, "left on": 1}
    assert figures["arrival_jitter_ms"]["max"] <= 10.0


def test_notes_beyond_those_that_the_player_keeps_are_not_called_doubled() -> None:
    heard = array("d", [1.01, 2.01, 3.01, 4.01]).tobytes(), array("H", [60, 61, 62, 63]).tobytes()
    figures = figures_of.note_figures(measured(notes_dropped=1), Heard(*heard), None, 120.0)
    assert figures["notes"] == {"sent": 4, "heard": 4, "lost": 0, "doubled": 0, "left on": 0}


def test_without_a_receiver_jitter_is_null_with_the_reason() -> None:
    figures = figures_of.note_figures(measured(), None, "no MIDI system answers", 120.0)
    assert figures["arrival_jitter_ms"] is None
    assert figures["arrival_jitter_reason"] == "no MIDI system answers"
    unheard = figures_of.note_figures(measured(), Heard(b"", b""), None, 120.0)
    assert unheard["arrival_jitter_reason"] == "no note was heard"


def test_pulses_are_held_against_an_even_clock_and_those_that_lack_are_counted() -> None:
    times = array("d", [0.5, 12.5]).tobytes()
    late = {100: 0.003, 200: -0.001}
    pulses = [n * 0.02 + late.get(n, 0.0) for n in range(700) if n != 300]
    heard = Heard(times, array("H", [60, 61]).tobytes(), pulses=array("d", pulses).tobytes())
    figures = figures_of.clock_figures(heard, 0.02)
    assert figures["clock_jitter_ms"] == {"p50": 0.0, "p99": 0.0, "max": pytest.approx(3.0)}
    assert figures["clock_pulses_lost"] == 1
    nothing = figures_of.clock_figures(Heard(times, b""), 0.02)
    assert nothing == {"clock_jitter_ms": None, "clock_drift_ms": None}


def test_a_clock_that_runs_away_shows_as_drift_and_jitter_does_not() -> None:
    even = np.arange(500) * 0.02
    heard = [
        Heard(np.array([0.0, 20.0]).tobytes(), b"", 0, (even * pace + wobble).tobytes())
        for pace, wobble in ((1.0001, 0.0), (1.0, 0.003 * (-1.0) ** np.arange(500)))
    ]
    fast, shaky = (figures_of.clock_figures(each, 0.02)["clock_drift_ms"] for each in heard)
    assert fast == pytest.approx(0.998, abs=0.01)
    assert abs(shaky) < 0.05


def test_the_worst_knob_counts_even_beyond_what_is_kept() -> None:
    figures = figures_of.knob_figures(measured(), "hand")
    assert figures["knob_to_note_ms"] == {"p50": 50.0, "p99": 69.6, "max": 90.0}
    assert (figures["knob_missed_steps"], figures["knob_steps"], figures["knob_moves"]) == (2, 4, 5)
    assert figures_of.knob_figures(measured(knob_to_note=b""), "hand")["knob_to_note_ms"] is None


def test_use_of_the_processor_is_a_share_of_one_core_and_null_where_it_is_not_told() -> None:
    before = trial.Usage(10.0, {"player": 1.0, "composer": 2.0, "live": None})
    after = trial.Usage(20.0, {"player": 1.5, "composer": 2.4, "live": None})
    assert before.percent(after) == {
        "player": 5.0,
        "composer": 4.0,
        "live": None,
        "player and composer": 9.0,
    }


@needs_trio
def test_the_plain_loop_of_the_shipped_weights_writes_nearly_the_same() -> None:
    figures = run(decoding.decode, from_preset(find("trio")), 4, True)
    assert set(figures["decode_ms_per_bar"]) == {"p50", "p99", "worst"}
    assert set(figures["against"]["plain_loop_ms_per_bar"]) == {"p50", "p99", "worst"}
    assert figures["against"]["same_tokens"] > 0.9


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


def test_figures_are_laid_out_in_lines() -> None:
    figures = {
        "preset": "trio",
        "decode_ms_per_bar": {"p50": 1.5},
        "screen_s": None,
        "against": {"ratio_p50": 9.0},
        "machine": {"cores": 2},
    }
    lines = bench.table(figures).splitlines()
    assert lines[:4] == [
        "preset                       trio",
        "decode_ms_per_bar            p50 1.5",
        "screen_s                     unknown",
        "against: ratio_p50           9",
    ]
    assert lines[-1] == "cores                        2"
