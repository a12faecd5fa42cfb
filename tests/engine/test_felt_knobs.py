"""Knobs turned while a feel plays the drums: from which hit on they are heard."""

from array import array
from dataclasses import replace
from itertools import pairwise

import drummed
import pytest
from concert import Concert
from drummed import BARS, Piece, Score
from hand import Hand
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import BAR, STEP
from stage import Composer as Links
from tick_by_tick import reference

from engine.clock import ManualClock
from engine.codec import DRUM_PITCHES
from engine.desk import Desk
from engine.messages import SetParameter, Stop
from engine.performance import HEADROOM
from engine.player import Player
from engine.sinks import MemoryPort
from engine.snapshot import Measured

trio = drummed.trio
AMOUNT = st.floats(0.0, 1.0)
# Off the grid of ticks, so that it is clear which are over.
PAUSE = st.integers(0, 900).map(lambda milliseconds: milliseconds / 1000 + 0.000317)
SHAPES = st.sampled_from(["swing", "tightness", "tightness", "dynamics"])
Turns = list[tuple[float, str, float]]


def turned(trio: Piece, turns: Turns) -> tuple[Score, Turns]:
    """Play while knobs are turned after pauses; return the concert and the turns with their ticks."""
    concert, told = trio.concert(), []
    for pause, name, value in turns:
        concert.until(concert.clock.now() + pause)
        told.append(((concert.clock.now() - HEADROOM) * 960, name, value))
        concert.turn_to(name, value)
    concert.run()
    return concert, told


def in_order(concert: Concert) -> None:
    """Check that nothing goes back in time, nothing is struck late, and each note on has its note off."""
    for before, after in pairwise(concert.notes()):
        assert before.time <= after.time
        assert before.tick <= after.tick
    for sent in concert.notes():
        assert sent.time == pytest.approx(max(HEADROOM + sent.tick / 960, 0.0), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(PAUSE, SHAPES, AMOUNT), max_size=16))
def test_a_turn_is_heard_at_the_next_hit_and_nothing_is_written_anew(trio: Piece, turns: Turns) -> None:
    concert, told = turned(trio, turns)
    assert [request.number for request in concert.asked] == list(range(BARS))
    assert concert.strikes() == reference(concert, told)
    assert concert.hanging() == set()
    in_order(concert)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(PAUSE, st.sampled_from(["knob1", "temperature", "tightness", "swing"]), AMOUNT), max_size=12
    )
)
def test_a_bar_rewritten_from_a_step_on_keeps_the_hits_that_have_been_played(
    trio: Piece, turns: Turns
) -> None:
    concert, told = turned(trio, turns)
    assert concert.hits == trio.hits(concert.rows)  # each bar after the one before it, as that was played
    heard = [turn for turn in told if turn[1] in ("swing", "tightness")]
    assert concert.strikes() == reference(concert, heard)
    assert concert.hanging() == set()
    in_order(concert)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(PAUSE, st.integers(0, 9)), max_size=6))
def test_another_seed_leaves_what_has_been_played(trio: Piece, seeds: list[tuple[float, int]]) -> None:
    concert = trio.concert()
    for pause, seed in seeds:
        concert.until(concert.clock.now() + pause)
        concert.performance.panel.set_seed(seed)
    concert.run()
    assert concert.strikes() == reference(concert, [])
    assert concert.hanging() == set()
    last = concert.performance.arranger.bar(BARS - 1)  # should it have to be played again, then as it was
    played = [(n.tick // 120, n.pitch, n.touch, n.lean) for n in last.notes if n.touch]
    assert played == [(step, DRUM_PITCHES[drum], *hit) for step, drum, *hit in concert.hits[BARS - 1]]


def test_a_hit_before_the_line_belongs_to_its_step(trio: Piece) -> None:
    """Once it has been struck, a knob is heard from the next step on; before, its step is written anew."""
    whole = trio.concert()
    whole.run()
    number = next(n for n in range(1, BARS) if any(h[0] == 0 and h[3] < -12 for h in whole.hits[n]))
    lean = min(hit[3] for hit in whole.hits[number] if hit[0] == 0)
    line = HEADROOM + number * BAR
    for after, expected in ((-0.005, 0), (0.002, 1)):
        concert = trio.concert()
        concert.until(line + lean / 960 + after)
        concert.turn_to("knob1", 0.9)
        concert.run()
        first = min((r.number, r.from_step) for r in concert.asked if r.revision)
        assert first == ((number, expected) if expected else (number - 1, 15)) or first == (number, expected)
        assert concert.hits == trio.hits(concert.rows)
        assert concert.strikes() == reference(concert, [])
        if expected:
            assert concert.rows[number][0] == whole.rows[number][0]


@pytest.mark.parametrize("every", [0.0031, 0.0173, 0.3117])
@pytest.mark.parametrize("seconds", [0.001, 0.008])
def test_a_measured_player_counts_nothing_late_because_of_microtiming(
    trio: Piece, every: float, seconds: float
) -> None:
    """A step is over with its first hit, be it before its time: from then on knobs are heard in the next."""
    clock = ManualClock(stride=0.001)
    composer = Links(clock, lambda _: seconds)
    composer.decode = trio.composer.reply
    times = [0.3 + every * turn for turn in range(int(2 * BAR / every))]
    moves = [(time, SetParameter("knob1", turn % 9 / 9)) for turn, time in enumerate(times)]
    hand = Hand(clock, moves)
    desk = Desk(sinks=[MemoryPort()], composer=composer, live=hand)
    Player(replace(trio.setup, bars=3, measure=True), clock, desk).run()
    (measured,) = (said for said in hand.heard if isinstance(said, Measured))
    assert measured.knob_missed_steps == 0
    assert measured.knob_moves == len(moves)
    assert measured.knob_to_note_worst < 2 * STEP
    due, sent = array("d", measured.due), array("d", measured.sent)
    assert max(s - d for s, d in zip(sent, due, strict=True)) < 1e-6


def test_a_stop_in_the_player_forgets_which_step_had_begun(trio: Piece) -> None:
    stage = trio.stage(bars=None)
    stage.until(1.97 * BAR)
    stage.player.console.obey(Stop(), stage.clock.now())
    stage.player.console.obey(SetParameter("knob1", 0.7), stage.clock.now())
    asked = len(stage.composer.asked)
    for _ in range(50):
        stage.player.turn()
    assert (stage.composer.asked[asked].number, stage.composer.asked[asked].from_step) == (0, 0)
