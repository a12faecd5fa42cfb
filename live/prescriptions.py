"""From the facts of a machine to what they mean for timing, and the cure where there is one; pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.machine import Facts

OK, COULD, BAD, UNKNOWN = "ok", "could be better", "bad", "unknown here"

PYTHONS = ("3.11", "3.12")
LIMITS = (
    "put `@audio - rtprio 95` and `@audio - memlock unlimited` into /etc/security/limits.d/audio.conf, "
    "then log in anew"
)
JOIN = "join the group audio (`sudo usermod -aG audio $USER`), "
LOCKED = 512.0  # MiB that a player may have mapped when it asks to keep them
FAST_GOVERNORS = ("performance",)
GOOD_CLOCKS = ("tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page", "xen")
SLACK = 50.0  # microseconds, what Linux gives everybody
FINE_PERIOD, COARSE_PERIOD = 3.0, 10.0  # ms of a JACK period
STEAL, MUCH_STEAL = 0.5, 5.0  # percent of all time
FREE, LITTLE = 1500.0, 500.0  # MiB: what the three processes take, and then some


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that bears on timing: OK, COULD, BAD or UNKNOWN, what was found, and what to do about it."""

    topic: str
    verdict: str
    found: str
    cure: str = ""


def findings(facts: Facts, steal: float | None = None) -> Iterator[Finding]:
    """Yield one Finding a topic; `steal` is the percentage of time that the host of a guest took away."""
    yield _real_time(facts)
    yield _locking(facts)
    yield _governor(facts)
    yield _cores(facts)
    yield _host(facts, steal)
    yield _memory(facts)
    yield _clock(facts)
    yield _slack(facts)
    yield _preemption(facts)
    yield _midi(facts)
    yield _jack(facts)
    yield _sound(facts)
    yield _python(facts)


def _real_time(facts: Facts) -> Finding:
    topic = "real-time scheduling"
    if facts.real_time is None:
        return Finding(topic, UNKNOWN, "this system has no SCHED_FIFO")
    if facts.real_time:
        return Finding(topic, OK, "granted: the clock goes before everything ordinary")
    limit = facts.priority_limit
    found = "not granted" if limit is None else f"not granted, the limit rtprio is {limit:g}"
    found += ": beside other programs a knob is heard a step or two later"
    return Finding(topic, BAD, found, (JOIN if facts.in_audio_group is False else "") + LIMITS)


def _locking(facts: Facts) -> Finding:
    topic, limit = "memory locking", facts.locked_limit
    if facts.locked:
        return Finding(topic, OK, "granted: nothing of the clock is ever swapped out")
    if limit is None:
        return Finding(topic, UNKNOWN, "this system tells no limit")
    if limit >= LOCKED:
        return Finding(topic, OK, "unlimited" if limit == float("inf") else f"up to {limit:.0f} MiB")
    found = f"up to {limit:.0f} MiB, {LOCKED:.0f} are enough: what was swapped out comes late"
    return Finding(topic, COULD, found, LIMITS)


def _governor(facts: Facts) -> Finding:
    topic = "speed of the cores"
    if facts.governors is None:
        return Finding(topic, UNKNOWN, "no governor is told; a guest's is its host's affair")
    found = ", ".join(facts.governors)
    if all(governor in FAST_GOVERNORS for governor in facts.governors):
        return Finding(topic, OK, f"governor {found}")
    cure = "while playing: `sudo cpupower frequency-set -g performance`"
    return Finding(topic, COULD, f"governor {found}: a core that rests wakes slowly", cure)


def _cores(facts: Facts) -> Finding:
    topic, cores, load = "cores", facts.cores, facts.load
    if cores is None:
        return Finding(topic, UNKNOWN, "their number is not told")
    found = f"{cores}" if load is None else f"{cores}, with a load of {load:.1f}"
    if cores == 1:
        cure = "real-time scheduling is a must here; play with --headless if notes come late"
        return Finding(topic, BAD, f"{found}: clock, composer and screen take turns", cure)
    if load is not None and load > cores:
        return Finding(topic, COULD, f"{found}: more wants to run than can", "end what `top` shows at work")
    return Finding(topic, OK, found)


