"""Where notes lie on the piano roll, and how the picture holds still."""

from engine.bar import PPQN, TICKS_PER_BAR, TICKS_PER_STEP
from engine.snapshot import RollNote
from live.roll import (
    PLAYHEAD,
    blocks,
    compass,
    drum_row,
    first_column,
    kit_of,
    level,
    melody_row,
    peaks,
    ticks_per_column,
)


def test_the_playhead_stands_still_while_the_notes_pass_it() -> None:
    note = RollNote(TICKS_PER_BAR, TICKS_PER_STEP * 2, 0, 60, 90)
    width = 60
    head = int(width * PLAYHEAD)
    (block,) = blocks([note], TICKS_PER_BAR, width, lambda _: 0)
    assert (block.left, block.right, block.sounding) == (head, head + 2, True)
    (earlier,) = blocks([note], TICKS_PER_BAR - 3 * TICKS_PER_STEP, width, lambda _: 0)
    assert (earlier.left, earlier.sounding) == (head + 3, False)


def test_notes_off_the_lane_are_left_out_and_cut_ones_marked() -> None:
    far = RollNote(100 * TICKS_PER_BAR, 10, 0, 60, 90)
    gone = RollNote(0, TICKS_PER_STEP, 0, 60, 90)
    cut = RollNote(0, 3 * TICKS_PER_BAR, 0, 60, 90)
    (block,) = blocks([far, gone, cut], 2 * TICKS_PER_BAR, 30, lambda _: 0)
    assert block.left == 0
    assert block.tied
    assert block.sounding


def test_a_note_that_goes_on_over_the_bar_line_is_struck_once() -> None:
    bar = TICKS_PER_BAR
    first = RollNote(bar - 240, 240, 0, 60, 90)
    on, anew = RollNote(bar, bar, 0, 60, 90, tied=True), RollNote(bar, bar, 0, 64, 90, tied=True)
    assert [block.tied for block in blocks([first, on, anew], bar, 130, lambda _: 0)] == [False, True, False]
    assert level([first, on], bar - 480) == 0.0
    assert 0.0 < level([first, on], bar) < level([first, on, anew], bar)
    assert level([first, on], 2 * bar - 1) > 0.0


def test_a_wide_lane_shows_finer_steps() -> None:
    assert ticks_per_column(130) == TICKS_PER_STEP // 2
    assert ticks_per_column(58) == TICKS_PER_STEP
    assert first_column(0, 60) == -int(60 * PLAYHEAD)


def test_the_compass_grows_at_once_and_shrinks_only_when_notes_would_be_lost_in_it() -> None:
    first = compass([60, 64], 8, None)
    assert first[1] - first[0] + 1 == 8
    assert compass([61], 8, first) == first
    wider = compass([60, 90], 8, first)
    assert wider == (60, 90)
    assert compass([60, 80], 8, wider) == wider
    assert compass([60, 62], 8, wider) != wider
    assert compass([], 8, wider) == wider


def test_higher_pitches_lie_higher_and_every_row_is_on_the_lane() -> None:
    rows = [melody_row(pitch, (36, 96), 8) for pitch in range(30, 100)]
    assert rows == sorted(rows, reverse=True)
    assert set(rows) == set(range(8))


def test_a_kit_spreads_over_the_lane_with_the_kick_below() -> None:
    kit = kit_of([38, 36, 42], ())
    assert kit == (0, 1, 2)
    rows = [drum_row(pitch, kit, 10) for pitch in (36, 38, 42)]
    assert rows == sorted(rows, reverse=True)
    assert len(set(rows)) == 3
    assert all(0 <= row < 10 for row in rows)
    assert kit_of([49], kit) == (0, 1, 2, 7)


def test_the_meter_falls_after_a_stroke() -> None:
    note = RollNote(0, PPQN * 2, 0, 60, 127)
    assert level([note], 0) == 1.0
    assert level([note], PPQN // 2) == 0.5
    assert 0.0 < level([note], PPQN + 1) < 0.2
    assert level([note], PPQN * 3) == 0.0
    assert level([note], -1) == 0.0


def test_figures_lie_under_the_steps_they_tell_of_on_any_grid() -> None:
    for width in (60, 132):
        per, head = ticks_per_column(width), int(width * PLAYHEAD)
        columns = TICKS_PER_BAR // per
        for steps in (8, 16, 40, 96):
            rising = {2: tuple(float(step) for step in range(steps))}
            found = peaks(rising, 2 * TICKS_PER_BAR, width)
            assert len(found) == width
            own = found[head : head + columns]
            assert found[:head] == [None] * head
            assert not any(value is not None for value in found[head + columns :])
            assert own == sorted(own)
            assert own[-1] == steps - 1
            assert own[0] == -(-steps * per // TICKS_PER_BAR) - 1
            assert peaks(rising, 2 * TICKS_PER_BAR + per, width)[head - 1] == own[0]
    assert peaks({0: (1.0,)}, -TICKS_PER_BAR, 60)[: int(60 * PLAYHEAD) + 16] == [None] * 36
    assert peaks({}, 0, 4) == [None] * 4
