"""Which step is the first to reflect a moved knob, and which steps fail it."""

import pytest

from engine.bar import STEPS_PER_BAR
from engine.response import LIMIT, Responses
from engine.tally import BINS, WIDTH, Tally

STEP = 0.125


def playing(revision: int = 0, bars: int = 8) -> Responses:
    """Return the bookkeeping of a performance of `bars` bars, all of `revision`, about to begin."""
    responses = Responses()
    for bar in range(bars):
        responses.accepted(revision, bar, 0)
    responses.started()
    return responses


def go(responses: Responses, steps: int, start: float = 0.0) -> None:
    """Let `steps` steps pass, step 0 being at `start`."""
    for _ in range(steps):
        responses.passed(start + responses.next_step * STEP)


def waits(responses: Responses) -> list[int]:
    """Return how long each move took to its step, in the milliseconds that it is counted in, in order."""
    counts = responses.to_note.counts
    return [place // 10 for place, count in enumerate(counts) for _ in range(count)]


def judged(responses: Responses) -> tuple[int, int, int]:
    return responses.moves, responses.asked, responses.missed


def test_a_move_is_heard_in_the_step_from_which_its_reply_plays() -> None:
    responses = playing()
    go(responses, 3)
    responses.moved(1, 0.3)
    responses.accepted(1, 0, 3)
    go(responses, 2)
    assert waits(responses) == [75]
    assert judged(responses) == (1, 1, 0)


def test_what_changes_nothing_is_no_move() -> None:
    responses = playing(revision=4)
    responses.moved(0, 0.1)
    go(responses, 3)
    responses.moved(5, 0.3)
    responses.moved(5, 0.31)
    responses.moved(4, 0.32)
    assert responses.moves == 1


def test_several_moves_before_one_reply_share_its_step() -> None:
    responses = playing()
    go(responses, 1)
    for revision, arrived in ((1, 0.01), (2, 0.04), (3, 0.09)):
        responses.moved(revision, arrived)
    responses.accepted(3, 0, 1)
    go(responses, 1)
    assert waits(responses) == [35, 85, 115]
    assert judged(responses) == (3, 1, 0)


def test_a_step_missed_is_one_whatever_number_of_moves_it_fails() -> None:
    responses = playing()
    go(responses, 1)
    for revision, arrived in ((1, 0.01), (2, 0.04), (3, 0.09)):
        responses.moved(revision, arrived)
    responses.accepted(2, 0, 2)
    go(responses, 2)  # step 1 reflects nothing, step 2 all but the last
    assert waits(responses) == [210, 240]
    assert judged(responses) == (3, 2, 2)
    responses.accepted(3, 0, 3)
    go(responses, 1)
    assert judged(responses) == (3, 3, 2)
    assert responses.to_note.worst == pytest.approx(3 * STEP - 0.09)


@pytest.mark.parametrize(
    ("before", "missed"), [(LIMIT, 1), (LIMIT + 1e-4, 1), (LIMIT - 1e-4, 0), (0.0, 0), (-0.01, 0)]
)
def test_a_step_must_reflect_what_came_exactly_at_the_limit(before: float, missed: int) -> None:
    for step in range(1, 12):  # sums of floating point fall on either side
        responses = playing()
        go(responses, step)
        responses.moved(1, step * STEP - before)
        go(responses, 1)
        assert responses.missed == missed, step
        responses.accepted(1, 0, step + 1)
        go(responses, 1)
        assert judged(responses) == (1, 1 + missed, missed)


def test_a_move_in_the_last_steps_of_a_bar_may_come_with_the_next_bar() -> None:
    responses = playing()
    go(responses, STEPS_PER_BAR - 1)
    late = 14 * STEP + 0.11  # 15 ms before the last step
    responses.moved(1, late)
    responses.accepted(1, 1, 0)
    go(responses, 2)
    assert waits(responses) == [round(1000 * (STEPS_PER_BAR * STEP - late))]
    assert judged(responses) == (1, 1, 0)


def test_the_rest_of_the_bar_counts_where_the_next_bar_was_written_first() -> None:
    responses = playing(bars=1)
    go(responses, 10)
    responses.moved(1, 9.1 * STEP)
    responses.accepted(1, 1, 0)
    responses.accepted(1, 0, 12)
    go(responses, 3)
    assert waits(responses) == [int(1000 * 2.9 * STEP)]
    assert judged(responses) == (1, 3, 2)  # steps 10 and 11 did not reflect it, step 12 did


def test_a_next_bar_of_an_older_state_fails_again() -> None:
    responses = playing()
    go(responses, 3)
    responses.moved(1, 0.3)
    responses.accepted(1, 0, 3)
    go(responses, STEPS_PER_BAR - 3)
    assert responses.missed == 0
    go(responses, 2)
    assert responses.missed == 2
    responses.accepted(1, 1, 2)
    go(responses, 2)
    assert judged(responses) == (1, 3, 2)
    assert len(waits(responses)) == 1


def test_a_bar_that_did_not_come_is_as_old_as_the_one_it_repeats() -> None:
    responses = playing(revision=2, bars=1)
    go(responses, STEPS_PER_BAR)
    go(responses, 2)
    assert responses.missed == 0
    responses.moved(3, 17 * STEP + 0.01)
    go(responses, 2)
    assert judged(responses) == (1, 2, 2)


def test_a_stop_drops_what_was_not_heard_and_the_bars_that_were_written() -> None:
    responses = playing()
    go(responses, 2)
    responses.moved(1, 0.2)
    responses.stopped()
    responses.moved(2, 5.0)  # while nothing plays
    responses.accepted(2, 0, 0)
    responses.started()
    go(responses, 4, start=6.0)
    assert (responses.dropped, responses.missed, len(waits(responses))) == (2, 0, 0)
    responses.moved(3, 6.45)
    responses.accepted(3, 0, 4)
    go(responses, 1, start=6.0)
    assert waits(responses) == [50]
    assert judged(responses) == (3, 1, 0)


def test_a_sweep_that_never_ends_is_counted_to_its_end() -> None:
    responses, early, late = playing(bars=1), 150_000, 50_000
    for revision in range(1, early + 1):
        responses.moved(revision, 0.1)
    responses.accepted(early, 0, 1)
    go(responses, 2)
    for revision in range(early + 1, early + late + 1):
        responses.moved(revision, 0.2)
    responses.accepted(early + late, 0, 2)
    go(responses, 1)
    counts = {round(place * WIDTH, 4): n for place, n in enumerate(responses.to_note.counts) if n}
    assert counts == {0.025: early, 0.05: late}
    assert responses.to_note.worst == pytest.approx(0.05)


def test_what_takes_longer_than_is_counted_is_counted_as_the_longest_and_its_time_kept() -> None:
    tally = Tally()
    for seconds in (0.0, 0.00004, 0.00006, 10.0, 20.0):
        tally.add(seconds)
    assert (tally.counts[0], tally.counts[1], tally.counts[BINS - 1]) == (2, 1, 2)
    assert (sum(tally.counts), tally.worst) == (5, 20.0)
