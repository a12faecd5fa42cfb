"""The figures of `live bench`: what they make of the times that a player and a witness kept."""

from array import array

import numpy as np
import pytest

from engine.snapshot import Measured
from engine.tally import Tally
from engine.witness import Heard
from live import bench
from live import figures as figures_of
from live.usage import Usage


def measured(**changes: object) -> Measured:
    """Return what a player kept of three notes, each a second and a millisecond after the other."""
    tally = Tally()
    for seconds in (0.03, 0.05, 0.07004):
        tally.add(seconds)
    fields: dict[str, object] = {
        "due": array("d", [1.0, 2.0, 3.0]).tobytes(),
        "sent": array("d", [1.001, 2.001, 3.003]).tobytes(),
        "notes": array("H", [60, 61, 62]).tobytes(),
        "stalls": (),
        "knob_to_note": tally.tobytes(),
        "knob_to_note_worst": tally.worst,
        "knob_heard": 8,
        "knob_moves": 5,
        "knob_moves_dropped": 1,
        "knob_steps": 4,
        "knob_missed_steps": 2,
    }
    return Measured(**(fields | changes))  # type: ignore[arg-type]  # fields by name


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


def test_notes_and_knobs_are_measured_to_the_last_of_a_long_run() -> None:
    count, slow = 150_000, 120_000
    due = np.arange(count) * 0.1
    sent = due + np.where(np.arange(count) < slow, 0.001, 0.002)
    codes = array("H", [60 + number % 12 for number in range(count)]).tobytes()
    tally = Tally()
    for number in range(count):
        tally.add(0.03 if number < slow else 0.09)
    long = measured(
        due=due.tobytes(),
        sent=sent.tobytes(),
        notes=codes,
        knob_to_note=tally.tobytes(),
        knob_to_note_worst=tally.worst,
    )
    figures = figures_of.note_figures(long, Heard(sent.tobytes(), codes), None, 120.0)
    assert figures["notes"] == {"sent": count, "heard": count, "lost": 0, "doubled": 0, "left on": 0}
    assert figures["lateness_ms"] == {"p50": 1.0, "p99": 2.0, "max": 2.0}
    assert figures["arrival_jitter_ms"] == {"p50": 0.0, "p99": 1.0, "max": 1.0}
    knobs = figures_of.knob_figures(long, "hand", count)
    assert knobs["knob_to_note_ms"] == {"p50": 30.0, "p99": 90.0, "max": 90.0}
    assert knobs["knob_to_note_n"] == count


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


def test_a_stall_is_told_and_the_clock_is_even_on_either_side_of_it() -> None:
    stalls = ((4.0, 2.005), (9.0, 0.6))
    figures = figures_of.stall_figures(measured(stalls=stalls))
    assert figures == {"stalls": 2, "stalled_ms": {"sum": 2605.0, "longest": 2005.0}}
    none = figures_of.stall_figures(measured())
    assert none == {"stalls": 0, "stalled_ms": {"sum": 0.0, "longest": 0.0}}
    pulses = np.arange(500) * 0.02 + 0.0123
    pulses[pulses > 1.99] += 2.005  # it stood from about 2 to 4, and from about 8.4 to 9
    pulses[pulses > 8.39] += 0.6
    heard = Heard(array("d", [0.0, 20.0]).tobytes(), b"", pulses=pulses.tobytes())
    even = figures_of.clock_figures(heard, 0.02, stalls)
    assert even["clock_jitter_ms"] == {"p50": 0.0, "p99": 0.0, "max": pytest.approx(2005.0)}
    assert even["clock_pulses_lost"] == 0


def test_knobs_are_told_with_those_that_were_sent_and_those_that_came() -> None:
    figures = figures_of.knob_figures(measured(), "hand", 9)
    assert figures["knob_to_note_ms"] == {"p50": 50.0, "p99": 70.0, "max": 70.04}
    assert (figures["knob_missed_steps"], figures["knob_steps"], figures["knob_moves"]) == (2, 4, 5)
    assert (figures["knob_sent"], figures["knob_heard"], figures["knob_to_note_n"]) == (9, 8, 3)
    nothing = measured(knob_to_note=Tally().tobytes())
    assert figures_of.knob_figures(nothing, "hand", 0)["knob_to_note_ms"] is None


def test_a_wait_beyond_what_is_counted_is_told_as_the_longest() -> None:
    tally = Tally()
    for seconds in (0.03, 9.0, 12.0):
        tally.add(seconds)
    counts = np.frombuffer(tally.tobytes(), np.uint32)
    assert figures_of.counted(counts, tally.worst) == {"p50": 12000.0, "p99": 12000.0, "max": 12000.0}


def test_growth_of_memory_is_unknown_where_either_size_is() -> None:
    before = {"player": 40.0, "composer": None, "guard": 30.0}
    after = {"player": 41.5, "composer": 300.0, "guard": None, "live": 50.0}
    grown = {"player": 1.5, "composer": None, "guard": None, "live": None}
    assert figures_of.growth(before, after) == grown


def test_use_of_the_processor_is_a_share_of_one_core_and_null_where_it_is_not_told() -> None:
    before = Usage(10.0, {"player": 1.0, "composer": 2.0, "live": None})
    after = Usage(20.0, {"player": 1.5, "composer": 2.4, "live": None})
    assert before.percent(after) == {
        "player": 5.0,
        "composer": 4.0,
        "live": None,
        "player and composer": 9.0,
    }


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
