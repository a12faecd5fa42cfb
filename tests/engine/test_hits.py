"""Hits: how far from the grid and how hard, under every amount of swing and tightness."""

from hypothesis import given
from hypothesis import strategies as st

from engine.bar import TICKS_PER_STEP
from engine.codec import CODECS
from engine.hits import REACH, drums, joined, leant, played, weighed
from engine.swing import swung

AMOUNT = st.floats(0.0, 1.0)
LEAN = st.integers(-REACH, REACH)
STEP = st.integers(-32, 64)


def test_a_hit_leans_as_far_as_it_is_loose() -> None:
    assert [leant(480, -50, 0.0, tight) for tight in (0.0, 0.5, 1.0)] == [430, 455, 480]
    assert [leant(480, 60, 0.0, tight) for tight in (0.0, 0.5, 1.0)] == [539, 510, 480]
    assert leant(0, -REACH, 0.0, 0.0) == -REACH


def test_swing_places_the_step_and_the_lean_is_added() -> None:
    assert leant(120, 20, 0.5, 0.0) == swung(120, 0.5) + 20 == 170
    assert leant(120, 50, 1.0, 0.0) == 180 + 29  # no further than halfway to the step behind it
    assert leant(240, -50, 1.0, 0.0) == 240 - 30


@given(STEP, LEAN, LEAN, AMOUNT, AMOUNT)
def test_hits_of_one_step_come_before_those_of_the_next(
    step: int, one: int, other: int, swing: float, tightness: float
) -> None:
    here, there = step * TICKS_PER_STEP, (step + 1) * TICKS_PER_STEP
    assert leant(here, one, swing, tightness) < leant(there, other, swing, tightness)
    assert leant(here, one, swing, tightness) < swung(there, swing)
    assert swung(here, swing) < leant(there, other, swing, tightness)


@given(STEP, LEAN, AMOUNT, AMOUNT)
def test_a_hit_stays_within_half_a_step_and_on_the_grid_when_it_is_tight(
    step: int, lean: int, swing: float, tightness: float
) -> None:
    tick = step * TICKS_PER_STEP
    assert abs(leant(tick, lean, swing, tightness) - swung(tick, swing)) <= abs(lean)
    assert leant(tick, lean, swing, 1.0) == swung(tick, swing)
    assert leant(tick, 0, swing, tightness) == swung(tick, swing)


@given(st.integers(1, 127), st.integers(1, 127), AMOUNT)
def test_a_velocity_goes_from_the_hand_s_to_the_one_written(written: int, touch: int, tight: float) -> None:
    assert (weighed(written, touch, 1.0), weighed(written, touch, 0.0)) == (written, touch)
    assert min(written, touch) <= weighed(written, touch, tight) <= max(written, touch)
    assert weighed(written, 0, tight) == written


def test_drums_are_found_among_the_voices_and_their_columns() -> None:
    assert {name: drums(codec) for name, codec in CODECS.items()} == {
        "trio": (2, 2),
        "melody": None,
        "drums": (0, 0),
        "roll": None,
    }


def test_a_bar_takes_the_hits_of_its_drums_and_leaves_the_rest() -> None:
    bar = CODECS["trio"].to_bar([(60, 36, 0b101), *[(129, 129, 0)] * 14, (129, 129, 1)])
    other = played(bar, 2, ((0, 0, 99, -7), (0, 2, 12, 0), (3, 0, 50, 5)))
    assert [(n.tick, n.pitch, n.touch, n.lean) for n in other.notes if n.voice == 2] == [
        (0, 36, 99, -7),
        (0, 42, 12, 0),
        (1800, 36, 0, 0),
    ]
    assert [n for n in other.notes if n.voice < 2] == [n for n in bar.notes if n.voice < 2]
    assert (other.held, other.tied) == (bar.held, bar.tied)
    assert played(bar, 2, ()) == bar


def test_hits_are_joined_at_a_step() -> None:
    old, new = ((0, 1, 80, 3), (4, 1, 81, 3), (5, 0, 82, 1)), ((0, 1, 90, 3), (4, 2, 91, 3))
    assert joined(old, new, 4) == (old[0], new[1])
    assert joined(old, new, 0) == new
    assert joined(old, new, 16) == old
