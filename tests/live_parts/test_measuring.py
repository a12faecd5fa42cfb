"""`live bench` and `live doctor` on a real JACK server."""

import json
from collections.abc import Callable

import pytest
from parts import live_script

pytestmark = pytest.mark.parts
Run = Callable[..., str]


def test_bench_hears_every_note_at_a_second_process_and_moves_knobs_from_a_third(run: Run) -> None:
    words = ("--preset", "trio", "--json", "--bars", 4, "--seconds", 4)
    figures = json.loads(run(live_script(), "bench", *words))
    assert figures["out_port"].startswith("JACK: live:trio")
    assert set(figures["arrival_jitter_ms"]) == {"p50", "p99", "max"}
    assert figures["notes"]["heard"] == figures["notes"]["sent"] > 10
    assert figures["notes"]["lost"] == figures["notes"]["doubled"] == 0
    assert figures["knobs_moved_by"] == "control changes on JACK: live-in:control"
    assert figures["knob_sent"] >= figures["knob_heard"] >= figures["knob_moves"] > 5
    assert figures["knob_to_note_n"] > 50
    assert len(figures["stalled_ms"]) == 2
    assert len(figures["knob_to_note_ms"]) == 3
    assert {"decode_ms_per_bar", "lateness_ms", "knob_missed_steps", "late_bars"} <= set(figures)
    assert figures["first_note_s"] > 0
    assert figures["screen_s"] > 0
    assert figures["rss_mib"]["all"] > 50
    assert "player and composer" in figures["cpu_percent"]
    assert figures["machine"]["wheels"]["torch"]


def test_under_stress_a_thousand_control_changes_a_second_are_sent_beside_a_real_screen(run: Run) -> None:
    words = ("--preset", "trio", "--json", "--bars", 4, "--seconds", 4, "--stress")
    figures = json.loads(run(live_script(), "bench", *words))
    # Those of four seconds, but for what a machine that stalls has not sent by then.
    assert 100 < figures["knob_heard"] <= figures["knob_sent"] <= 4000
    assert figures["screen_frames_a_second"] > 0
    assert "player and composer" in figures["cpu_percent"]
    assert figures["cpu_percent_with_clock"] is None


def test_doctor_finds_the_server_and_its_period(run: Run) -> None:
    found = json.loads(run(live_script(), "doctor", "--json", "--seconds", 2))
    assert found["facts"]["midi"]["JACK"] == ""
    assert found["facts"]["jack_period_ms"] == pytest.approx(1000 * 256 / 48000)
    verdicts = {finding["topic"]: finding["verdict"] for finding in found["findings"]}
    assert verdicts["MIDI"] == "ok"
    assert found["lateness"]["alone"]["notes"] > 5
    assert found["knob"]["by"].startswith("control changes on JACK")
