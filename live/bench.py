"""Measures an installation: decoding, the first note of a fresh run, and memory."""

import os
import platform
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from typing import Any

from engine import bench
from engine.bar import TICKS_PER_BAR
from engine.preset import Preset
from engine.session import Session, from_preset
from live.errand import UserError, run
from live.play import Wishes, setup_for

PATIENCE = 60.0  # seconds to wait for a first note before giving up


def measure(preset: Preset, name: str, bars: int) -> dict[str, Any]:
    """Return the figures; times in milliseconds or seconds and memory in MiB as the keys say.

    UserError: the model cannot be decoded, or no note came.
    """
    return {
        "preset": preset.name,
        "decode": run(bench.decode, from_preset(preset), bars),
        "first_note_s": round(first_note(name), 2),
        "resident_mib": resident(preset),
        "machine": machine(),
    }


def first_note(name: str) -> float:
    """Return the seconds from the start of a fresh headless process to its first note."""
    command = [sys.executable, "-m", "live.cli", "--preset", name, "--headless", "--no-sound", "--bars", "1"]
    begun = monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        limit = threading.Timer(PATIENCE, process.terminate)
        limit.start()
        try:
            lines, took = _until_playing(process, begun)
        finally:
            limit.cancel()
    if took is None:
        raise UserError(f"no note came: {' / '.join(lines)}")
    return took


def _until_playing(process: "subprocess.Popen[str]", begun: float) -> tuple[list[str], float | None]:
    """Read to the end; return the lines, and the seconds since `begun` at which a note came."""
    lines, took = [], None
    for line in process.stdout or ():
        lines.append(line.strip())
        if took is None and lines[-1] == "playing":
            took = monotonic() - begun
    return lines, took


def resident(preset: Preset) -> dict[str, float | str]:
    """Return the resident memory of each process of a performance in its second bar."""
    with Session(setup_for(preset, Wishes(bars=4, sound=False, headless=True))) as session:
        deadline, snapshot = monotonic() + PATIENCE, None
        while (snapshot is None or snapshot.tick < TICKS_PER_BAR) and monotonic() < deadline:
            snapshot = session.poll(0.1) or snapshot
            if snapshot is not None and snapshot.finished:
                break
        pids = {"live, headless": os.getpid(), **session.pids}
        return {name: _resident(pid) for name, pid in pids.items() if pid is not None}


def _resident(pid: int) -> float | str:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return "unknown"  # only Linux tells without a library of its own
    line = next((line for line in status.read_text().splitlines() if line.startswith("VmRSS")), "x 0")
    return round(int(line.split()[1]) / 1024, 1)


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": version("torch"),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def table(figures: dict[str, Any], indent: str = "") -> str:
    """Return the figures as lines of text."""
    lines = []
    for name, value in figures.items():
        if isinstance(value, dict):
            lines += [f"{indent}{name}", table(value, indent + "  ")]
        else:
            lines.append(f"{indent}{name:<18} {value}")
    return "\n".join(lines)
