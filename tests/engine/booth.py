"""A player on a clock that jumps, with all that arrives at its inputs written down beforehand."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import toy_composer

from engine.clock import ManualClock
from engine.desk import Arrival, Desk
from engine.link import Peer
from engine.messages import Command
from engine.midi import NOTE_OFF, NOTE_ON
from engine.player import Player
from engine.render import DirectLink

Message = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """A raw message, and the time at which it was sent."""

    time: float
    message: Message


class Inputs:
    """Stands where a Wake stands: readable as soon as something has arrived."""

    def __init__(self, clock: ManualClock, controls: deque[Arrival]) -> None:
        self.source = self
        self._clock = clock
        self._controls = controls
        self.coming: deque[Arrival] = deque()

    def poll(self) -> bool:
        """Return whether something is there by now."""
        return bool(self.coming) and self.coming[0].time <= self._clock.now()

    def clear(self) -> None:
        """Hand over what is there."""
        while self.poll():
            self._controls.append(self.coming.popleft())

    def set(self) -> None:
        """Do nothing: it is set when something is due."""


class Booth:
    """Whoever sits in it hears the notes, and in `clock` the messages of the player's own clock."""

    def __init__(
        self, start: float = 1000.0, peer: Peer | None = None, in_port: str = "booth", **changes: object
    ) -> None:
        self.time = ManualClock(start, stride=0.001)
        self.notes: list[Heard] = []
        self.clock: list[Heard] = []
        self.all: list[Heard] = []
        desk = Desk(sinks=[self], composer=DirectLink(toy_composer.decode), pulse=self._pulse, peer=peer)
        desk.in_port = in_port
        self.inputs = Inputs(self.time, desk.controls)
        desk.wake = self.inputs  # type: ignore[assignment]  # by its behaviour
        self.player = Player(toy_composer.setup(**changes), self.time, desk)

    def send(self, message: list[int]) -> None:
        """Hear a message, as a sink."""
        self.all.append(Heard(self.time.now(), tuple(message)))
        if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF):
            self.notes.append(self.all[-1])

    def _pulse(self, message: list[int]) -> None:
        self.all.append(Heard(self.time.now(), tuple(message)))
        self.clock.append(self.all[-1])

    def arrive(self, *arrivals: tuple[float, Iterable[int]]) -> None:
        """Let messages arrive at their times."""
        rows = [Arrival(float(time), [int(byte) for byte in message]) for time, message in arrivals]
        self.inputs.coming = deque(sorted([*self.inputs.coming, *rows], key=lambda row: row.time))

    def until(self, time: float) -> None:
        """Play until `time` on the clock."""
        while self.time.now() < time and not self.player.leaving:
            self.player.turn()

    def do(self, command: Command) -> None:
        """Have the performer do something."""
        self.player.console.obey(command, self.time.now())

    def sync(self) -> str:
        """Return what the screen says about following."""
        return self.player.view.snapshot(self.time.now()).sync

    def strikes(self, begin: float = 0.0, end: float = 1e9) -> list[Heard]:
        """Return the notes that began between two times."""
        return [
            heard for heard in self.notes if heard.message[0] & 0xF0 == NOTE_ON and begin <= heard.time < end
        ]

    def hanging(self) -> set[tuple[int, int]]:
        """Return what sounds at the end; a second note on or a lone note off is an error."""
        on: set[tuple[int, int]] = set()
        for heard in self.notes:
            key = (heard.message[0] & 0x0F, heard.message[1])
            if heard.message[0] & 0xF0 == NOTE_ON:
                assert key not in on
                on.add(key)
            else:
                on.remove(key)
        return on


def plain(bars: int) -> list[tuple[int, Message]]:
    """Return (tick, message) of the notes of `bars` bars that nobody leads or disturbs."""
    booth = Booth(bpm=120.0, bars=bars)
    booth.player.run()
    zero = booth.player.performance.transport.time_of(0)
    return [(round((heard.time - zero) * 960), heard.message) for heard in booth.notes]
