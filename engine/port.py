"""MIDI ports, virtual or existing, on whichever system there is; the only file that loads rtmidi."""

import importlib
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.libraries import bounded, quiet

APIS = {"ALSA": 2, "JACK": 3, "CoreMIDI": 1, "WinMM": 4}  # RtMidi's own numbers
CLIENT = "live"  # what a patchbay shows: live:PRESET
INPUT_CLIENT, INPUT = "live-in", "control"  # and where controllers are connected: live-in:control
OURS = re.compile(rf"{CLIENT}(-\w+)?:")  # the clients of this instrument, numbered where there are several
DRAIN = 0.1  # seconds for what was sent last to leave: two periods of a slow JACK server
LOOKS = 3  # at the ports of a system whose programs come and go


class PortError(Exception):
    """No port could be opened; the message says what is missing and how to get it."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """An existing port of another program: `takes` notes (or sends them)."""

    api: str
    name: str
    takes: bool


class Port:
    """An open output; `address` is the name that others know it by, `text` says which it is and why."""

    def __init__(self, out: Any, api: str, address: str, text: str) -> None:
        self._out = out
        self.api = api
        self.address = address
        self.text = text

    def send(self, message: list[int]) -> None:
        """Send a raw `message` now; a port whose system is gone swallows it."""
        with suppress(OSError):
            self._out.send_message(message)

    def close(self) -> None:
        """Let the last messages leave, then close."""
        time.sleep(DRAIN)
        bounded(self._out.close_port, self._out.delete)


class Input:
    """An open input; what arrives goes to the `arrived` it was opened with.

    `address` is the name that others know it by, "" where it was not looked for.
    """

    def __init__(self, source: Any, api: str, name: str, address: str = "") -> None:
        self._source = source
        self.api = api
        self.text = f"{api}: {name}"
        self.address = address

    def close(self) -> None:
        """Stop listening; close the outputs first."""
        bounded(self._source.cancel_callback, self._source.close_port, self._source.delete)


def open_output(api: str | None, connect: str | None, name: str, client: str = CLIENT) -> Port:
    """Open the virtual output port `name`, or one connected to the existing port called `connect`.

    Without `api` (a key of APIS, any case) the first that can be opened is taken.
    PortError: none can, or there is no port called `connect`.
    """
    failures: list[str] = []
    candidates = _candidates(api)
    for label, number in candidates:
        try:
            with quiet():
                before = _outputs(number)
                out, target = _open(label, number, connect, name, client)
                address = next((p for p in _outputs(number) if p not in before), f"{client}:{name}")
        except (OSError, ValueError, NotImplementedError, PortError) as error:
            failures.append(_explain(label, error))
            continue
        rest = [other for other, _ in candidates if other != label]
        chosen = "asked for" if api else f"taken before {', '.join(rest)}" if rest else "all there is"
        why = "; ".join(failures) or chosen
        return Port(out, label, address, f"{label}: {address}{target} ({why})")
    raise PortError("; ".join(failures))


def open_direct(api: str, receiver: str) -> Port:
    """Open an output connected to `receiver`, as fast as can be: its notes hang. PortError: it is gone."""
    try:
        with quiet():
            out, _ = _open(api, APIS[api], receiver, "rescue", "live-rescue")
    except (OSError, ValueError) as error:
        raise PortError(_explain(api, error)) from error
    return Port(out, api, "live-rescue:rescue", receiver)


def open_witness(api: str, source: str, arrived: Callable[[list[int]], None]) -> Input:
    """Open an input connected to the output `source`; `arrived` as for `open_input`, with clock pulses.

    PortError: it is not there.
    """
    try:
        with quiet():
            end = _rtmidi().MidiIn(APIS[api], "live-witness")
            names = _names(end)
            index = choose(names, source, api)
            assert index is not None
            end.open_port(index, "in")
    except (OSError, ValueError) as error:
        raise PortError(_explain(api, error)) from error
    _listen(end, arrived, clock=True)
    return Input(end, api, names[index])


def systems() -> list[tuple[str, str]]:
    """Return each MIDI system that RtMidi knows here, with why it does not answer, "" if it does."""
    found = []
    for label, number in _candidates(None):
        try:
            with quiet():
                _rtmidi().MidiIn(number, "live-list").delete()
            found.append((label, ""))
        except OSError as error:
            found.append((label, _explain(label, error)))
    return found


def _open(label: str, number: int, connect: str | None, name: str, client: str) -> tuple[Any, str]:
    """Return an open output and, as " -> NAME", what it is connected to if it is no virtual port."""
    out = _rtmidi().MidiOut(number, client)
    if connect is None and label == "WinMM":
        connect = "loopMIDI"
    names = _names(out)
    chosen = choose(names, connect, label)
    if chosen is None:
        out.open_virtual_port(name)
        return out, ""
    out.open_port(chosen, name)
    return out, f" -> {names[chosen]}"


def open_inputs(
    api: str | None, control: str | None, arrived: Callable[[list[int]], None], clock: bool = False
) -> tuple[list[Input], list[str]]:
    """Open the virtual input on `api`, if there is one, and the existing input `control`, if one is named.

    Where there are no virtual ports the first existing input takes their place. With `clock` the pulses of
    a master clock are heard as well. Returns what was opened, and what was not with the reason.
    """
    inputs: list[Input] = []
    failures: list[str] = []
    virtual = api is not None and api != "WinMM"
    if api is not None and virtual:
        try:
            inputs.append(open_input(api, arrived, clock=clock))
        except PortError as error:
            failures.append(f"no MIDI input: {error}")
    if control is not None or api == "WinMM":
        try:
            inputs.append(open_control(api, control, arrived, clock))
        except PortError as error:
            failures.append(f"no controller: {error}")
    return inputs, failures


def open_input(
    api: str | None, arrived: Callable[[list[int]], None], control: str | None = None, clock: bool = False
) -> Input:
    """Open the virtual input `live-in:control` on `api`, or the existing one called `control`.

    `arrived` gets raw messages, on RtMidi's thread; clock pulses only with `clock`.

    PortError: it cannot be opened; Windows has no virtual ports.
    """
    if control is not None or api is None:
        return open_control(api, control, arrived, clock)
    try:
        with quiet():
            source = _rtmidi().MidiIn(APIS[api], INPUT_CLIENT)
            source.open_virtual_port(INPUT)
    except (OSError, NotImplementedError) as error:
        raise PortError(_explain(api, error)) from error
    _listen(source, arrived, clock)
    return Input(source, api, f"{INPUT_CLIENT}:{INPUT}")


def open_control(
    api: str | None, name: str | None, arrived: Callable[[list[int]], None], clock: bool = False
) -> Input:
    """Open the existing input called `name`, a hardware controller say, or the first there is.

    Of the systems, `api` is looked at first; ports of this instrument are never opened.
    PortError: there is no such input.
    """
    failures: list[str] = []
    for label, number in sorted(_candidates(None), key=lambda candidate: candidate[0] != api):
        try:
            with quiet():
                source = _rtmidi().MidiIn(number, INPUT_CLIENT)
                # None for our own, so that each keeps its number.
                names = [None if OURS.match(port) else port for port in _names(source)]
                index = _choose_input(names, name, label)
                before = _inputs(number)
                source.open_port(index, INPUT)
                address = next((port for port in _inputs(number) if port not in before), "")
        except (OSError, ValueError, PortError) as error:
            failures.append(_explain(label, error))
            continue
        _listen(source, arrived, clock)
        return Input(source, label, str(names[index]), address)
    raise PortError("; ".join(failures))


def _listen(source: Any, arrived: Callable[[list[int]], None], clock: bool) -> None:
    source.ignore_types(timing=not clock)
    source.set_callback(lambda event, _: arrived(event[0]))


def _choose_input(names: list[str | None], wanted: str | None, api: str) -> int:
    others = [name for name in names if name is not None]
    if wanted is None and not others:
        raise PortError("no input is there")
    chosen = choose(others, wanted, api)
    return names.index(others[chosen or 0])


def list_ports() -> list[PortInfo]:
    """Return the MIDI ports of other programs on every system that answers."""
    found: list[PortInfo] = []
    for label, number in _candidates(None):
        with suppress(OSError), quiet():
            for kind, takes in ((_rtmidi().MidiOut, True), (_rtmidi().MidiIn, False)):
                lister = kind(number, "live-list")
                found += [PortInfo(label, name, takes) for name in _names(lister)]
                lister.delete()
    return found


def _rtmidi() -> Any:
    try:
        return importlib.import_module("rtmidi")
    except ImportError as error:
        hint = ": install the system's libasound2" if "libasound" in str(error) else ""
        raise PortError(f"MIDI cannot be loaded{hint} ({error})") from error


def _candidates(api: str | None) -> list[tuple[str, int]]:
    os.environ["JACK_NO_START_SERVER"] = "1"  # looking for JACK must not start it
    compiled = _rtmidi().get_compiled_api()
    labels = {label.lower(): (label, number) for label, number in APIS.items() if number in compiled}
    if api is None:
        return [labels[label] for label in sorted(labels, key=lambda name: compiled.index(labels[name][1]))]
    if api.lower() not in labels:
        there = ", ".join(label for label, _ in labels.values())
        raise PortError(f"--api {api}: this machine's RtMidi has {there}")
    return [labels[api.lower()]]


def _outputs(number: int) -> list[str]:
    """Return the names of the ports that send, ours among them."""
    return _listed(_rtmidi().MidiIn(number, "live-list"))


def _inputs(number: int) -> list[str]:
    """Return the names of the ports that take messages, ours among them."""
    return _listed(_rtmidi().MidiOut(number, "live-list"))


def _listed(lister: Any) -> list[str]:
    names = _names(lister)
    lister.delete()
    return names


def _names(end: Any) -> list[str]:
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


def _explain(api: str, error: Exception) -> str:
    if isinstance(error, PortError):
        cure = "; Windows has no virtual ports: make one with loopMIDI" if api == "WinMM" else ""
        return f"{api}: {error}{cure}"
    if api == "ALSA" and not Path("/dev/snd/seq").exists():
        return "no ALSA sequencer: /dev/snd/seq is missing, `sudo modprobe snd-seq` brings it"
    if api == "ALSA":
        return "no ALSA sequencer: /dev/snd/seq cannot be opened, is this user in the group audio?"
    if api == "JACK":
        return "no JACK server runs"
    if isinstance(error, NotImplementedError):
        return f"{api} has no virtual ports"
    return f"{api}: {error}"
