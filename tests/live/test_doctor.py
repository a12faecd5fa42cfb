"""What the doctor makes of a machine's facts, on machines that are not this one."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "engine"))  # for its toy_composer
import toy_composer

from engine import machine, metronome
from engine.machine import Facts
from engine.preset import PresetError
from engine.session import Compose, Session
from engine.setup import Setup
from live import doctor, probe
from live.doctor import Examination
from live.errand import UserError
from live.prescriptions import BAD, COULD, OK, UNKNOWN, Finding, findings
from live.probe import Knob, Lateness

STUDIO = Facts(
    system="Linux",
    processor="a fast one",
    cores=8,
    load=0.4,
    real_time=True,
    priority_limit=95,
    locked_limit=float("inf"),
    locked=True,
    in_audio_group=True,
    governors=("performance",),
    swap_used=0.0,
    memory_free=8000.0,
    virtual=False,
    clock_source="tsc",
    timer_slack_us=50.0,
    preemption="PREEMPT_RT",
    midi=(("ALSA", ""), ("JACK", "")),
    jack_period_ms=1.33,
    sound="JACK",
    python="3.12.4",
    wheels=(("torch", "2.9.0"),),
)
# What macOS and Windows let anybody see.
SEALED = Facts(
    system="elsewhere",
    processor="",
    cores=4,
    midi=(("CoreMIDI", ""),),
    sound="COREAUDIO",
    python="3.11.9",
)


def of(topic: str, facts: Facts, steal: float | None = 0.0) -> Finding:
    """Return the finding on `topic`."""
    return next(finding for finding in findings(facts, steal) if finding.topic == topic)


def test_a_studio_is_well_and_needs_no_cure() -> None:
    assert [(finding.verdict, finding.cure) for finding in findings(STUDIO, 0.0)] == [(OK, "")] * 13


def test_a_system_that_tells_nothing_is_unknown_and_not_blamed() -> None:
    verdicts = {finding.topic: finding.verdict for finding in findings(SEALED)}
    assert set(verdicts.values()) == {OK, UNKNOWN}
    assert verdicts["MIDI"] == verdicts["built-in sound"] == verdicts["cores"] == OK
    assert verdicts["real-time scheduling"] == verdicts["kernel"] == UNKNOWN


@pytest.mark.parametrize(
    ("topic", "changes", "verdict", "cure"),
    [
        (
            "real-time scheduling",
            {"real_time": False, "priority_limit": 0, "in_audio_group": False},
            BAD,
            "usermod -aG audio",
        ),
        ("real-time scheduling", {"real_time": False, "priority_limit": 0}, BAD, "@audio - rtprio 95"),
        ("memory locking", {"locked": False, "locked_limit": 8.0}, COULD, "memlock unlimited"),
        ("memory locking", {"locked": None, "locked_limit": 512.0}, OK, ""),
        ("memory locking", {"locked": None, "locked_limit": None}, UNKNOWN, ""),
        ("speed of the cores", {"governors": ("performance", "powersave")}, COULD, "cpupower"),
        ("cores", {"cores": 1}, BAD, "--headless"),
        ("cores", {"load": 8.1}, COULD, "top"),
        ("cores", {"cores": None}, UNKNOWN, ""),
        ("memory", {"memory_free": 900.0, "swap_used": 300.0}, COULD, "end what"),
        ("memory", {"memory_free": 100.0}, BAD, "end what"),
        ("clock source", {"clock_source": "hpet"}, BAD, "tsc"),
        ("timer slack", {"timer_slack_us": 4000.0, "real_time": False}, COULD, "plain terminal"),
        ("timer slack", {"timer_slack_us": 4000.0}, OK, ""),
        ("kernel", {"preemption": None}, COULD, "preempt=full"),
        ("MIDI", {"midi": (("ALSA", "no sequencer"), ("JACK", ""))}, OK, ""),
        ("MIDI", {"midi": (("ALSA", "no sequencer"), ("JACK", "no server"))}, BAD, "start one"),
        ("MIDI", {"midi": (), "midi_trouble": "MIDI cannot be loaded"}, BAD, ""),
        ("JACK's period", {"jack_period_ms": 5.33}, COULD, "64 frames"),
        ("JACK's period", {"jack_period_ms": 21.3}, BAD, "64 frames"),
        ("JACK's period", {"jack_period_ms": None}, UNKNOWN, ""),
        ("JACK's period", {"midi": (("ALSA", ""),), "jack_period_ms": None}, OK, ""),
        ("built-in sound", {"sound": "", "sound_trouble": "no audio device"}, COULD, "MIDI"),
        ("Python and wheels", {"wheels": (("mido", "missing"),)}, BAD, "pip install mido"),
        ("Python and wheels", {"python": "3.13.0"}, COULD, "3.11 and 3.12"),
    ],
)
def test_each_fault_is_named_with_its_cure(
    topic: str, changes: dict[str, object], verdict: str, cure: str
) -> None:
    found = of(topic, replace(STUDIO, **changes))  # type: ignore[arg-type]  # fields by name
    assert found.verdict == verdict
    assert cure in found.cure
    assert bool(cure) == bool(found.cure)


@pytest.mark.parametrize(("steal", "verdict"), [(0.0, OK), (0.5, OK), (0.6, COULD), (5.1, BAD)])
def test_a_guest_is_as_good_as_its_host_lets_it_be(steal: float, verdict: str) -> None:
    assert of("virtual machine", replace(STUDIO, virtual=True), steal).verdict == verdict


@pytest.mark.parametrize(
    ("real_time", "p99", "worst", "verdict"),
    [
        (True, 0.2, 0.9, OK),
        (True, 0.3, 0.9, COULD),
        (True, 0.1, 1.1, COULD),
        (True, 9.0, 24.0, COULD),
        (True, 11.0, 12.0, BAD),
        (True, 0.1, 30.0, BAD),
        (False, 4.9, 14.9, OK),
        (False, 5.1, 14.0, COULD),
        (False, 4.0, 16.0, COULD),
        (None, 4.0, 26.0, BAD),
    ],
)
def test_lateness_is_judged_by_both_its_usual_and_its_worst(
    real_time: bool | None, p99: float, worst: float, verdict: str
) -> None:
    late = Lateness(80, {"p50": 0.1, "p99": p99, "max": worst})
    assert probe.verdict(late, real_time) == verdict


@pytest.mark.parametrize(
    ("steps", "missed", "verdict"), [(40, 0, OK), (200, 2, OK), (40, 1, COULD), (40, 5, BAD), (0, 0, UNKNOWN)]
)
def test_a_knob_is_judged_by_the_steps_that_miss_it(steps: int, missed: int, verdict: str) -> None:
    assert probe.prompt(Knob(steps, missed, {"p50": 50.0, "p99": 150.0, "max": 160.0})) == verdict


def test_what_was_found_is_said_in_lines_and_in_json() -> None:
    late = Lateness(80, {"p50": 0.1, "p99": 0.2, "max": 0.3})
    facts = replace(STUDIO, cores=1)
    knob = Knob(40, 6, {"p50": 71.4, "p99": 150.0, "max": 160.0}, "control changes on JACK")
    found = Examination(facts, 0.0, tuple(findings(facts, 0.0)), late, Lateness(reason="no model"), knob)
    lines = doctor.text(found).splitlines()
    assert any(line.startswith("bad") and "take turns" in line for line in lines)
    assert any("p99 0.20" in line and "80 notes" in line for line in lines)
    assert any(line.startswith("unknown here") and "not measured: no model" in line for line in lines)
    assert any(
        line.startswith("bad") and "missed 6 of 40 steps; heard after p50 71" in line for line in lines
    )
    told = json.loads(json.dumps(doctor.plain(found), allow_nan=False))
    assert told["facts"]["locked_limit"] == "unlimited"
    assert told["facts"]["midi"] == {"ALSA": "", "JACK": ""}
    assert told["lateness"]["alone"]["verdict"] == OK
    assert told["lateness"]["playing"] == {"notes": 0, "ms": None, "reason": "no model", "verdict": UNKNOWN}
    assert (told["knob"]["missed"], told["knob"]["verdict"]) == (6, BAD)


def test_sixteen_notes_a_second_are_timed() -> None:
    def none() -> Setup:
        raise PresetError("no preset here")

    alone, playing, knob = probe.measure(2.0, then=none)
    assert (playing, knob) == (Lateness(reason="no preset here"), Knob(reason="no preset here"))
    assert alone.notes >= 4
    assert alone.ms is not None
    assert set(alone.ms) == {"p50", "p99", "max"}


def test_a_knob_is_moved_in_a_real_performance() -> None:
    def begin(setup: Setup, compose: Compose = toy_composer.run) -> Session:
        return Session(setup, compose)

    alone, playing, knob = probe.measure(3.0, begin, lambda: toy_composer.setup(bpm=240.0))
    assert alone.ms is not None
    assert playing.ms is not None
    assert playing.notes > 4
    assert knob.steps > 4
    assert knob.by.startswith(("commands: ", "control changes on "))
    assert knob.ms is not None


def test_a_player_that_does_not_come_is_said_and_not_raised() -> None:
    def refuse(*_: object) -> Session:
        raise UserError("no processes for you")

    why = "no processes for you"
    assert probe.measure(1.0, refuse) == (Lateness(reason=why), Lateness(reason=why), Knob(reason=why))


def test_the_metronome_strikes_every_step() -> None:
    setup = metronome.setup()
    assert setup.measure
    assert len(setup.voices) == len(setup.manifest.voices)


def test_a_machine_is_read_from_its_files(tmp_path: Path) -> None:
    files = {
        "proc/meminfo": "MemAvailable: 2048 kB\nSwapTotal: 3072 kB\nSwapFree: 1024 kB\n",
        "proc/cpuinfo": "model name : Quick\nflags : fpu hypervisor\n",
        "proc/self/timerslack_ns": "50000\n",
        "proc/stat": "cpu  10 0 10 70 0 0 0 10 0 0\ncpu0 1 1 1 1\n",
        "proc/version": "Linux version 6 #1 SMP PREEMPT_DYNAMIC\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave\n",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    facts = machine.facts(tmp_path)
    assert (facts.memory_free, facts.swap_used) == (2.0, 2.0)
    assert (facts.processor, facts.virtual) == ("Quick", True)
    assert (facts.timer_slack_us, facts.clock_source) == (50.0, "hpet")
    assert (facts.governors, facts.preemption) == (("powersave",), "PREEMPT_DYNAMIC")
    assert machine.cpu_times(tmp_path) == (10.0, 100.0)


def test_a_machine_without_such_files_is_unknown(tmp_path: Path) -> None:
    facts = machine.facts(tmp_path)
    unknown = (facts.memory_free, facts.swap_used, facts.virtual, facts.timer_slack_us, facts.clock_source)
    assert set(unknown) == {None}
    assert (facts.governors, facts.preemption, machine.cpu_times(tmp_path)) == (None, None, None)
    assert facts.python == ".".join(map(str, sys.version_info[:3]))
    assert list(findings(facts))
