"""The guarantee about time: whatever tempo, swing and offset do, no burst, no gap, nothing out of order."""

from itertools import pairwise
from pathlib import Path

import mido
import pytest
from concert import Concert, Integral
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar import PPQN, TICKS_PER_BAR, TICKS_PER_STEP
from engine.midifile import finish
from engine.offset import SLEW
from engine.performance import HEADROOM, STALL
from engine.swing import PAIR
from engine.transport import Transport

BARS = 6
BPM = st.one_of(st.sampled_from([20.0, 300.0]), st.integers(20, 299).map(lambda bpm: bpm + 0.37))
# Off the grid, so that no change falls onto a tick to within rounding.
PAUSE = st.integers(0, 900).map(lambda milliseconds: milliseconds / 1000 + 0.000317)


def plain() -> list[tuple[int, tuple[int, ...]]]:
    """Return (straight tick, message) of every note on and off of an undisturbed performance."""
    concert = Concert(bars=BARS)
    concert.run()
    return [(sent.tick, sent.message) for sent in concert.notes()]


PLAIN = plain()


def whole_and_in_order(concert: Concert) -> None:
    """Check that each note on and off has left exactly once, in the order of time and of ticks."""
    notes = concert.notes()
    assert [sent.message for sent in notes] == [message for _, message in PLAIN]
    for before, after in pairwise(notes):
        assert before.time <= after.time
        assert before.tick <= after.tick
    assert concert.hanging() == set()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(PAUSE, BPM), max_size=20))
def test_the_time_between_notes_is_the_integral_of_the_tempo(changes: list[tuple[float, float]]) -> None:
    concert, integral = Concert(bars=BARS), Integral(HEADROOM, 120.0)
    for pause, bpm in changes:
        concert.until(concert.clock.now() + pause)
        concert.set_bpm(bpm)
        integral.change(bpm, concert.clock.now())
    concert.run()
    whole_and_in_order(concert)
    for sent, (tick, _) in zip(concert.notes(), PLAIN, strict=True):
        assert sent.tick == tick
        assert sent.time == pytest.approx(integral.time_of(tick), abs=1e-6)


def test_taps_in_a_row_and_a_tempo_that_leaps_every_tick_change_no_note() -> None:
    concert, integral = Concert(bars=BARS), Integral(HEADROOM, 120.0)
    concert.until(1.000317)
    for turn in range(400):
        bpm = (20.0, 300.0)[turn % 2]
        concert.set_bpm(bpm)
        integral.change(bpm, concert.clock.now())
        concert.until(concert.clock.now() + 0.0017)
    concert.run()
    whole_and_in_order(concert)
    for sent in concert.notes():
        assert sent.time == pytest.approx(integral.time_of(sent.tick), abs=1e-6)


MOVES = st.one_of(
    st.tuples(st.just("bpm"), BPM),
    st.tuples(st.just("swing"), st.floats(0.0, 1.0)),
    st.tuples(st.just("offset"), st.floats(-0.25, 0.25)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(PAUSE, MOVES), max_size=20),
    st.sampled_from([-0.2, 0.0, 0.03, 0.2]),
    st.integers(0, 2),
)
def test_tempo_swing_and_offset_together_lose_and_reorder_nothing(
    moves: list[tuple[float, tuple[str, float]]], offset: float, count_in: int
) -> None:
    concert = Concert(bars=BARS, offset=offset, count_in=count_in)
    for pause, (what, value) in moves:
        concert.until(concert.clock.now() + pause)
        if what == "bpm":
            concert.set_bpm(value)
        elif what == "swing":
            concert.swing(value)
        else:
            concert.offset(value)
    concert.run()
    clicks = 8 * count_in
    notes, concert.heard = concert.notes(), []
    assert all(sent.tick < 0 for sent in notes[:clicks])
    assert [sent.message for sent in notes[clicks:]] == [message for _, message in PLAIN]
    for sent, (tick, _) in zip(notes[clicks:], PLAIN, strict=True):
        assert tick <= sent.tick <= tick + PAIR // 4
    fastest = 60.0 / 300.0 / PPQN * (1 - SLEW)
    for before, after in pairwise(notes):
        assert before.tick <= after.tick
        # No burst: no faster than the highest tempo while the offset is on its way, to the millisecond or so
        # by which a turn may come late then.
        assert after.time - before.time >= fastest * (after.tick - before.tick) - 0.003
    steps = {(s.time, tick // TICKS_PER_STEP) for s, (tick, _) in zip(notes[clicks:], PLAIN, strict=True)}
    assert len({time for time, _ in steps}) == len(steps)  # never two steps at once


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.floats(-0.02, 0.02), st.floats(0.9, 1.1), st.floats(0.0, 1.0)),
        max_size=25,
    ),
    st.sampled_from([-0.2, 0.0, 0.2]),
    st.sampled_from([20.0, 120.0, 300.0]),
)
def test_corrections_of_phase_bend_the_music_and_break_nothing(
    corrections: list[tuple[int, float, float, float]], offset: float, bpm: float
) -> None:
    """Each moves the master's line by up to 20 ms and its tempo by up to a tenth; swing moves as well."""
    concert = Concert(bars=BARS, bpm=bpm, offset=offset)
    performance = concert.performance
    for pause, off, faster, swing in corrections:
        concert.until(concert.clock.now() + pause / 1000 + 0.000317)
        if not performance.playing:
            continue
        now, line = concert.clock.now(), performance.transport
        goal = Transport(bpm * faster, 0, now + off - line.tick_at(now) * 60.0 / (bpm * faster * PPQN))
        performance.steer(goal, now, 0.05)
        concert.swing(swing)
    concert.run()
    notes = concert.notes()
    assert [sent.message for sent in notes] == [message for _, message in PLAIN]
    quickest = 60.0 / (2.0 * 1.1 * bpm * PPQN)  # a tick, at twice the fastest tempo of the master
    slowest = 60.0 / (0.5 * 0.9 * bpm * PPQN)
    for before, after in pairwise(notes):
        ticks = after.tick - before.tick
        assert ticks >= 0
        assert quickest * ticks - 1e-9 <= after.time - before.time <= slowest * ticks + 1e-9


