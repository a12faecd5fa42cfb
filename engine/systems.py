"""The MIDI systems of this machine and the ports that they list; the only file that loads rtmidi."""

import importlib
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.libraries import quiet
from engine.midi import APIS

CLIENT = "live"  # what a patchbay shows: live:PRESET
OURS = re.compile(rf"{CLIENT}(-\w+)?:")  # the clients of this instrument, numbered where there are several
LOOKS = 3  # at the ports of a system whose programs come and go


class PortError(Exception):
    """No port could be opened; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """An existing port of another program: `takes` notes (or sends them)."""

    api: str
    name: str
    takes: bool


def list_ports() -> list[PortInfo]:
    """Return the MIDI ports of other programs on every system that answers."""
    found: list[PortInfo] = []
    for label, number in candidates(None):
        with suppress(OSError), quiet():
            for kind, takes in ((rtmidi().MidiOut, True), (rtmidi().MidiIn, False)):
                lister = kind(number, "live-list")
                found += [PortInfo(label, name, takes) for name in names_of(lister)]
                lister.delete()
    return found


def rtmidi() -> Any:
    """Return the module; PortError says what it lacks."""
    try:
        return importlib.import_module("rtmidi")
    except ImportError as error:
        hint = ": install the system's libasound2" if "libasound" in str(error) else ""
        raise PortError(f"MIDI cannot be loaded{hint} ({error})") from error


def candidates(api: str | None) -> list[tuple[str, int]]:
    """Return the systems to try, each with RtMidi's number: `api`, in any case, or all. PortError: none."""
    os.environ["JACK_NO_START_SERVER"] = "1"  # looking for JACK must not start it
    compiled = rtmidi().get_compiled_api()
    labels = {label.lower(): (label, number) for label, number in APIS.items() if number in compiled}
    if api is None:
        return [labels[label] for label in sorted(labels, key=lambda name: compiled.index(labels[name][1]))]
    if api.lower() not in labels:
        there = ", ".join(label for label, _ in labels.values())
        raise PortError(f"--api {api}: this machine's RtMidi has {there}")
    return [labels[api.lower()]]


def senders(number: int) -> list[str]:
    """Return the names of the ports that send, ours among them."""
    return _listed(rtmidi().MidiIn(number, "live-list"))


def takers(number: int) -> list[str]:
    """Return the names of the ports that take messages, ours among them."""
    return _listed(rtmidi().MidiOut(number, "live-list"))


def _listed(lister: Any) -> list[str]:
    names = names_of(lister)
    lister.delete()
    return names


def names_of(end: Any) -> list[str]:
    """Return the ports that `end` can reach, in their order."""
    for _ in range(LOOKS):
        with suppress(ValueError):  # one vanished between being counted and being named
            names: list[str] = end.get_ports()
            return names
    return []


def choose(names: list[str], wanted: str | None, api: str) -> int | None:
    """Return the index of the port that is called `wanted`, exactly, else the only one that contains it."""
    if wanted is None:
        return None
    for index, name in enumerate(names):
        title, _, address = name.rpartition(" ")  # ALSA appends its address, such as " 128:0"
        if wanted in (name, address) or (api == "ALSA" and wanted == title):
            return index
    partial = [index for index, name in enumerate(names) if wanted.lower() in name.lower()]
    if len(partial) == 1:
        return partial[0]
    there = ", ".join(names) or "none"
    raise PortError(f"{len(partial)} ports like {wanted!r}; there are: {there}")


def explain(api: str, error: Exception) -> str:
    """Return why the system `api` gave no port, and how to change that."""
    if isinstance(error, PortError):
        cure = "; Windows has no virtual ports: make one with loopMIDI" if api == "WinMM" else ""
        return f"{api}: {error}{cure}"
    if api == "ALSA" and not Path("/dev/snd/seq").exists():
        return "no ALSA sequencer: /dev/snd/seq is missing, `sudo modprobe snd-seq` brings it"
    if api == "ALSA":
        return "no ALSA sequencer: /dev/snd/seq cannot be opened, is this user in the group audio?"
    if api == "JACK" and "server not running" in str(error):
        return "no JACK server runs"
    if isinstance(error, NotImplementedError):
        return f"{api} has no virtual ports"
    return f"{api}: {error}"


def systems() -> list[tuple[str, str]]:
    """Return each MIDI system that RtMidi knows here, with why it does not answer, "" if it does."""
    found = []
    for label, number in candidates(None):
        try:
            with quiet():
                rtmidi().MidiIn(number, "live-list").delete()
            found.append((label, ""))
        except OSError as error:
            found.append((label, explain(label, error)))
    return found
