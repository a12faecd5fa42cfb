"""The port and the built-in sound, each with an offset of its own, in a performance on a clock that jumps."""

import pytest
import toy_composer

from engine.clock import Attended, ManualClock
from engine.delay import Delay
from engine.desk import Desk
from engine.messages import PORT, SOUND, SetOffset, Stop
from engine.midi import ALL_NOTES_OFF, CONTROL, NOTE_OFF, NOTE_ON
from engine.offset import Offsets
from engine.outlet import Outlet
from engine.player import Player
from engine.render import DirectLink

Row = tuple[float, tuple[int, ...]]


class Ear:
    """A port or a synth that keeps what it is sent, and when."""

    backend = "Null"
    alive = True

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.rows: list[Row] = []

    def send(self, message: list[int]) -> None:
        """Keep `message`."""
        self.rows.append((self._clock.now(), tuple(message)))

    def notes(self) -> list[Row]:
        """Return the notes on and off."""
        return [row for row in self.rows if row[1][0] & 0xF0 in (NOTE_ON, NOTE_OFF)]


class Hall:
    """A performance heard on both outputs, or on one as `heard_by` of its outlet has it."""

    def __init__(self, port: float, sound: float, always: bool = True, **changes: object) -> None:
        self.clock = ManualClock(1000.0, stride=0.001)
        self.port, self.sound = Ear(self.clock), Ear(self.clock)
        self.outlet = Outlet(self.port, "port", self.sound, always, now=self.clock.now)
        desk = Desk(sinks=[self.outlet], composer=DirectLink(toy_composer.decode), outlet=self.outlet)
        setup = toy_composer.setup(offset=port, **changes)
        self.player = Player(setup, Attended(self.clock, self.outlet), desk)
        self.offsets = self.player.performance.course.offset
        self.outlet.keep_time(self.offsets)
        self.offsets.begin(sound)

    def until(self, seconds: float) -> None:
        """Play until `seconds` from the beginning."""
        while self.clock.now() < 1000.0 + seconds and not self.player.leaving:
            self.player.turn()

    def lag(self) -> list[float]:
        """Return by how much the sound has each note later than the port; both must have the same ones."""
        port, sound = self.port.notes(), self.sound.notes()
        count = min(len(port), len(sound))
        assert [row[1] for row in port[:count]] == [row[1] for row in sound[:count]]
        return [there[0] - here[0] for here, there in zip(port, sound, strict=False)]


@pytest.mark.parametrize(
    ("port", "sound"), [(0.0, -0.045), (0.0, 0.06), (-0.12, 0.0), (0.2, -0.2), (0.03, 0.03)]
)
def test_each_output_has_every_note_at_its_own_offset(port: float, sound: float) -> None:
    hall = Hall(port, sound, bars=2)
    hall.until(10.0)
    zero = hall.player.performance.transport.time_of(0)
    base = Hall(0.0, 0.0, bars=2)
    base.until(10.0)
    straight = base.player.performance.transport.time_of(0)
    for own, ear in ((port, hall.port), (sound, hall.sound)):
        assert [row[1] for row in ear.notes()][:40] == [row[1] for row in base.port.notes()][:40]
        for (time, _), (plain, _) in list(zip(ear.notes(), base.port.notes(), strict=False))[:40]:
            assert time - zero == pytest.approx(plain - straight + own, abs=0.0011)


def test_what_is_set_is_the_offset_of_the_output_in_use_and_the_other_keeps_its_own() -> None:
    hall = Hall(0.0, -0.02)
    hall.outlet.heard_by(())
    assert hall.offsets.current == SOUND
    hall.until(1.0)
    hall.player.console.obey(SetOffset(40.0), hall.clock.now())
    hall.until(3.0)
    assert hall.offsets.seconds == pytest.approx(0.04)  # nobody hears the port: nothing leaves for it
    hall.outlet.heard_by(("daw",))
    assert hall.offsets.current == PORT
    hall.until(5.0)
    assert hall.lag()[-1] == pytest.approx(0.04, abs=0.0011)
    hall.player.console.obey(SetOffset(-10.0), hall.clock.now())
    hall.until(7.0)
    assert hall.lag()[-1] == pytest.approx(0.05, abs=0.0011)
    assert hall.offsets.seconds == pytest.approx(-0.01)


def test_when_a_receiver_takes_over_from_the_sound_the_port_is_on_its_own_offset_throughout() -> None:
    hall = Hall(0.1, -0.1, always=False)
    hall.outlet.heard_by(())
    hall.until(2.0)
    hall.outlet.heard_by(("daw",))
    hall.until(6.0)
    times = [time for time, _ in hall.port.notes()]
    assert times == sorted(times)
    base = Hall(0.1, 0.1)
    base.until(6.0)
    pairs = list(zip(hall.port.notes(), base.port.notes(), strict=False))
    assert [a[1] for a, _ in pairs] == [b[1] for _, b in pairs]
    zeros = [each.player.performance.transport.time_of(0) for each in (hall, base)]
    for (mine, _), (plain, _) in pairs:  # also while the music as a whole moves away from the sound's offset
        assert mine - zeros[0] == pytest.approx(plain - zeros[1], abs=0.0011)
    assert hall.offsets.seconds == pytest.approx(0.1)


def test_after_a_stop_what_was_held_back_leaves_at_its_time_and_no_note_hangs() -> None:
    hall = Hall(0.15, -0.15)
    hall.until(1.5)
    stopped = hall.clock.now()
    hall.player.console.obey(Stop(), stopped)
    Attended(hall.clock, hall.outlet).wait(stopped + 1.0, [])
    for ear in (hall.port, hall.sound):
        on: set[int] = set()
        for time, message in ear.notes():
            assert time <= stopped + 0.301  # the offsets are .3 s apart
            (on.add if message[0] & 0xF0 == NOTE_ON else on.discard)(message[0] % 16 * 128 + message[1])
        assert on == set()
    assert hall.port.notes()[-1][0] == pytest.approx(stopped + 0.3, abs=0.0011)


def test_a_panic_does_not_wait_and_no_note_comes_after_it() -> None:
    clock = ManualClock(5.0)
    port = Ear(clock)
    outlet = Outlet(port, "", now=clock.now)
    offsets = Offsets(0.1)
    outlet.keep_time(offsets)
    offsets.hear(port=True, sound=True)
    offsets.settle()
    for message in ([0x90, 60, 80], [0x80, 60, 0], [CONTROL, ALL_NOTES_OFF, 0]):
        outlet.send(message)
    assert [message for _, message in port.rows] == [(0x80, 60, 0), (CONTROL, ALL_NOTES_OFF, 0)]
    assert outlet.deadline == float("inf")


def test_a_delay_that_shrinks_lets_nothing_overtake() -> None:
    clock = ManualClock(0.0)
    passed: list[tuple[float, list[int]]] = []
    delay = Delay(lambda message: passed.append((clock.now(), message)), clock.now)
    attended = Attended(clock, delay)
    delay.send([0x90, 1, 1], 0.05)
    delay.send([0x80, 1, 0], 0.01)
    delay.send([0x90, 2, 1], 0.0)
    attended.wait(1.0, [])
    assert [message for _, message in passed] == [[0x90, 1, 1], [0x80, 1, 0], [0x90, 2, 1]]
    assert passed[0][0] == pytest.approx(0.05)
    delay.send([0x90, 3, 1], 0.0)
    assert passed[-1] == (1.0, [0x90, 3, 1])
