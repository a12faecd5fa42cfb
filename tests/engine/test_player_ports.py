"""What the player sends to its ports beside the notes, and what it does with what comes back or is lost."""

import pytest
from stage import BAR, STEP, Stage

from engine.ledger import PortLost, Receivers
from engine.messages import (
    Acknowledge,
    Play,
    Stop,
)
from engine.outlet import Outlet
from engine.sinks import MemoryPort


@pytest.mark.parametrize("control", [120, 123])
def test_all_sound_off_and_all_notes_off_at_the_input_are_panic(control: int) -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    struck = [event.message for event in stage.heard if event.message[0] & 0xF0 == 0x90]
    stage.control(0xB5, control, 0)
    count = len(stage.heard)
    stage.player.turn()
    assert stage.hanging() == set()
    silenced = [event.message for event in stage.heard[count:] if event.message[0] & 0xF0 == 0xB0]
    channels = {message[0] & 0x0F for message in struck}
    assert sorted(silenced) == sorted([0xB0 | channel, n, 0] for channel in channels for n in (64, 120, 123))
    stage.until(BAR)
    assert len(stage.heard) > count + len(silenced)  # the music goes on


def test_a_panic_that_comes_back_by_a_loop_is_one() -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    stage.control(0xB5, 123, 0)
    stage.player.turn()
    for _ in range(5):
        said = [event.message for event in stage.heard if event.message[0] & 0xF0 == 0xB0]
        for message in said:
            stage.control(*message)
        stage.until(stage.clock.now() - stage.player.performance.transport.time_of(0) + 0.02)
    said = [event.message for event in stage.heard if event.message[0] & 0xF0 == 0xB0]
    assert len(said) == 9  # three on each channel
    stage.until(2 * BAR)
    stage.control(0xB5, 123, 0)  # and a second one is another
    stage.player.turn()
    assert len([event for event in stage.heard if event.message[0] & 0xF0 == 0xB0]) == 18


def test_a_new_receiver_and_each_start_get_the_programs() -> None:
    stage = Stage()
    stage.desk.outlet = Outlet(None, "JACK: live:toy")
    stage.until(0.5 * BAR)
    assert sum(event.message[0] & 0xF0 == 0xC0 for event in stage.heard) == 3
    for count, (names, programs) in enumerate(((("a",), 6), (("a",), 6), (("a", "b"), 9), (("a",), 9))):
        stage.guard.send(Receivers(names))
        stage.until(0.6 * BAR + count * STEP)
        assert sum(event.message[0] & 0xF0 == 0xC0 for event in stage.heard) == programs
    stage.live.send(Stop())
    stage.live.send(Play())
    stage.player.turn()
    stage.until(0.5 * BAR)
    assert sum(event.message[0] & 0xF0 == 0xC0 for event in stage.heard) == 12


class Synth(MemoryPort):
    """A built-in sound that keeps what it is sent."""

    backend, alive = "Null", True


def test_a_lost_port_is_said_and_sent_nothing_and_the_music_goes_on() -> None:
    stage = Stage()
    port, synth = MemoryPort(), Synth()
    stage.desk.outlet = Outlet(port, "JACK: live:toy", synth)
    stage.desk.sinks = [stage.desk.outlet]
    stage.until(BAR)
    stage.guard.send(PortLost("JACK: the JACK server is gone"))
    while "the JACK server is gone" not in stage.desk.outlet.text:
        stage.player.turn()
    sent = len(port.messages)
    stage.until(2 * BAR)
    assert len(port.messages) == sent
    assert len(synth.messages) > 10
    stage.live.send(Acknowledge())
    stage.until(2 * BAR + STEP)
    said = [stage.live.recv(), stage.live.recv()][-1]
    assert said.out_port.startswith("no MIDI port (JACK: the JACK server is gone) + built-in sound")
    assert any("sent nothing any more, start live anew to open another" in notice for notice in said.notices)
