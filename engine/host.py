"""The player's own process: ports, signals and real-time scheduling around the loop."""

import ctypes
import gc
import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection

from engine.clock import MonotonicClock, Wake
from engine.desk import Desk
from engine.ledger import Ledger
from engine.player import Player
from engine.port import Input, Port, PortError, open_input, open_output
from engine.setup import Setup
from engine.sinks import MemoryPort
from engine.sound import Sound, SoundError

PRIORITY = 50  # of SCHED_FIFO: below JACK's 70, above everything ordinary
MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT = 1, 2, 4  # <sys/mman.h> of Linux: what is and will be touched
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP")  # Windows has no SIGHUP


def run(setup: Setup, live: Connection, composer: Connection, guard: Connection, ledger_name: str) -> None:
    """Play `setup` to its end; every note is ended when this returns."""
    wake = Wake()
    desk = Desk(sinks=[], composer=composer, live=live, guard=guard, wake=wake, ledger=Ledger(ledger_name))
    _catch_signals(desk, wake)
    closers = _open(setup, desk, wake)
    # What is loaded stays: the collector would stop the music to look at it again and again.
    gc.collect()
    gc.freeze()
    gc.disable()
    player = Player(setup, MonotonicClock(spin=_real_time()), desk)
    player.run()
    for close in closers:
        close.close()
    assert desk.ledger is not None
    desk.ledger.clean = True
    desk.ledger.close()


def _catch_signals(desk: Desk, wake: Wake) -> None:
    def leave(number: int, _: object) -> None:
        desk.leave = signal.Signals(number).name
        wake.set()

    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), leave)


def _open(setup: Setup, desk: Desk, wake: Wake) -> list[Port | Sound | Input]:
    """Open what `setup` asks for or, failing that, what there is; return it in the order of closing."""

    def arrived(message: list[int]) -> None:
        desk.controls.append(message)
        wake.set()

    opened: list[Port | Sound | Input] = []
    notices: list[str] = []
    port: Port | None = None
    try:
        port = open_output(setup.api, setup.port, setup.preset)
    except PortError as error:
        desk.sinks = [MemoryPort(keep=False)]
        desk.out_port = "no MIDI port"
        notices.append(f"no MIDI port: {error}")
    if port is not None:
        desk.sinks = [port]
        desk.out_port = port.text
        opened.append(port)
        try:
            control = open_input(port.api, arrived)
            desk.in_port = control.text
            opened.append(control)
        except PortError as error:
            notices.append(f"no MIDI input: {error}")
        assert desk.ledger is not None
        desk.ledger.write("api", port.api)
        desk.ledger.write("port", port.address)
    if setup.sound or port is None:
        try:
            programs = {voice.channel: voice.program or 0 for voice in setup.voices}
            sound = Sound.open(programs, setup.sound_device)
            desk.sinks = [*desk.sinks, sound]
            desk.out_port += f" + built-in sound ({sound.backend})"
            opened.insert(len(opened[:1]), sound)
        except SoundError as error:
            notices.append(f"no built-in sound: {error}")
    desk.notices = tuple(notices)
    return opened


def _real_time() -> bool:
    """Ask for real-time scheduling and memory that stays; return whether the first was granted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
    except (AttributeError, OSError):
        return False  # macOS and Windows have none of it; Linux grants it to group audio or with rtkit
    with suppress(AttributeError, OSError):
        # A page that was swapped out or reclaimed is a note that comes late; refused beyond a user's limit.
        ctypes.CDLL(None).mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)
    return True
