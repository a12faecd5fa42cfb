"""The count-in: clicks on every beat, notes on time behind them, and neither take nor bars know of it."""

from itertools import pairwise
from pathlib import Path

import mido
import pytest
from concert import Concert
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bar import PPQN, TICKS_PER_BAR
from engine.clicks import HIGH, LOW
from engine.midifile import finish
from engine.performance import HEADROOM

BAR = 2.0  # seconds at 120 beats a minute
ON, OFF = 0x99, 0x89


def music(**changes: object) -> list[tuple[int, tuple[int, ...]]]:
    """Return (tick, message) of an undisturbed performance without a count-in."""
    concert = Concert(bars=2, **changes)
    concert.run()
    return [(sent.tick, sent.message) for sent in concert.notes()]


PLAIN = music()


@pytest.mark.parametrize("bars", [1, 2, 4])
@pytest.mark.parametrize("offset", [-0.15, 0.0, 0.15])
def test_a_click_on_every_beat_and_then_the_music_on_time(bars: int, offset: float) -> None:
    concert = Concert(bars=2, count_in=bars, offset=offset)
    concert.run()
    notes = concert.notes()
    start = HEADROOM + max(0.0, offset)  # of what leaves
    clicks = [sent for sent in notes if sent.tick < 0]
    assert [sent.message[:2] for sent in clicks if sent.message[0] == ON] == [
        (ON, HIGH if beat % 4 == 0 else LOW) for beat in range(4 * bars)
    ]
    assert [sent.message[0] for sent in clicks] == [ON, OFF] * 4 * bars
    for beat, sent in enumerate(sent for sent in clicks if sent.message[0] == ON):
        assert sent.time == pytest.approx(start + beat / 2, abs=1e-9)
        assert sent.tick == (beat - 4 * bars) * PPQN
    assert [(sent.tick, sent.message) for sent in notes[len(clicks) :]] == PLAIN
    for sent in notes[len(clicks) :]:
        assert sent.time == pytest.approx(start + bars * BAR + sent.tick / (2 * PPQN), abs=1e-9)
    assert concert.hanging() == set()


def test_programs_are_chosen_before_the_first_click() -> None:
    concert = Concert(count_in=1)
    concert.until(0.2)
    assert [sent.message[0] & 0xF0 for sent in concert.heard[:4]] == [0xC0] * 3 + [0x90]


@pytest.mark.parametrize("seconds", [0.06, 0.5, 1.3, 2.0])
def test_a_stop_while_it_counts_ends_the_click_and_the_next_start_counts_again(seconds: float) -> None:
    concert = Concert(bars=2, count_in=1)
    concert.until(seconds)
    concert.performance.stop(seconds)
    assert concert.hanging() == set()
    assert not concert.performance.playing
    concert.heard.clear()
    concert.performance.play()
    concert.run()
    notes = concert.notes()
    assert [(sent.tick, sent.message) for sent in notes[8:]] == PLAIN
    assert notes[0].message[:2] == (ON, HIGH)


def test_panic_while_it_counts_ends_the_click() -> None:
    concert = Concert(bars=2, count_in=1)
    concert.until(0.06)
    assert concert.hanging() == {(9, HIGH)}
    concert.panic()
    assert concert.hanging() == set()
    concert.run()
    assert [(sent.tick, sent.message) for sent in concert.notes() if sent.tick >= 0] == PLAIN


def taken(journal: str | None) -> tuple[list[list[tuple[int, tuple[int, ...]]]], list[tuple[int, int]]]:
    """Return each track's notes as (tick, bytes), and the tempo map as (tick, tempo)."""
    assert journal is not None
    tracks, tempos = [], []
    for track in mido.MidiFile(finish(journal)).tracks:
        now, notes = 0, []
        for message in track:
            now += message.time
            if message.type in ("note_on", "note_off"):
                notes.append((now, tuple(message.bytes())))
            elif message.type == "set_tempo":
                tempos.append((now, message.tempo))
        tracks.append(notes)
    return tracks[1:], tempos


def test_no_take_has_the_clicks_and_it_begins_with_bar_1(tmp_path: Path) -> None:
    takes = []
    for count_in in (0, 2):
        concert = Concert(bars=2, count_in=count_in)
        concert.record(tmp_path / f"{count_in}.mid")
        concert.until(0.7)
        if count_in:  # a panic and a tempo in the count-in are not in it either, but for the tempo itself
            concert.panic()
            concert.set_bpm(120.0)
        concert.run()
        takes.append(taken(concert.finish_take())[0])
    assert takes[0] == takes[1]


def test_a_take_through_a_stop_while_it_counts_has_no_hole(tmp_path: Path) -> None:
    concert = Concert(bars=2, count_in=1)
    concert.record(tmp_path / "take.mid")
    concert.until(1.0)
    concert.performance.stop(1.0)
    concert.performance.play()
    concert.until(1.0 + HEADROOM + BAR + 1.5 * BAR)
    concert.performance.stop(concert.clock.now())  # in bar 2: the next start is bar 3 of the take
    concert.performance.play()
    concert.run()
    tracks, _ = taken(concert.finish_take())
    strikes = sorted((tick, note[1:]) for track in tracks for tick, note in track if note[0] & 0xF0 == 0x90)
    plain = sorted((tick, note[1:]) for tick, note in PLAIN if note[0] & 0xF0 == 0x90)
    assert [s for s in strikes if s[0] >= 2 * TICKS_PER_BAR] == [
        (tick + 2 * TICKS_PER_BAR, note) for tick, note in plain
    ]
    assert [s for s in strikes if s[0] < TICKS_PER_BAR] == [s for s in plain if s[0] < TICKS_PER_BAR]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 0.4), st.sampled_from([20.0, 97.0, 300.0])), max_size=8))
def test_a_tempo_tapped_while_it_counts_moves_clicks_and_music_together(
    taps: list[tuple[float, float]],
) -> None:
    concert = Concert(bars=2, count_in=1)
    for pause, bpm in taps:
        concert.until(concert.clock.now() + pause)
        concert.set_bpm(bpm)
    concert.run()
    notes = concert.notes()
    assert [sent.tick for sent in notes[:8:2]] == [-4 * PPQN, -3 * PPQN, -2 * PPQN, -PPQN]
    assert [(sent.tick, sent.message) for sent in notes[8:]] == PLAIN
    assert all(before.time <= after.time for before, after in pairwise(notes))


def test_the_position_counts_down_to_the_first_bar() -> None:
    concert = Concert(bars=2, count_in=2)
    for seconds, bar, beat in ((0.1, -2, 0), (0.6, -2, 1), (2.1, -1, 0), (3.9, -1, 3), (4.1, 0, 0)):
        concert.until(seconds)
        tick = concert.performance.position(seconds)
        assert (tick // TICKS_PER_BAR, tick % TICKS_PER_BAR // PPQN) == (bar, beat)
    concert.performance.count_in = 0  # not before the next start
    concert.run()
    assert len([sent for sent in concert.notes() if sent.tick < 0]) == 16
