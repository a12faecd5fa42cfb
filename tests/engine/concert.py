"""A performance on a clock that jumps, with a composer at hand: what leaves, when, and on which tick."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil, inf
from pathlib import Path

import toy_composer

from engine.bar import PPQN
from engine.clock import ManualClock
from engine.performance import Performance
from engine.request import BarReply, BarRequest


@dataclass(frozen=True, slots=True)
class Sent:
    """A raw message, the time at which it left and the tick that it was sent on."""

    time: float
    tick: int
    message: tuple[int, ...]


class Concert:
    """Drives a performance of the toy by hand; every bar that it asks for is there at once."""

    def __init__(
        self,
        start: float = 0.0,
        decode: Callable[[BarRequest], BarReply] = toy_composer.decode,
        **changes: object,
    ) -> None:
        self._decode = decode
        self.asked: list[BarRequest] = []
        self.clock = ManualClock(start)
        self.heard: list[Sent] = []
        setup = toy_composer.setup(**changes)
        self.performance = Performance(setup, self._send, start)
        self._title = setup.preset
        self.most = 0  # messages that one turn sent

    def _send(self, tick: int, message: list[int]) -> None:
        self.heard.append(Sent(self.clock.now(), tick, tuple(message)))

    def turn(self, until: float = inf) -> None:
        """Send what is due, get the bars asked for, wait for the next deadline, not beyond `until`."""
        performance, now, before = self.performance, self.clock.now(), len(self.heard)
        performance.advance(now)
        self.most = max(self.most, len(self.heard) - before)
        while (request := performance.request(now)) is not None:
            self.asked.append(request)
            performance.supply.accept(self._decode(request), now)
        performance.advance(now)  # a first bar that has just come
        self.clock.wait(min(performance.deadline(), until), [])

    def until(self, time: float) -> None:
        """Play until `time` of the clock, or to the last bar's end."""
        while self.clock.now() < time and not self.performance.over:
            self.turn(time)
        self.performance.advance(self.clock.now())

    def run(self) -> None:
        """Play to the last bar's end."""
        while not self.performance.over:
            self.turn()

    def notes(self) -> list[Sent]:
        """Return the notes on and off heard so far."""
        return [sent for sent in self.heard if sent.message[0] & 0xE0 == 0x80]

    def set_bpm(self, bpm: float) -> None:
        """Change the tempo now."""
        self.performance.set_bpm(bpm, self.clock.now())

    def swing(self, amount: float) -> None:
        """Move the swing."""
        self.performance.panel.set_parameter("swing", amount)

    def offset(self, seconds: float) -> None:
        """Change the offset now."""
        performance = self.performance
        performance.course.offset.set(seconds, self.clock.now(), at_once=not performance.playing)

    def mute(self, voice: int, muted: bool) -> None:
        """Silence a voice now, or let it sound again."""
        self.performance.scheduler.mute(self._tick(), voice, muted)

    def panic(self) -> None:
        """End every note now."""
        self.performance.scheduler.panic(self._tick())

    def record(self, path: Path) -> None:
        """Start a take now."""
        performance = self.performance
        performance.take.begin(
            str(path), self._title, performance.band.voices(), performance.transport, self._tick()
        )

    def finish_take(self) -> str | None:
        """End the take now; return its journal."""
        return self.performance.take.end(self._tick())

    def _tick(self) -> int:
        return self.performance.tick(self.clock.now())

    def hanging(self) -> set[tuple[int, int]]:
        """Return what is on; a second note on or a lone note off is an error."""
        on: set[tuple[int, int]] = set()
        for sent in self.notes():
            key = (sent.message[0] & 0x0F, sent.message[1])
            if sent.message[0] & 0xF0 == 0x90:
                assert key not in on
                on.add(key)
            else:
                on.remove(key)
        return on


@dataclass(slots=True)
class Integral:
    """Ticks as the integral of the tempo, summed up apart from the engine's own arithmetic.

    A new tempo holds from the next whole tick on.
    """

    start: float  # the time of tick 0
    bpm: float
    _knees: list[tuple[float, float, float]] = field(default_factory=list)  # (tick, time, seconds a tick)

    def __post_init__(self) -> None:
        self._knees.append((0.0, self.start, 60.0 / self.bpm / PPQN))

    def change(self, bpm: float, now: float) -> None:
        """Go on at `bpm` from the first whole tick at or after `now` that is not before the last change."""
        tick, time, pace = self._knees[-1]
        ahead = max(0, ceil((now - time) / pace - 1e-9))
        self.bpm = bpm
        self._knees.append((tick + ahead, time + ahead * pace, 60.0 / bpm / PPQN))

    def time_of(self, tick: float) -> float:
        """Return the time at which it is `tick`."""
        at, time, pace = next(knee for knee in reversed(self._knees) if knee[0] <= max(0.0, tick))
        return time + (tick - at) * pace
