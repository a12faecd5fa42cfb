"""MIDI inputs: controllers, a master clock, and the ear that `live bench` has on our own port."""

import gc
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from engine.clock import read
from engine.libraries import bounded, quiet
from engine.midi import APIS, INPUT_CLIENT, INPUT_PORT
from engine.systems import OURS, PortError, candidates, choose, explain, names_of, rtmidi, takers

PAUSE = 0.02  # seconds for RtMidi's thread to come back from the callback that it is in
QUEUE = 16_384  # messages that wait to be taken: seconds of them


class Input:
    """An open input; what arrives goes to the `arrived` it was opened with, on RtMidi's thread.

    `address` is the name that others know it by, "" where it was not looked for.
    """

    def __init__(self, source: Any, api: str, name: str, address: str = "") -> None:
        self._source = source
        self.api = api
        self.text = f"{api}: {name}"
        self.address = address

    def close(self) -> None:
        """Stop listening; close the outputs first.

        RtMidi's thread may be on its way into the callback, whose closure rtmidi frees and whose turn at
        Python it never gives: without these references and this pause it reads freed memory, or both
        wait for each other for ever.
        """
        kept = gc.get_referents(self._source)
        pause = partial(time.sleep, PAUSE)
        bounded(self._source.cancel_callback, pause, self._source.close_port, self._source.delete)
        del kept


class Ear:
    """An input whose messages RtMidi keeps until they are taken, so that its thread never waits for Python.

    JACK leaves out a client that is not finished within its period, and with it what that was to hear.
    `address` is as that of an Input.
    """

    def __init__(self, source: Any, api: str, name: str, address: str = "") -> None:
        self._source = source
        self.api = api
        self.text = f"{api}: {name}"
        self.address = address
        self._empty = read()  # when nothing was left to take
        self._begun = -math.inf  # the time at which RtMidi's count of seconds began, as far as it is known
        self._passed = 0.0  # by that count

    def take(self) -> Iterator[tuple[float, list[int]]]:
        """Yield what has come, each with its time in seconds of the clock; ask often.

        RtMidi tells how long after the one before a message came. It came after there was nothing to take
        and before it is taken: every message narrows down when that count began.
        """
        while True:
            looked = read()
            event = self._source.get_message()
            if event is None:
                self._empty = looked
                return
            message, seconds = event
            self._passed += seconds
            came = min(max(self._begun + self._passed, self._empty), read())
            self._begun = came - self._passed
            yield came, message

    def close(self) -> None:
        """Stop listening."""
        bounded(self._source.close_port, self._source.delete)


def open_inputs(
    api: str | None, control: str | None, arrived: Callable[[list[int]], None], clock: bool = False
) -> tuple[list[Input | Ear], list[str]]:
    """Open the virtual input on `api`, if there is one, and the existing input `control`, if one is named.

    Where there are no virtual ports the first existing input takes their place. With `clock` the pulses of
    a master clock are heard as well. Returns what was opened, and what was not with the reason.
    """
    inputs: list[Input | Ear] = []
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
) -> Input | Ear:
    """Open the virtual input `live-in:control` on `api`, or the existing one called `control`.

    `arrived` gets raw messages, on RtMidi's thread; clock pulses only with `clock`. On JACK, whose thread
    must not wait, what comes is to be taken, unless with `clock`: pulses are answered at once.

    PortError: it cannot be opened; Windows has no virtual ports.
    """
    if control is not None or api is None:
        return open_control(api, control, arrived, clock)
    try:
        with quiet():
            source = rtmidi().MidiIn(APIS[api], INPUT_CLIENT, queue_size_limit=QUEUE)
            source.open_virtual_port(INPUT_PORT)
    except (OSError, NotImplementedError) as error:
        raise PortError(explain(api, error)) from error
    return _opened(source, api, f"{INPUT_CLIENT}:{INPUT_PORT}", "", arrived, clock)


def open_control(
    api: str | None, name: str | None, arrived: Callable[[list[int]], None], clock: bool = False
) -> Input | Ear:
    """Open the existing input called `name`, a hardware controller say, or the first there is.

    Of the systems, `api` is looked at first; ports of this instrument are never opened.
    PortError: there is no such input.
    """
    failures: list[str] = []
    for label, number in sorted(candidates(None), key=lambda candidate: candidate[0] != api):
        try:
            with quiet():
                source = rtmidi().MidiIn(number, INPUT_CLIENT, queue_size_limit=QUEUE)
                # None for our own, so that each keeps its number.
                names = [None if OURS.match(port) else port for port in names_of(source)]
                index = _choose_input(names, name, label)
                before = takers(number)
                source.open_port(index, INPUT_PORT)
                address = next((port for port in takers(number) if port not in before), "")
        except (OSError, ValueError, PortError) as error:
            failures.append(explain(label, error))
            continue
        return _opened(source, label, str(names[index]), address, arrived, clock)
    raise PortError("; ".join(failures))


def _opened(  # noqa: PLR0917 - each is passed on as it came
    source: Any, api: str, name: str, address: str, arrived: Callable[[list[int]], None], clock: bool
) -> Input | Ear:
    source.ignore_types(timing=not clock)
    if api == "JACK" and not clock:
        return Ear(source, api, name, address)
    source.set_callback(lambda event, _: arrived(event[0]))
    return Input(source, api, name, address)


def _choose_input(names: list[str | None], wanted: str | None, api: str) -> int:
    others = [name for name in names if name is not None]
    if wanted is None and not others:
        raise PortError("no input is there")
    chosen = choose(others, wanted, api)
    return names.index(others[chosen or 0])


def open_ear(api: str, source: str) -> Ear:
    """Open an input connected to the output `source`, clock pulses and all. PortError: it is not there."""
    try:
        with quiet():
            end = rtmidi().MidiIn(APIS[api], "live-witness", queue_size_limit=QUEUE)
            names = names_of(end)
            index = choose(names, source, api)
            assert index is not None
            end.ignore_types(timing=False)
            end.open_port(index, "in")
    except (OSError, ValueError) as error:
        raise PortError(explain(api, error)) from error
    return Ear(end, api, names[index])