@pytest.mark.parametrize("offset", [-0.2, -0.05, 0.0, 0.05, 0.2])
@pytest.mark.parametrize(("before", "after"), [(20.0, 300.0), (300.0, 20.0)])
def test_with_an_offset_an_extreme_change_of_tempo_moves_every_note_alike(
    offset: float, before: float, after: float
) -> None:
    """Musical time bends where neither side has been yet; notes are the offset away from it throughout."""
    concert = Concert(bars=BARS, bpm=before, offset=offset)
    first = HEADROOM + max(0.0, -offset)
    concert.until(first + 1.700317)
    concert.set_bpm(after)
    bend = max(concert.clock.now(), concert.clock.now() - offset)
    integral = Integral(first, before)
    integral.change(after, bend)
    concert.run()
    for sent in concert.notes():
        assert sent.time == pytest.approx(integral.time_of(sent.tick) + offset, abs=1e-6)
    assert concert.notes()[0].time >= HEADROOM


def test_clock_pulses_know_nothing_of_offset_and_swing() -> None:
    concert = Concert(bars=2, offset=0.1, parameters={"swing": 1.0})
    concert.until(1.0)
    transport = concert.performance.transport
    assert [transport.time_of(tick) for tick in (0, 120, 480)] == pytest.approx([0.05, 0.175, 0.55])


def test_an_offset_moves_gradually_and_arrives() -> None:
    concert = Concert(bars=BARS)
    concert.until(2.0)
    concert.offset(-0.5)  # clamped
    assert concert.performance.course.offset.wanted == -0.2
    concert.run()
    for sent in concert.notes():
        musical = HEADROOM + sent.tick / (2 * PPQN)
        if musical < 2.0:
            assert sent.time == pytest.approx(musical, abs=1e-9)
        elif sent.time > 3.1:
            assert sent.time == pytest.approx(musical - 0.2, abs=1e-9)
        else:
            assert musical - 0.2 - 1e-9 <= sent.time <= musical + 1e-9
    gaps = [b.time - a.time for a, b in pairwise(s for s in concert.notes() if s.tick % TICKS_PER_STEP == 0)]
    assert min(gap for gap in gaps if gap) > 0.125 * (1 - SLEW) - 0.003


def test_a_take_has_ticks_and_tempo_that_no_offset_has_moved(tmp_path: Path) -> None:
    def taken(name: str, offset: float) -> list[list[tuple[int, str]]]:
        concert = Concert(bars=2, offset=offset)
        concert.record(tmp_path / name)
        concert.until(1.200317 + max(0.0, -offset))
        concert.set_bpm(61.0)
        concert.run()
        journal = concert.finish_take()
        assert journal is not None
        tracks = []
        for track in mido.MidiFile(finish(journal)).tracks:
            now, found = 0, []
            for message in track:
                now += message.time
                found.append((now, message.type))
            tracks.append(found)
        return tracks

    still, late, early = taken("a.mid", 0.0), taken("b.mid", 0.15), taken("c.mid", -0.15)
    assert still[1:] == late[1:] == early[1:]
    takes = (still, late, early)
    bends = [[tick for tick, kind in take[0] if kind == "set_tempo" and tick] for take in takes]
    assert bends[0] == bends[1] == [round((1.200317 - 0.05) * 2 * PPQN + 0.5)]
    assert bends[2][0] == pytest.approx(bends[0][0] + 0.15 * 2 * PPQN, abs=1)


