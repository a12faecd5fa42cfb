"""Learning, pickup and ranges."""

import pytest

from engine.mapping import Knob, Mapping

VALUES = {"knob1": 0.5, "knob2": 0.5}


def test_nothing_is_bound_by_default() -> None:
    mapping = Mapping({})
    assert [mapping.control(c, n, 64, VALUES) for c in range(16) for n in range(128)] == [None] * 2048


def test_learning_moves_nothing_until_the_control_meets_the_value() -> None:
    mapping = Mapping({})
    mapping.learn("knob1")
    assert mapping.control(0, 74, 127, VALUES) is None
    assert mapping.learning is None
    assert mapping.bound() == {"knob1": "ch 1 CC 74"}
    assert mapping.waiting(VALUES) == {"knob1": 1.0}
    assert mapping.control(0, 74, 90, VALUES) is None
    assert mapping.control(0, 74, 60, VALUES) == ("knob1", pytest.approx(60 / 127))


def test_a_control_learnt_anew_forgets_what_the_old_one_gave() -> None:
    mapping = Mapping({"knob1": (0, 7)})
    mapping.control(0, 7, 64, VALUES)  # holds the value now
    mapping.learn("knob1")
    mapping.control(0, 8, 0, VALUES)
    assert mapping.control(0, 8, 10, VALUES | {"knob1": 64 / 127}) is None


def test_a_control_does_nothing_until_it_meets_or_crosses_the_value() -> None:
    mapping = Mapping({"knob1": (2, 7)})
    assert mapping.control(2, 7, 10, VALUES) is None
    assert mapping.control(2, 7, 40, VALUES) is None
    assert mapping.control(2, 7, 90, VALUES) == ("knob1", pytest.approx(90 / 127))


def test_a_control_that_has_to_meet_its_value_says_where_it_stands() -> None:
    mapping = Mapping({"knob1": (0, 7)})
    assert mapping.waiting(VALUES) == {}  # nobody knows yet where it stands
    mapping.control(0, 7, 127, VALUES)
    assert mapping.waiting(VALUES) == {"knob1": 1.0}
    assert mapping.control(0, 7, 60, VALUES) is not None
    assert mapping.waiting({"knob1": 60 / 127, "knob2": 0.5}) == {}
    assert mapping.waiting({"knob1": 0.9, "knob2": 0.5}) == {"knob1": pytest.approx(60 / 127)}


def test_a_control_must_be_picked_up_again_when_something_else_moved_the_parameter() -> None:
    mapping = Mapping({})
    mapping.learn("knob1")
    mapping.control(0, 1, 64, VALUES)
    mapping.control(0, 1, 0, VALUES)
    assert mapping.control(0, 1, 10, {"knob1": 0.9}) is None
    assert mapping.control(0, 1, 127, {"knob1": 0.9}) == ("knob1", 1.0)


def test_a_control_serves_one_parameter_and_several_are_learnt_in_a_row() -> None:
    mapping = Mapping({})
    for parameter in ("knob1", "knob2"):
        mapping.learn(parameter)
        mapping.control(0, 1, 64, VALUES)
    assert mapping.bound() == {"knob2": "ch 1 CC 1"}
    mapping.unlearn("knob2")
    mapping.unlearn("knob2")
    assert mapping.bound() == {}


def test_channel_mode_messages_are_no_knobs() -> None:
    mapping = Mapping({})
    mapping.learn("knob1")
    assert mapping.control(0, 123, 0, VALUES) is None
    assert mapping.learning == "knob1"


def test_range_and_curve() -> None:
    knob = Knob(0, 1, low=1.0, high=0.0, curve=2.0)
    assert [knob.value(position) for position in (0, 127)] == [1.0, 0.0]
    assert knob.value(64) == pytest.approx(1.0 - (64 / 127) ** 2)
