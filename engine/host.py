"""The player's own process: ports, signals and real-time scheduling around the loop."""

import gc
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from multiprocessing.connection import Connection

from engine.clock import Attended, MonotonicClock, Wake, read
from engine.desk import Arrival, Desk
from engine.inlet import Ear, Input, open_inputs
from engine.ledger import Ledger
from engine.link import LinkError, Peer
from engine.outlet import Outlet
from engine.player import Player
from engine.port import Port, open_output
from engine.priority import PROMPT, keep_memory, real_time, short_turns
from engine.setup import Setup
from engine.sound import Sound, SoundError
from engine.systems import PortError
from engine.ties import Tie, keep
from engine.watch import TELLING, Watch

# Seconds that the wait for a note may keep RtMidi's thread waiting: JACK leaves out a client that is late.
SWITCH = 1e-4
JOIN = 1.0  # seconds in which others of a Link session show up: it takes them half of one
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
    if urgent := real_time():
        keep_memory()
    else:
        short_turns(PROMPT)
    assert desk.outlet is not None
    player = Player(setup, Attended(MonotonicClock(spin=urgent), desk.outlet), desk)
    offsets = player.performance.course.offset
    desk.outlet.keep_time(offsets)
    offsets.begin(setup.sound_offset)
    player.run()
    desk.outlet.flush()
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
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN):
            continue  # under nohup it plays on without a terminal
        signal.signal(number, leave)
    if hasattr(signal, "SIGTSTP"):  # Ctrl-Z suspends `live` alone: notes of a player at rest would stay on
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):  # held back since before this process could take it
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _open(setup: Setup, desk: Desk, wake: Wake) -> list[Port | Sound | Input | Ear | Peer]:
    """Open what `setup` asks for or, failing that, what there is; return it in the order of closing."""

    def arrived(message: list[int]) -> None:
        desk.controls.append(Arrival(read(), message))  # at once: the loop may be waiting for a note
        wake.set()

    ledger = desk.ledger
    assert ledger is not None
    notices: list[str] = []
    port: Port | None = None
    try:
        port = open_output(setup.api, setup.port, setup.preset)
    except PortError as error:
        notices.append(f"no MIDI port: {error}")
    sound: Sound | None = None
    if wants_sound(setup, port):
        try:
            programs = {voice.channel: voice.program or 0 for voice in setup.voices}
            sound = Sound.open(programs, setup.sound_device)
        except SoundError as error:
            notices.append(f"no built-in sound: {error}")
    text = "no MIDI port" if port is None else port.text
    desk.outlet = Outlet(port, text, sound, setup.sound is True, ledger)
    desk.sinks, desk.pulse = [desk.outlet], desk.outlet.pulse
    following = setup.sync == "midi"
    sys.setswitchinterval(SWITCH)
    inputs, failures = open_inputs(None if port is None else port.api, setup.control, arrived, following)
    desk.ears = [source for source in inputs if isinstance(source, Ear)]
    desk.in_port = " + ".join(source.text for source in inputs)
    if following and not inputs:
        notices.append("no MIDI clock can come in: there is no MIDI input")
    if setup.sync == "link":
        try:
            desk.peer = Peer(setup.bpm)
            desk.peer.join(JOIN)  # before anything has begun: later it would be moved to their bar
        except LinkError as error:
            notices.append(str(error))
    desk.notices = (*notices, *failures)
    if port is not None:  # the guard looks from now on
        ledger.write("port", port.address)
        ledger.write("api", port.api)
        if sound is not None and setup.sound is None:  # the guard's first word comes after the first notes
            with closing(Watch(ledger)) as watch:
                if (receivers := watch.glance()) is not None:
                    desk.outlet.heard_by(receivers)
    keep(ledger, [tie for tie in _ties(setup, port, inputs) if tie.api in TELLING])
    return [each for each in (port, sound, *inputs, desk.peer) if each is not None]


def _ties(setup: Setup, port: Port | None, inputs: list[Input | Ear]) -> Iterator[Tie]:
    """Yield what of the open ports is connected to a port that the performer named."""
    if port is not None and setup.port is not None:
        yield Tie(port.api, True, setup.port, port.address)
    for source in inputs:
        if setup.control is not None and source.address:
            yield Tie(source.api, False, setup.control, source.address)


def wants_sound(setup: Setup, port: Port | None) -> bool:
    """Return whether the built-in sound may have to be heard, beside `port` or without one.

    Left to the machine, it steps in while nobody listens; where that cannot be told, or somebody was named,
    only if there is no port.
    """
    if setup.sound is not None:
        return setup.sound
    return port is None or (port.api in TELLING and setup.port is None)
