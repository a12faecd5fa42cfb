"""Swing: where each tick goes, and what moving it does to the music."""

from itertools import pairwise
from pathlib import Path

import mido
import pytest
import toy_composer
from concert import Concert
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar import PPQN, TICKS_PER_STEP
from engine.midifile import finish
from engine.render import render
from engine.swing import PAIR, straight, swung

AMOUNT = st.floats(0.0, 1.0)
TICK = st.integers(-(10**6), 10**7)


def test_even_sixteenths_stay_and_odd_ones_come_later() -> None:
    assert [swung(step * TICKS_PER_STEP, 0.0) for step in range(4)] == [0, 120, 240, 360]
    assert [swung(step * TICKS_PER_STEP, 2 / 3) for step in range(4)] == [0, 160, 240, 400]  # triplets
    assert [swung(step * TICKS_PER_STEP, 1.0) for step in range(4)] == [0, 180, 240, 420]
    assert swung(-120, 1.0) == -60  # before the first bar as well


@settings(deadline=None)
@given(TICK, AMOUNT)
def test_no_tick_overtakes_another_and_pairs_stay_where_they_are(tick: int, amount: float) -> None:
    assert swung(tick, amount) <= swung(tick + 1, amount)
    assert tick <= swung(tick, amount) <= tick + PAIR // 4
    pair = tick // PAIR * PAIR
    assert swung(pair, amount) == pair == straight(pair, amount)
    assert swung(tick, 0.0) == tick == straight(tick, 0.0)


@settings(deadline=None)
@given(TICK, AMOUNT)
def test_the_inverse_is_the_last_tick_that_is_sent_by_then(tick: int, amount: float) -> None:
    last = straight(tick, amount)
    assert swung(last, amount) <= tick < swung(last + 1, amount)


@settings(deadline=None)
@given(TICK, AMOUNT, AMOUNT)
def test_more_swing_is_never_earlier(tick: int, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert swung(tick, less) <= swung(tick, more)


def straight_notes(bars: int) -> list[tuple[int, tuple[int, ...]]]:
    """Return (tick, message) of the toy's notes without swing."""
    concert = Concert(bars=bars)
    concert.run()
    return [(sent.tick, sent.message) for sent in concert.notes()]


PLAIN = straight_notes(4)


@pytest.mark.parametrize("amount", [0.25, 2 / 3, 1.0])
def test_every_note_on_and_off_is_sent_on_its_swung_tick_and_time(amount: float) -> None:
    concert = Concert(bars=4, parameters={"swing": amount})
    concert.run()
    assert [(s.tick, s.message) for s in concert.notes()] == [(swung(t, amount), m) for t, m in PLAIN]
    for sent in concert.notes():
        assert sent.time == pytest.approx(0.05 + sent.tick / (2 * PPQN), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 0.6), AMOUNT), max_size=15))
def test_a_moving_swing_loses_doubles_and_reorders_nothing(moves: list[tuple[float, float]]) -> None:
    concert = Concert(bars=4)
    for pause, amount in moves:
        concert.until(concert.clock.now() + pause)
        concert.swing(amount)
    concert.run()
    sent = concert.notes()
    assert [s.message for s in sent] == [message for _, message in PLAIN]
    assert all(before.time <= after.time for before, after in pairwise(sent))
    assert all(before.tick <= after.tick for before, after in pairwise(sent))
    for one, (tick, _) in zip(sent, PLAIN, strict=True):
        assert tick <= one.tick <= tick + PAIR // 4
        assert one.time == pytest.approx(0.05 + one.tick / (2 * PPQN), abs=1e-9)
    steps: dict[float, set[int]] = {}
    for one, (tick, _) in zip(sent, PLAIN, strict=True):
        steps.setdefault(one.time, set()).add(tick // TICKS_PER_STEP)
    assert all(len(together) == 1 for together in steps.values())  # never two steps at once


def test_a_note_on_its_way_goes_where_the_swing_goes() -> None:
    def odd_steps(before: float, after: float, at: float) -> set[int]:
        concert = Concert(bars=1, parameters={"swing": before})
        concert.until(0.05 + at / (2 * PPQN))
        concert.swing(after)
        concert.run()
        inside = {s.tick % PAIR for s in concert.notes() if s.tick < PAIR}
        return inside - {0}

    assert odd_steps(1.0, 0.5, 20.0) == {150}  # still to come
    assert odd_steps(1.0, 0.0, 150.5) == {151}  # would have been due at 120: now, on the next tick
    assert odd_steps(0.0, 1.0, 100.0) == {180}
    assert odd_steps(0.0, 1.0, 130.0) == {120}  # has left: not again


def test_swing_asks_the_composer_for_nothing() -> None:
    concert = Concert()
    concert.until(1.0)
    revision = concert.performance.panel.revision
    concert.swing(0.8)
    assert concert.performance.panel.revision == revision
    assert concert.performance.request(concert.clock.now()) is None


def ticks(path: Path) -> list[list[int]]:
    """Return the ticks of the notes in each track of a take."""
    found = []
    for track in mido.MidiFile(path).tracks[1:]:
        now, at = 0, []
        for message in track:
            now += message.time
            if message.type in ("note_on", "note_off"):
                at.append(now)
        found.append(at)
    return found


def test_a_take_has_the_swung_ticks_and_a_render_the_same(tmp_path: Path) -> None:
    swing = {"swing": 0.5}
    concert = Concert(bars=4, parameters=swing, record=str(tmp_path / "take.mid"))
    concert.record(tmp_path / "take.mid")
    concert.run()
    take = concert.finish_take()
    assert take is not None
    played = ticks(Path(finish(take)))
    assert sorted(tick for track in played for tick in track) == [s.tick for s in concert.notes()]
    assert any(tick % PAIR == 150 for track in played for tick in track)
    rendered = render(toy_composer.setup(parameters=swing), toy_composer.decode, 4, tmp_path / "other.mid")
    assert ticks(rendered) == played


def test_the_tick_shown_is_that_of_the_notes_as_they_are_written() -> None:
    concert = Concert(parameters={"swing": 1.0})
    concert.until(0.05 + 179.5 / (2 * PPQN))
    assert concert.performance.position(concert.clock.now()) < TICKS_PER_STEP
    concert.until(0.05 + 180.5 / (2 * PPQN))
    assert concert.performance.position(concert.clock.now()) == TICKS_PER_STEP
    assert concert.performance.tick(concert.clock.now()) == 180
