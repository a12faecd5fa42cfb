"""What a performer or a controller changes while the player plays: from which step on it is heard."""

import pytest
from stage import BAR, STEP, Stage, undisturbed

from engine.bar import STEPS_PER_BAR
from engine.clock import ManualClock
from engine.desk import Arrival
from engine.messages import (
    Learn,
    SetAnchor,
    SetParameter,
    SetSeed,
)


@pytest.mark.parametrize(
    "command",
    [SetParameter("knob1", 0.9), SetParameter("temperature", 0.6), SetSeed(99), SetAnchor("A", 5)],
    ids=lambda command: type(command).__name__,
)
def test_a_change_is_heard_within_the_bar_from_the_next_step_on_and_not_before(command: object) -> None:
    stage = Stage()
    stage.until(BAR + 6.5 * STEP)
    stage.live.send(command)
    stage.until(2 * BAR)
    changed, plain = stage.notes(), undisturbed(2 * BAR)
    border = STEPS_PER_BAR + 7
    assert [n for n in changed if n[0] < border] == [n for n in plain if n[0] < border]
    assert changed != plain
    first = next(n for n in stage.composer.asked if n.revision == 1)
    assert (first.number, first.from_step) == (1, 7)


def test_a_change_too_close_to_a_step_takes_the_step_after() -> None:
    stage = Stage()
    stage.until(BAR + 6 * STEP - 0.005)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(2 * BAR)
    assert next(n.from_step for n in stage.composer.asked if n.revision == 1) == 7


def test_a_reply_too_late_for_its_step_is_thrown_away_and_asked_again() -> None:
    stage = Stage(seconds=lambda request: 3 * STEP if request.from_step == 4 else 0.001)
    stage.until(BAR + 3.5 * STEP)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(2 * BAR)
    steps = [
        request.from_step for request in stage.composer.asked if request.number == 1 and request.revision
    ]
    assert steps[0] == 4
    assert steps[1] == 7  # the reply came in the middle of step 6
    border = STEPS_PER_BAR + steps[1]
    changed, plain = stage.notes(), undisturbed(2 * BAR)
    assert [n for n in changed if n[0] < border] == [n for n in plain if n[0] < border]
    assert changed != plain


def test_turning_a_knob_back_brings_the_music_back() -> None:
    stage = Stage()
    stage.until(0.5 * BAR)
    stage.live.send(SetParameter("knob1", 0.9))
    stage.until(0.9 * BAR)
    stage.live.send(SetParameter("knob1", 0.5))
    stage.until(3 * BAR)
    rest = 2 * STEPS_PER_BAR
    starts = [n for n in stage.notes() if n[0] >= rest and n[1][0] & 0xF0 == 0x90]
    assert starts == [n for n in undisturbed(3 * BAR) if n[0] >= rest and n[1][0] & 0xF0 == 0x90]


@pytest.mark.parametrize("anchor", ["A", "B"])
@pytest.mark.parametrize("morph", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("knob", [0.0, 0.5, 0.9])
def test_keeping_what_plays_changes_nothing_of_it(anchor: str, morph: float, knob: float) -> None:
    stage = Stage()
    panel = stage.player.performance.panel
    panel.set_parameter("knob1", knob)
    panel.set_parameter("interpolation", morph)
    before = panel.z().tobytes()
    panel.set_anchor(anchor, None)
    assert panel.parameters["knob1"] == 0.5
    assert panel.parameters["interpolation"] == (0.0 if anchor == "A" else 1.0)
    assert panel.z().tobytes() == before


def test_a_thousand_controller_moves_are_a_few_requests() -> None:
    stage = Stage(seconds=lambda _: 0.02)
    stage.live.send(Learn("knob1"))
    stage.until(BAR)
    before = len(stage.composer.asked)
    for position in range(1000):
        stage.control(0xB0, 74, position % 128)
    stage.until(1.25 * BAR)
    assert stage.player.performance.panel.parameters["knob1"] == pytest.approx((999 % 128) / 127)
    assert len(stage.composer.asked) - before < 0.25 * BAR / 0.02 + 2
    assert stage.composer.asked[-1].revision == stage.player.performance.panel.revision


class Slow(ManualClock):
    """A clock by which everything that asks for the time takes 20 microseconds."""

    def now(self) -> float:
        """Return the time, and let some pass."""
        self.wait(super().now() + 2e-5, [])
        return super().now()


def test_a_flood_of_control_changes_waits_while_a_note_is_due_and_is_heard_to_its_end() -> None:
    stage = Stage(clock=Slow(stride=0.001), bindings={"knob1": (0, 20)}, parameters={"knob1": 0.0})
    stage.until(2 * BAR - 0.004)
    came = stage.clock.now()
    stage.desk.controls.extend(Arrival(came, [0xB0, 20, number % 128]) for number in range(4999))
    stage.control(0xB0, 20, 4999 % 128)
    stage.until(3 * BAR)
    zero = stage.player.performance.transport.time_of(0)
    late = [(event.time - zero) % STEP for event in stage.heard if event.message[0] & 0xF0 == 0x90]
    assert len(late) > 20
    assert max(late) < 0.002
    assert not stage.desk.controls
    assert stage.player.performance.panel.parameters["knob1"] == pytest.approx(4999 % 128 / 127)
