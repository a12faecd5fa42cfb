"""Who hears what: the port while it can be reached, the built-in sound while nobody hears the port."""

from collections.abc import Iterator

import pytest

from engine.ledger import Ledger
from engine.offset import Offsets
from engine.outlet import UNSEEN, Outlet
from engine.sinks import MemoryPort

ON, PROGRAM, HUSH = [0x90, 60, 80], [0xC0, 5], [0xB0, 123, 0]


class Synth(MemoryPort):
    """A built-in sound that keeps what it is sent, and may die."""

    backend = "Null"
    alive = True


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    """Shared memory of one performance."""
    ledger = Ledger()
    yield ledger
    ledger.close()
    ledger.unlink()


def test_the_built_in_sound_steps_in_while_nobody_listens_and_is_ended_by_the_first_who_does() -> None:
    port, synth = MemoryPort(), Synth()
    outlet = Outlet(port, "JACK: live:toy", synth)
    outlet.send(PROGRAM)
    outlet.send(ON)
    assert (synth.messages, outlet.text) == ([PROGRAM], "JACK: live:toy + built-in sound silent")
    outlet.heard_by(())
    outlet.send(ON)
    assert outlet.text == "JACK: live:toy -> nobody yet + built-in sound (Null)"
    outlet.heard_by(("daw",))
    outlet.send(ON)
    assert synth.messages == [PROGRAM, ON, HUSH]
    assert outlet.text == "JACK: live:toy -> 1 client + built-in sound silent"
    assert port.messages == [PROGRAM, ON, ON, ON]


def test_only_a_receiver_who_is_new_needs_the_programs() -> None:
    outlet = Outlet(MemoryPort(), "")
    answers = [outlet.heard_by(names) for names in ((), ("a",), ("a", "b"), ("b",), ("b",), ("a", "b"))]
    assert answers == [False, True, True, False, False, True]


def test_a_sound_that_is_asked_for_plays_always() -> None:
    synth = Synth()
    outlet = Outlet(MemoryPort(), "", synth, always=True)
    outlet.heard_by(("daw",))
    outlet.send(ON)
    assert synth.messages == [ON]


def test_without_a_port_the_sound_plays_and_a_dead_one_is_let_go() -> None:
    synth = Synth()
    outlet = Outlet(None, "no MIDI port", synth)
    outlet.send(ON)
    assert (synth.messages, outlet.text) == ([ON], "no MIDI port + built-in sound (Null)")
    assert not outlet.lost_sound()
    synth.alive = False
    assert [outlet.lost_sound(), outlet.lost_sound()] == [True, False]
    outlet.send(ON)
    assert (synth.messages, outlet.text) == ([ON], "no MIDI port")


def test_a_lost_port_is_sent_nothing_and_the_sound_takes_over() -> None:
    port, synth = MemoryPort(), Synth()
    outlet = Outlet(port, "JACK: live:toy", synth)
    outlet.heard_by(("daw",))
    outlet.lose_port("JACK: gone")
    outlet.send(ON)
    assert (port.messages, synth.messages) == ([], [ON])
    assert outlet.text == "no MIDI port (JACK: gone) + built-in sound (Null)"


def test_a_port_that_the_guard_has_not_seen_for_long_is_not_filled_up(ledger: Ledger) -> None:
    port = MemoryPort()
    outlet = Outlet(port, "", ledger=ledger)
    for _ in range(2 * UNSEEN):
        outlet.send(ON)
    assert len(port.messages) == 2 * UNSEEN  # where nobody can tell, nothing is held back
    port.messages.clear()
    for _ in range(3):
        ledger.seen(True)
        for _ in range(UNSEEN):
            outlet.send(ON)
    assert len(port.messages) == 3 * UNSEEN
    for _ in range(UNSEEN):
        outlet.send(ON)
    assert len(port.messages) == 3 * UNSEEN
    ledger.seen(True)
    outlet.send(ON)
    assert port.messages[-2:] == [HUSH, ON]


def test_the_ledger_has_what_sounds_at_the_port_also_where_that_is_later_than_the_music(
    ledger: Ledger,
) -> None:
    port, now, offsets = MemoryPort(), [0.0], Offsets(0.1, 0.0)
    outlet = Outlet(port, "", Synth(), always=True, ledger=ledger, now=lambda: now[0])
    outlet.keep_time(offsets)
    offsets.settle()
    off, seen = [0x80, 60, 0], []
    for at, message in ((0.0, ON), (0.05, off), (0.06, ON), (0.11, None), (0.155, None), (0.2, None)):
        now[0] = at
        if message is not None:
            outlet.send(message)
        outlet.turn(at)
        seen.append((len(port.messages), list(ledger.sounding())))
    assert seen == [(0, []), (0, []), (0, []), (1, [(0, 60)]), (2, []), (3, [(0, 60)])]
    outlet.send(off)
    outlet.flush()
    assert list(ledger.sounding()) == []
