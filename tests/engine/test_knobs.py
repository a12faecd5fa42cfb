"""From a moved knob to the step that reflects it, with a composer that takes its time."""

from collections import Counter, deque
from collections.abc import Iterator
from itertools import accumulate

import pytest
import toy_composer
from hand import Hand
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import BAR, STEP, Composer

from engine.bar import STEPS_PER_BAR
from engine.clock import ManualClock
from engine.desk import Desk
from engine.messages import Quit, SetParameter
from engine.performance import HEADROOM
from engine.player import Player
from engine.request import BarRequest
from engine.response import LIMIT
from engine.sinks import MemoryPort
from engine.snapshot import Measured


class Kept:
    """An input that keeps control changes, (time, position), until they are taken."""

    def __init__(self, clock: ManualClock, changes: list[tuple[float, int]]) -> None:
        self._clock = clock
        self._changes = deque(changes)

    def take(self) -> Iterator[tuple[float, list[int]]]:
        """Yield what has come by now."""
        while self._changes and self._changes[0][0] <= self._clock.now():
            at, position = self._changes.popleft()
            yield at, [0xB0, 20, position]


def turned(
    moves: list[float], seconds: float, *, kept: bool = False, **changes: object
) -> tuple[Measured, list[BarRequest]]:
    """Return what a player tells whose knob is moved at each of `moves`, and what it asked a composer then.

    `seconds` is what the composer takes for a bar. The moves are told as they come, or `kept` by an input.
    """
    clock = ManualClock(stride=0.0005)
    composer = Composer(clock, lambda _: seconds)
    positions = [n * 37 % 101 for n in range(1, len(moves) + 1)]
    commands = [(at, SetParameter("knob1", n / 101)) for at, n in zip(moves, positions, strict=True)]
    hand = Hand(clock, [*([] if kept else commands), (moves[-1] + 2 * STEP, Quit())])
    desk = Desk(sinks=[MemoryPort()], composer=composer, live=hand)
    if kept:  # soft takeover lets them in after one at the bottom
        desk.ears = [Kept(clock, [(0.0, 0), *zip(moves, positions, strict=True)])]
    bound = {"bindings": {"knob1": (0, 20)}, "parameters": {"knob1": 0.0}}
    setup = toy_composer.setup(**({"bpm": 120.0, "measure": True} | bound | changes))
    Player(setup, clock, desk).run()
    measured = next(said for said in hand.heard if isinstance(said, Measured))
    return measured, [request for request in composer.asked if request.revision]


@pytest.mark.parametrize("every", [0.001, 0.01, 0.033])
@pytest.mark.parametrize("seconds", [0.002, 0.006, 0.009])
def test_a_knob_that_never_rests_is_heard_at_every_step(every: float, seconds: float) -> None:
    measured, _ = turned([0.2 + every * number for number in range(int(BAR / every))], seconds)
    assert measured.knob_steps >= STEPS_PER_BAR - 1
    assert measured.knob_missed_steps == 0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=12), st.sampled_from([0.003, 0.008]), st.booleans())
def test_a_knob_moved_at_any_time_is_heard_at_the_step_after(
    pauses: list[int], seconds: float, kept: bool
) -> None:
    moves = [0.2 + ends / 1000 + 0.00037 for ends in accumulate(pauses)]
    measured, _ = turned(moves, seconds, kept=kept)
    assert measured.knob_missed_steps == 0
    assert measured.knob_heard == len(moves) + kept


def test_what_an_input_keeps_is_taken_in_time_for_each_step() -> None:
    begins = HEADROOM  # the first step; every move is a hair before the last moment for the next
    moves = [begins + step * STEP - LIMIT - 0.0003 for step in range(4, 60)]
    measured, _ = turned(moves, 0.0165, kept=True)
    assert measured.knob_steps == measured.knob_moves == len(moves)
    assert measured.knob_missed_steps == 0


def test_a_knob_that_never_rests_has_a_step_written_twice_or_so_not_for_every_move() -> None:
    _, asked = turned([0.2 + 0.002 * number for number in range(int(2 * BAR / 0.002))], 0.004)
    steps = Counter(request.number * STEPS_PER_BAR + request.from_step for request in asked)
    sought = [count for step, count in sorted(steps.items())][2:-2]
    assert max(sought) <= 6  # once when it opens, and in the last 20 ms
    assert sum(sought) / len(sought) <= 5


def test_bars_ahead_wait_until_the_knobs_rest() -> None:
    moves = [0.2 + 0.01 * number for number in range(60)]
    _, asked = turned(moves, 0.004)
    ahead = [request for request in asked if request.number > 0]
    assert [request.revision for request in ahead] == [len(moves)] * len(ahead)
    assert {request.number for request in ahead} == {1, 2}
