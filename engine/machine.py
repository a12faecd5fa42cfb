"""What this machine is, as far as it bears on timing; None stands for what a system does not tell."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from engine.priority import cores

WHEELS = ("torch", "numpy", "python-rtmidi", "mido", "textual", "symusic", "miniaudio")
ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Facts:
    """One machine at one moment; memory in MiB."""

    system: str
    processor: str
    cores: int | None = None
    load: float | None = None  # processes that wanted to run, averaged over a minute
    real_time: bool | None = None  # whether real-time scheduling is granted; None where there is none
    priority_limit: float | None = None  # highest real-time priority that a user may ask for
    locked_limit: float | None = None  # memory that may be kept from the swap, infinity for all
    locked: bool | None = None  # whether a real-time process was granted that
    in_audio_group: bool | None = None  # None: there is no such group
    governors: tuple[str, ...] | None = None  # what sets the speed of the cores
    swap_used: float | None = None
    memory_free: float | None = None
    virtual: bool | None = None
    clock_source: str | None = None
    timer_slack_us: float | None = None  # by which an ordinary process may be woken late
    preemption: str | None = None
    midi: tuple[tuple[str, str], ...] | None = None  # each system, and why it does not answer, or ""
    midi_trouble: str = ""  # why MIDI cannot be loaded
    jack_period_ms: float | None = None
    sound: str = ""  # the audio system that the built-in sound opens
    sound_trouble: str = ""  # why it opens none
    python: str = ""
    wheels: tuple[tuple[str, str], ...] = ()


def facts(root: Path = ROOT) -> Facts:
    """Return what can be read without opening a device; `root` is where /proc and /sys are."""
    memory = _table(root / "proc/meminfo")
    swap, unused, free = (memory.get(name) for name in ("SwapTotal", "SwapFree", "MemAvailable"))
    slack = _text(root / "proc/self/timerslack_ns")
    return Facts(
        system=platform.platform(),
        processor=processor(root),
        cores=cores(),
        load=_load(),
        priority_limit=_limit("RLIMIT_RTPRIO", 1),
        locked_limit=_limit("RLIMIT_MEMLOCK", 2**20),
        in_audio_group=_in_group("audio"),
        governors=_governors(root),
        swap_used=None if swap is None or unused is None else (swap - unused) / 1024,
        memory_free=None if free is None else free / 1024,
        virtual=_virtual(root),
        clock_source=_text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource"),
        timer_slack_us=int(slack) / 1000 if slack and slack.isdigit() else None,
        preemption=_preemption(root),
        python=platform.python_version(),
        wheels=tuple((name, _version(name)) for name in WHEELS),
    )


def cpu_times(root: Path = ROOT) -> tuple[float, float] | None:
    """Return what the machine's host kept for others, and all time, of all cores since boot."""
    words = (_text(root / "proc/stat") or "").split("\n")[0].split()
    if words[:1] != ["cpu"] or len(words) < 9:
        return None
    times = [float(word) for word in words[1:9]]
    return times[7], sum(times)


def processor(root: Path = ROOT) -> str:
    """Return the name of the processor."""
    for line in (_text(root / "proc/cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def resident_mib(pid: int, root: Path = ROOT) -> float | None:
    """Return the memory of process `pid` that is resident, but for what it shares, as with a MIDI server."""
    status = _table(root / f"proc/{pid}/status")
    found, shared = status.get("VmRSS"), status.get("RssShmem", 0.0)
    return None if found is None else round((found - shared) / 1024, 1)


def cpu_seconds(pid: int, root: Path = ROOT) -> float | None:
    """Return the processor time that process `pid` has used, in steps of a hundredth or so."""
    words = (_text(root / f"proc/{pid}/stat") or "").rpartition(") ")[2].split()
    if len(words) < 13:
        return None
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def locked() -> bool | None:
    """Return whether memory of this process is kept from the swap."""
    found = _table(Path("/proc/self/status")).get("VmLck")
    return None if found is None else found > 0


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _table(path: Path) -> dict[str, int]:
    """Return the numbers of a file of lines such as "MemFree: 1234 kB"."""
    rows = [line.partition(":") for line in (_text(path) or "").splitlines()]
    pairs = [(name, value.split()) for name, _, value in rows]
    return {name: int(words[0]) for name, words in pairs if words and words[0].isdigit()}


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _limit(name: str, unit: int) -> float | None:
    try:
        import resource
    except ImportError:
        return None  # Windows
    if not hasattr(resource, name):
        return None
    hard = resource.getrlimit(getattr(resource, name))[1]
    return float("inf") if hard == resource.RLIM_INFINITY else hard / unit


def _in_group(name: str) -> bool | None:
    try:
        import grp

        return grp.getgrnam(name).gr_gid in os.getgroups()
    except (ImportError, KeyError):
        return None


def _governors(root: Path) -> tuple[str, ...] | None:
    files = sorted((root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor"))
    return tuple(sorted({_text(file) or "" for file in files})) or None


def _virtual(root: Path) -> bool | None:
    info = _text(root / "proc/cpuinfo")
    if info is None:
        return None
    flags = [line.split() for line in info.splitlines() if line.startswith("flags")]
    return any("hypervisor" in words for words in flags) if flags else None  # ARM does not tell


def _preemption(root: Path) -> str | None:
    if _text(root / "sys/kernel/realtime") == "1":
        return "PREEMPT_RT"
    words = (_text(root / "proc/version") or "").split()
    return next((word for word in words if word.startswith("PREEMPT")), None)


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # costs the player's process a moment

    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"
