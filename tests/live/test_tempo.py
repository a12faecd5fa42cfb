"""Tap tempo: what a foot, a bouncing key and a change of mind make of it."""

from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.tempo import BOUNCE, PAUSE, Taps


def tapped(*gaps: float, start: float = 100.0) -> list[float | None]:
    """Return what each tap says, the first at `start` and the others after `gaps` in seconds."""
    taps = Taps()
    return [taps.tap(moment) for moment in accumulate(gaps, initial=start)]


def test_the_first_tap_says_nothing_and_the_second_says_the_tempo() -> None:
    assert tapped(0.5, 0.5) == [None, 120.0, 120.0]


@pytest.mark.parametrize("bpm", [20.0, 29.0, 120.0, 300.0])
def test_the_whole_range_of_tempos_can_be_tapped(bpm: float) -> None:
    assert tapped(*[60.0 / bpm] * 4)[1:] == [bpm] * 4


def test_a_double_tap_and_a_key_that_repeats_itself_count_once() -> None:
    assert tapped(0.5, 0.5, 0.03, 0.47, 0.5) == [None, 120.0, 120.0, None, 120.0, 120.0]
    assert tapped(*[0.033] * 30) == [None] * 31


def test_a_tap_that_went_astray_changes_nothing() -> None:
    said = tapped(0.5, 0.5, 0.5, 0.7, 0.3, 0.5, 0.5)
    assert [bpm for bpm in said if bpm is not None] == [120.0] * 5
    said = tapped(0.5, 0.5, 0.5, 0.6, 0.4, 0.5, 0.5)  # and one not far enough off to be left out
    answers = [bpm for bpm in said if bpm is not None]
    assert len(answers) >= 5
    assert all(abs(bpm - 120.0) < 1.0 for bpm in answers)


def test_a_tap_left_out_does_not_halve_the_tempo_but_two_in_a_row_do() -> None:
    assert tapped(0.5, 0.5, 0.5, 1.0, 0.5)[1:] == [120.0] * 5
    assert tapped(0.5, 0.5, 0.5, 1.0, 1.0, 1.0)[-2:] == [60.0, 60.0]


@pytest.mark.parametrize("gap", [0.25, 0.3, 0.35, 0.7, 0.8, 1.0])
def test_another_tempo_is_taken_from_its_third_tap_on(gap: float) -> None:
    assert tapped(*[0.5] * 7, gap, gap)[-1] == pytest.approx(60.0 / gap, abs=0.1)


@pytest.mark.parametrize("pause", [1.3, 2.5, PAUSE + 0.1, 60.0])
def test_after_a_pause_it_starts_anew(pause: float) -> None:
    assert tapped(0.5, 0.5, 0.5, pause, 0.4, 0.4)[-3:] == [None, 150.0, 150.0]


@settings(deadline=None)
@given(
    st.floats(20.0, 300.0),
    st.lists(st.floats(-0.06, 0.06), min_size=8, max_size=8),
    st.integers(0, 7),
    st.floats(-0.2, 0.2),
)
def test_unsteady_taps_with_one_astray_are_within_a_few_percent(
    bpm: float, unsteady: list[float], stray: int, by: float
) -> None:
    """Eight taps, each up to 6 % of a beat off its time and one up to 20 %."""
    beat = 60.0 / bpm
    errors = [by if index == stray else error for index, error in enumerate(unsteady)]
    taps, said = Taps(), []
    for index, error in enumerate(errors):
        said.append(taps.tap(1000.0 + (index + error) * beat))
    tempos = [tempo for tempo in said if tempo is not None]
    assert abs(tempos[-1] / bpm - 1.0) < 0.15


@settings(deadline=None)
@given(st.lists(st.floats(0.0, 5.0), max_size=30))
def test_no_taps_give_a_tempo_out_of_range_or_of_a_bounce(gaps: list[float]) -> None:
    for gap, bpm in zip(gaps, tapped(*gaps)[1:], strict=True):
        assert bpm is None or (20.0 <= bpm <= 300.0 and gap >= BOUNCE * 0.999)
