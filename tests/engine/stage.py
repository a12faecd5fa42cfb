"""A player with everything around it on a clock that jumps, driven by hand."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from typing import Any

import toy_composer

from engine.bar import STEPS_PER_BAR
from engine.clock import ManualClock, Wake
from engine.desk import Arrival, Desk
from engine.player import Player
from engine.request import BarRequest, ComposerState

STEP = 60 / 120 / 4  # seconds at 120 beats per minute
BAR = STEPS_PER_BAR * STEP


class Composer:
    """A link to a composer that takes its time, by the clock it is given."""

    def __init__(self, clock: ManualClock, seconds: Callable[[BarRequest], float]) -> None:
        self._clock = clock
        self._seconds = seconds
        self.decode = toy_composer.decode
        self._replies: deque[tuple[float, Any]] = deque([(0.0, ComposerState("ready"))])
        self.asked: list[BarRequest] = []

    def replace(self, *messages: object) -> None:
        """Say `messages` and nothing that was to be said."""
        self._replies = deque((0.0, message) for message in messages)

    @property
    def busy(self) -> bool:
        """Whether there is something that it has not said."""
        return bool(self._replies)

    def poll(self) -> bool:
        """Return whether a reply is there by now."""
        return bool(self._replies) and self._replies[0][0] <= self._clock.now()

    def recv(self) -> Any:
        """Return it."""
        return self._replies.popleft()[1]

    def send(self, request: BarRequest, /) -> None:
        """Start on `request`."""
        self.asked.append(request)
        done = self._clock.now() + self._seconds(request)
        self._replies.append((done, self.decode(request)))


@dataclass
class Event:
    """A raw message, and when it was sent."""

    time: float
    message: list[int]


class Stage:
    """A player with everything around it, driven by hand."""

    def __init__(
        self,
        seconds: Callable[[BarRequest], float] = lambda _: 0.001,
        clock: ManualClock | None = None,
        **changes: object,
    ) -> None:
        self.clock = clock or ManualClock(stride=0.001)
        self.composer = Composer(self.clock, seconds)
        self.heard: list[Event] = []
        self.live, far = Pipe()
        self.guard, house = Pipe()
        self.desk = Desk(sinks=[self], composer=self.composer, live=far, guard=house, wake=Wake())
        self.player = Player(toy_composer.setup(**changes), self.clock, self.desk)
        self.start = 0.0

    def send(self, message: list[int]) -> None:
        """Hear a message, as a sink."""
        self.heard.append(Event(self.clock.now(), message))

    def until(self, seconds: float) -> None:
        """Play until `seconds` after the first note's time."""
        while not self.player.performance.playing:
            self.player.turn()
        end = self.player.performance.transport.time_of(0) + seconds
        while self.clock.now() < end and not self.player.leaving:
            self.player.turn()

    def control(self, *message: int) -> None:
        """Let a controller's message arrive."""
        self.desk.controls.append(Arrival(self.clock.now(), list(message)))
        assert self.desk.wake is not None
        self.desk.wake.set()

    def notes(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return (step at 120 beats per minute, message) of the notes heard."""
        zero = self.player.performance.transport.time_of(0)
        return [
            (round((event.time - zero) / STEP), tuple(event.message))
            for event in self.heard
            if event.message[0] & 0xE0 == 0x80
        ]

    def hanging(self) -> set[tuple[int, int]]:
        """Return what is on at the end; a second note on or a lone note off is an error."""
        on: set[tuple[int, int]] = set()
        for event in self.heard:
            key = (event.message[0] & 0x0F, event.message[1])
            if event.message[0] & 0xF0 == 0x90:
                assert key not in on
                on.add(key)
            elif event.message[0] & 0xF0 == 0x80:
                on.remove(key)
        return on


def undisturbed(seconds: float, **changes: object) -> list[tuple[int, tuple[int, ...]]]:
    """Return the notes of a performance with nobody at the knobs."""
    stage = Stage(**changes)
    stage.until(seconds)
    return stage.notes()