@pytest.mark.parametrize("offset", [-0.2, 0.0, 0.2])
@pytest.mark.parametrize("swing", [0.0, 0.7])
@pytest.mark.parametrize("phase", [0.1, 0.55, 0.93])
def test_after_a_stall_the_music_is_moved_rather_than_rushed(
    offset: float, swing: float, phase: float
) -> None:
    concert = Concert(bars=BARS, offset=offset, parameters={"swing": swing})
    concert.until(HEADROOM + (1 + phase) * 2.0)
    count, before = len(concert.notes()), concert.clock.now()
    concert.clock.wait(before + 2.0, [])
    concert.run()
    whole_and_in_order(concert)
    notes = concert.notes()
    assert notes[count].time >= before + 2.0
    moved = notes[count].time - notes[count - 1].time
    assert 2.0 < moved < 2.0 + 2 * STALL
    for one, other in pairwise(notes[count:]):
        assert other.time - one.time == pytest.approx((other.tick - one.tick) / (2 * PPQN), abs=1e-9)
    assert concert.performance.arranger.late_bars == 0


def test_a_short_stall_is_made_up_for_and_the_next_notes_are_on_time() -> None:
    concert = Concert(bars=BARS)
    concert.until(3.0)
    concert.clock.wait(3.0 + 0.8 * STALL, [])
    concert.run()
    whole_and_in_order(concert)
    for sent in concert.notes():
        nominal = HEADROOM + sent.tick / (2 * PPQN)
        assert sent.time == pytest.approx(max(nominal, 3.0 + 0.8 * STALL if nominal > 3.0 else 0.0), abs=1e-9)


def test_notes_that_are_late_when_the_tempo_falls_are_not_taken_for_a_stall() -> None:
    """Their time is that of the tempo at which they were due: at the new one it would lie far back."""
    concert = Concert(bars=BARS, bpm=300.0)
    concert.until(1.000317)
    late = 0.2  # 480 ticks, 3 s at the tempo to come
    concert.clock.wait(1.000317 + late, [])
    concert.set_bpm(20.0)
    now = concert.clock.now()
    integral = Integral(HEADROOM, 300.0)
    integral.change(20.0, now)
    concert.run()
    whole_and_in_order(concert)
    for sent in concert.notes():
        nominal = integral.time_of(sent.tick)
        assert sent.time == pytest.approx(now if 1.000317 < nominal < now else nominal, abs=1e-6)


def test_a_hundred_thousand_notes_do_not_drift() -> None:
    start, bpm = 86_400.0, 123.4  # a day after the machine was started
    concert = Concert(start, bpm=bpm, parameters={"swing": 2 / 3})
    count = 0
    while count < 100_000:
        concert.heard.clear()
        concert.until(concert.clock.now() + 60.0)
        strikes = [sent for sent in concert.heard if sent.message[0] & 0xF0 == 0x90]
        count, last = count + len(strikes), strikes[-1]
    assert last.time == pytest.approx(start + HEADROOM + last.tick * 60.0 / (bpm * PPQN), abs=1e-6, rel=0)
    assert concert.performance.arranger.late_bars == 0


def test_stop_and_play_under_way_begin_with_the_same_notes(tmp_path: Path) -> None:
    concert = Concert(offset=-0.1, parameters={"swing": 0.6})
    concert.record(tmp_path / "take.mid")
    concert.until(3.0)
    concert.performance.stop(3.0)
    assert concert.hanging() == set()
    first = [(sent.tick, sent.message) for sent in concert.notes() if sent.tick < TICKS_PER_BAR]
    concert.heard.clear()
    concert.set_bpm(90.0)
    concert.performance.play()
    concert.until(8.0)
    again = [(sent.tick, sent.message) for sent in concert.notes() if sent.tick < TICKS_PER_BAR]
    assert again == first
    journal = concert.finish_take()
    tempos = [m.tempo for m in mido.MidiFile(finish(str(journal))).tracks[0] if m.type == "set_tempo"]
    assert tempos == [mido.bpm2tempo(120.0), mido.bpm2tempo(90.0)]
