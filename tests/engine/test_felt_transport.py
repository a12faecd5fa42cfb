"""Tempo, offset, stop, mute and a master while a feel plays the drums: no hit is moved or stuck."""

import drummed
import pytest
from drummed import Piece
from stage import BAR

from engine.performance import HEADROOM

trio = drummed.trio


@pytest.mark.parametrize("bpm", [20.0, 63.7, 300.0])
@pytest.mark.parametrize("offset", [-0.1, 0.0, 0.15])
def test_at_every_tempo_and_offset_hits_leave_when_they_are_meant_to(
    trio: Piece, bpm: float, offset: float
) -> None:
    concert, base = trio.concert(bpm=bpm, offset=offset), trio.concert()
    concert.run()
    base.run()
    assert concert.strikes() == base.strikes()
    for sent in concert.notes():
        start = HEADROOM + max(0.0, -offset)
        assert sent.time == pytest.approx(start + sent.tick * 60 / bpm / 480 + offset, abs=1e-6)
    assert concert.performance.arranger.late_bars == 0


def test_a_change_of_tempo_on_the_way_moves_no_hit_off_its_tick(trio: Piece) -> None:
    concert, base = trio.concert(), trio.concert()
    base.run()
    for turn in range(60):
        concert.until(concert.clock.now() + 0.0713)
        concert.set_bpm((40.0, 300.0, 120.0, 77.0)[turn % 4])
    concert.run()
    assert concert.strikes() == base.strikes()
    assert concert.hanging() == set()


@pytest.mark.parametrize("phase", [0.05, 0.48, 0.965, 0.99])
def test_a_stop_and_a_play_begin_with_the_same_hits(trio: Piece, phase: float) -> None:
    concert = trio.concert(bars=None)
    concert.until(HEADROOM + (1 + phase) * BAR)
    concert.performance.stop(concert.clock.now())
    assert concert.hanging() == set()
    first = [strike for strike in concert.strikes() if strike[0] < 1700]
    concert.heard.clear()
    concert.performance.play()
    concert.until(concert.clock.now() + HEADROOM + 1.2 * BAR)
    assert [strike for strike in concert.strikes() if strike[0] < 1700] == first


@pytest.mark.parametrize("tick", [3 * 480, 1919, 1920, 1920 + 1861])
def test_a_master_goes_on_from_any_tick_without_a_stuck_or_doubled_hit(trio: Piece, tick: int) -> None:
    concert, base = trio.concert(bars=6), trio.concert(bars=6)
    base.run()
    concert.until(HEADROOM + 1.3 * BAR)
    now = concert.clock.now()
    concert.performance.halt(now)
    assert concert.hanging() == set()
    concert.heard.clear()
    concert.performance.cue(tick)
    concert.until(now + 0.1)
    line = concert.performance.transport.moved_to(tick, now + 0.2)
    concert.performance.enter(line, now + 0.2)
    assert concert.performance.playing
    concert.until(now + 0.2 + 2 * BAR)
    concert.performance.halt(concert.clock.now())
    assert concert.hanging() == set()
    later = [strike for strike in concert.strikes() if strike[0] > tick + 180]
    assert later
    expected = [strike for strike in base.strikes() if tick + 180 < strike[0] <= later[-1][0]]
    assert later == expected


def test_mute_and_panic_in_the_midst_of_hits_hang_none(trio: Piece) -> None:
    concert = trio.concert()
    for turn in range(90):
        concert.until(concert.clock.now() + 0.0437)
        if turn % 7 == 0:
            concert.mute(trio.voice, turn % 2 == 0)
        if turn % 11 == 0:
            concert.panic()
        concert.turn_to(("tightness", "knob1")[turn % 2], turn % 5 / 4)
    concert.run()
    assert concert.hanging() == set()