def _host(facts: Facts, steal: float | None) -> Finding:
    topic = "virtual machine"
    if facts.virtual is None and not steal:
        return Finding(topic, UNKNOWN, "this system does not tell")
    if not facts.virtual and not steal:
        return Finding(topic, OK, "none")
    found = f"a guest; its host took {steal or 0.0:g} % of the time"
    cure = "give the guest cores of its own, or play on the host"
    if steal is not None and steal > STEAL:
        return Finding(topic, BAD if steal > MUCH_STEAL else COULD, found, cure)
    return Finding(topic, OK, found)


def _memory(facts: Facts) -> Finding:
    topic, free, swap = "memory", facts.memory_free, facts.swap_used
    if free is None:
        return Finding(topic, UNKNOWN, "this system does not tell")
    found = f"{free:.0f} MiB free" + (f", {swap:.0f} MiB swapped out" if swap else "")
    if free >= FREE:
        return Finding(topic, OK, found)
    return Finding(topic, BAD if free < LITTLE else COULD, found, "end what takes memory before playing")


def _clock(facts: Facts) -> Finding:
    topic, source = "clock source", facts.clock_source
    if source is None:
        return Finding(topic, UNKNOWN, "this system does not tell")
    if source in GOOD_CLOCKS:
        return Finding(topic, OK, source)
    cure = "boot with `tsc=reliable` if the processor is a recent one; look in dmesg why tsc was given up"
    return Finding(topic, BAD, f"{source}: slow to read", cure)


def _slack(facts: Facts) -> Finding:
    topic, slack = "timer slack", facts.timer_slack_us
    if slack is None:
        return Finding(topic, UNKNOWN, "this system does not tell")
    found = f"{slack:g} µs"
    if slack <= SLACK or facts.real_time:
        return Finding(topic, OK, found + (", not under real-time scheduling" if facts.real_time else ""))
    return Finding(topic, COULD, found, "whoever starts `live` has set it: start it from a plain terminal")


def _preemption(facts: Facts) -> Finding:
    topic, kind = "kernel", facts.preemption
    if kind is None and facts.clock_source is None:
        return Finding(topic, UNKNOWN, facts.system)
    if kind is None:
        cure = "boot with `preempt=full threadirqs`, or install a low-latency kernel"
        return Finding(topic, COULD, f"{facts.system}, without preemption", cure)
    return Finding(topic, OK, f"{facts.system}, {kind}")


def _midi(facts: Facts) -> Finding:
    topic = "MIDI"
    if facts.midi is None:
        return Finding(topic, UNKNOWN, "nobody looked")
    answering = [name for name, why in facts.midi if not why]
    silent = "; ".join(why for _, why in facts.midi if why)
    if answering:
        return Finding(topic, OK, f"{', '.join(answering)}" + (f"; {silent}" if silent else ""))
    if facts.midi_trouble:
        return Finding(topic, BAD, facts.midi_trouble)
    cure = "start one of them; without, only the built-in sound is heard"
    return Finding(topic, BAD, silent or "no MIDI system is built into RtMidi here", cure)


def _jack(facts: Facts) -> Finding:
    topic, period = "JACK's period", facts.jack_period_ms
    if ("JACK", "") not in (facts.midi or ()):
        return Finding(topic, OK, "JACK is not used")
    if period is None:
        return Finding(topic, UNKNOWN, "the server does not tell")
    found = f"{period:.2f} ms, the grid that notes on JACK fall on"
    if period <= FINE_PERIOD:
        return Finding(topic, OK, found)
    cure = "start JACK with a smaller period, of 64 frames say"
    return Finding(topic, BAD if period > COARSE_PERIOD else COULD, found, cure)


def _sound(facts: Facts) -> Finding:
    topic = "built-in sound"
    if facts.sound:
        return Finding(topic, OK, facts.sound)
    cure = "none is needed while a synthesiser listens on MIDI"
    return Finding(topic, COULD, facts.sound_trouble or "none was found", cure)


def _python(facts: Facts) -> Finding:
    topic = "Python and wheels"
    missing = [name for name, found in facts.wheels if found == "missing"]
    found = ", ".join([f"Python {facts.python}", *(f"{name} {version}" for name, version in facts.wheels)])
    if missing:
        return Finding(topic, BAD, found, f"`pip install {' '.join(missing)}`")
    if not facts.python.startswith(tuple(f"{version}." for version in PYTHONS)):
        return Finding(topic, COULD, found, f"python-rtmidi has wheels for {' and '.join(PYTHONS)}")
    return Finding(topic, OK, found)
