"""What is done in a process of its own, so that its owner loads neither torch nor rtmidi.

Each errand answers on the connection that is its first argument: ("done", result) or ("refused", why).
"""

import os
from dataclasses import astuple, replace
from multiprocessing.connection import Connection
from pathlib import Path

from engine.setup import Setup

CHECK_CLIENT = "live-check"


def ports(reply: Connection) -> None:
    """List the MIDI ports of other programs as (system, name, takes notes)."""
    from engine.systems import PortError, list_ports  # loads rtmidi

    try:
        reply.send(("done", [astuple(port) for port in list_ports()]))
    except PortError as error:
        reply.send(("refused", str(error)))


def check_ports(reply: Connection, api: str | None, port: str | None, control: str | None) -> None:
    """Open and close what a performance is told to open; refused says what there is instead."""
    from engine.inlet import open_input  # loads rtmidi
    from engine.port import open_output
    from engine.systems import PortError

    try:
        if api is not None or port is not None:
            open_output(api, port, "check", CHECK_CLIENT).close()
        if control is not None:
            open_input(api, lambda _: None, control).close()
        reply.send(("done", None))
    except PortError as error:
        reply.send(("refused", str(error)))


def check_link(reply: Connection) -> None:
    """Answer whether Ableton Link can be loaded; refused says why not, and how to get it."""
    from engine.link import LinkError, library

    try:
        library()
        reply.send(("done", None))
    except LinkError as error:
        reply.send(("refused", str(error)))


def grants(reply: Connection) -> None:
    """Answer whether a process here gets real-time scheduling and locked memory, by asking for both.

    None where there is none.
    """
    from engine.machine import locked
    from engine.priority import keep_memory, real_time

    granted = real_time() if hasattr(os, "sched_setscheduler") else None
    if granted:
        keep_memory()
    reply.send(("done", (granted, locked() if granted else None)))


def midi_systems(reply: Connection) -> None:
    """Answer with each MIDI system and why it does not answer, "" if it does, and JACK's period in ms."""
    from engine.systems import PortError, systems  # loads rtmidi

    try:
        found = systems()
    except PortError as error:
        reply.send(("refused", str(error)))
        return
    reply.send(("done", (found, _jack_period() if ("JACK", "") in found else None)))


def _jack_period() -> float | None:
    """Return the milliseconds of a period of the JACK server that runs, None if it cannot be asked."""
    from engine.libraries import quiet

    try:
        import jack
    except (ImportError, OSError):  # OSError: no libjack on this system
        return None
    try:
        with quiet():
            client = jack.Client("live-look", no_start_server=True)
            period = float(1000.0 * client.blocksize / client.samplerate)
            client.close()
    except jack.JackError:
        return None
    return period


def sound_system(reply: Connection) -> None:
    """Answer with the audio system that the built-in sound would open."""
    import miniaudio

    from engine.libraries import quiet
    from engine.speaker import open_device

    try:
        with quiet():
            device = open_device("default")
            name = device.backend
            device.close()
    except miniaudio.MiniaudioError as error:
        reply.send(("refused", str(error)))
        return
    reply.send(("done", name))


def finish(reply: Connection, journal: str) -> None:
    """Make the .mid of a take that broke off; answers with its path."""
    from engine.midifile import finish as written  # loads mido
    from engine.recorder import RecordError

    try:
        reply.send(("done", written(journal)))
    except RecordError as error:
        reply.send(("refused", str(error)))


def count_notes(reply: Connection, file: str) -> None:
    """Count the notes of a .mid file."""
    import mido

    try:
        messages = [message for track in mido.MidiFile(file).tracks for message in track]
    except (OSError, EOFError, ValueError) as error:
        reply.send(("refused", f"{file} is no readable .mid file: {error}"))
        return
    reply.send(("done", sum(message.type == "note_on" and message.velocity > 0 for message in messages)))


def render(reply: Connection, setup: Setup, bars: int, output: str) -> None:
    """Render `bars` bars of `setup` into the .mid file `output`."""
    from engine.composer import Composer  # loads torch
    from engine.module import DecoderError
    from engine.recorder import RecordError
    from engine.render import render as perform

    try:
        composer = Composer(setup.model, setup.feel_file)
        reply.send(("done", str(perform(setup, composer.reply, bars, Path(output)))))
    except (DecoderError, RecordError) as error:
        reply.send(("refused", str(error)))


def opening(reply: Connection, setup: Setup, bars: int, folder: str) -> None:
    """Write the first `bars` bars of `setup` into the preset in `folder`; answers with the file."""
    from engine.arranger import Arranger
    from engine.composer import Composer  # loads torch
    from engine.module import DecoderError
    from engine.opening import Opening, OpeningError, write

    try:
        arranger = Arranger(replace(setup, opening=None))
        composer = Composer(setup.model, setup.feel_file)
        requests = (arranger.request(number) for number in range(bars))
        written = [answer for _, answer in composer.in_turn(requests)]
        tokens = tuple(answer.tokens for answer in written)
        hits = tuple(answer.hits for answer in written) if setup.feel else ()
        reply.send(("done", str(write(Path(folder), Opening(arranger.key(), tokens, hits)))))
    except (DecoderError, OpeningError) as error:
        reply.send(("refused", str(error)))
