"""What a hand does to knobs while a performance is measured."""

from collections import Counter
from itertools import pairwise

from engine.sweeps import FIRST_CONTROL, FRANTIC, Hand


def test_a_hand_does_the_same_every_time_and_lets_soft_takeover_in() -> None:
    plan = list(Hand(8.0, 3).moves())
    assert plan == list(Hand(8.0, 3).moves())
    assert [at for at, _, _ in plan] == sorted(at for at, _, _ in plan)
    assert all(0 <= at < 8.0 and position in range(128) for at, _, position in plan)
    controls = list(dict.fromkeys(control for _, control, _ in plan))
    assert controls == [FIRST_CONTROL + number for number in range(3)]
    for control in controls:
        assert next(position for _, moved, position in plan if moved == control) == 0
    gaps = [after[0] - before[0] for before, after in pairwise(plan)]
    assert max(gaps) > 0.05  # it rests before and after a single move


def test_a_frantic_one_moves_a_thousand_times_in_each_second() -> None:
    plan = list(Hand(20.0, 9, frantic=True).moves())
    assert Counter(int(at) for at, _, _ in plan) == dict.fromkeys(range(20), 1000)
    assert max(after[0] - before[0] for before, after in pairwise(plan)) < 1.001 * FRANTIC
    assert len({control for _, control, _ in plan}) == 9
