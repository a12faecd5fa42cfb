"""Performances whose drums a feel plays, against a plain reference that goes from tick to tick."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle, pairwise
from math import floor
from multiprocessing import Pipe
from pathlib import Path

import mido
import pytest
import torch
from concert import Concert, Sent
from hand import Hand
from hypothesis import given, settings
from hypothesis import strategies as st
from stage import BAR, STEP, Stage
from stage import Composer as Links
from toy_feels import by_hand, setup

from engine import errands, opening
from engine.arranger import Arranger
from engine.clock import ManualClock
from engine.codec import CODECS, DRUM_PITCHES
from engine.composer import Composer
from engine.desk import Desk
from engine.dynamics import shape
from engine.hits import drums
from engine.messages import SetParameter, Stop
from engine.midifile import finish
from engine.performance import HEADROOM
from engine.player import Player
from engine.render import render
from engine.request import BarReply, BarRequest, ComposerState
from engine.sinks import MemoryPort
from engine.snapshot import Measured
from engine.swing import swung

BARS = 4
FORMS = [("trio", "bar"), ("drums", "endless"), ("drums", "window")]


class Piece:
    """A performance's setup and the composer that has opened its files."""

    def __init__(self, folder: Path, codec: str, memory: str) -> None:
        self.setup = setup(folder, codec, memory)
        self.composer = Composer(self.setup.model, self.setup.feel_file)
        found = drums(CODECS[codec])
        assert found is not None
        self.voice, self.column = found
        self.channel = self.setup.voices[self.voice].channel

    def concert(self, **changes: object) -> Concert:
        shared = ("manifest", "voices", "axes", "feel")
        fields = {name: getattr(self.setup, name) for name in shared}
        return Score(self, **(fields | {"bars": BARS} | changes))

    def stage(self, seconds: Callable[[BarRequest], float] = lambda _: 0.001, **changes: object) -> Stage:
        shared = ("manifest", "voices", "axes", "feel")
        fields = {name: getattr(self.setup, name) for name in shared}
        stage = Stage(seconds, **(fields | {"bars": BARS} | changes))
        stage.composer.decode = self.composer.reply
        return stage

    def hits(
        self, rows: dict[int, tuple[tuple[int, ...], ...]], seed: int = 0
    ) -> dict[int, list[tuple[int, ...]]]:
        """Return the hits of bars one after the other, by the Python module."""
        state, found = torch.zeros(2), {}
        for number in sorted(rows):
            column = [row[self.column] for row in rows[number]]
            hits, state = by_hand(column, state, seed, *divmod(number, self.setup.manifest.bars))
            found[number] = list(hits)
        return found


class Score(Concert):
    """A concert that writes down what each bar has become, step by step as it was asked for."""

    def __init__(self, piece: Piece, **changes: object) -> None:
        self.piece = piece
        self.rows: dict[int, tuple[tuple[int, ...], ...]] = {}
        self.hits: dict[int, list[tuple[int, ...]]] = {}
        self.known: dict[int, int] = {}  # when each step, counted from the start, was written last, as a tick
        self.zero = HEADROOM + BAR * changes.get("count_in", 0)  # the time of the first bar
        super().__init__(decode=self.reply, **changes)

    def reply(self, request: BarRequest) -> BarReply:
        reply = self.piece.composer.reply(request)
        kept = [hit for hit in self.hits.get(reply.number, []) if hit[0] < reply.from_step]
        self.hits[reply.number] = [*kept, *(hit for hit in reply.hits if hit[0] >= reply.from_step)]
        self.rows[reply.number] = reply.tokens
        tick = floor((self.clock.now() - self.zero) * 960 + 1e-6)
        self.known |= {reply.number * 16 + step: tick for step in range(reply.from_step, 16)}
        return reply

    def turn_to(self, name: str, value: float) -> None:
        self.performance.panel.set_parameter(name, value)

    def strikes(self) -> list[tuple[int, int, int]]:
        """Return (tick, pitch, velocity) of the drums heard."""
        return struck(self.heard, self.piece.channel)


def struck(heard: list[Sent], channel: int) -> list[tuple[int, int, int]]:
    return [(sent.tick, *sent.message[1:]) for sent in heard if sent.message[0] == 0x90 | channel]


def place(step: int, lean: int, swing: float, tightness: float) -> int:
    """Return where a hit is struck: its lean off its step, within half the way to the one beside it."""
    at, before, after = (swung((step + side) * 120, swing) for side in (0, -1, 1))
    low, high = at - (at - before) // 2, at + (after - at - 1) // 2
    return min(high, max(low, at + round(lean * (1 - tightness))))


def reference(
    concert: Score, turns: list[tuple[float, str, float]], first: int = 0
) -> list[tuple[int, int, int]]:
    """Return (tick, pitch, velocity) of hits that wait for their tick, whatever the knobs say by then.

    One that has been written anew since its tick comes at once. `turns` are (tick after which, parameter,
    value).
    """
    knobs = {"swing": 0.0, "tightness": 0.0, "dynamics": 0.5}
    written, waiting = as_written(concert), []
    for number in sorted(concert.hits):
        for step, drum, loud, lean in concert.hits[number]:
            at, pitch = number * 16 + step, DRUM_PITCHES[drum]
            waiting.append((at, pitch, loud, lean, written[at, pitch]))
    heard, coming = [], sorted(turns, key=lambda turn: turn[0])
    for tick in range(first, (max(concert.hits) + 1) * 1920):
        while coming and coming[0][0] < tick:
            _, name, value = coming.pop(0)
            knobs[name] = value
        tight = knobs["tightness"]
        near = [hit for hit in waiting[:40] if hit[0] * 120 <= tick + 120 and concert.known[hit[0]] < tick]
        for hit in sorted(near):
            step, pitch, loud, lean, plain = hit
            if place(step, lean, knobs["swing"], tight) <= tick:
                velocity = shape(round(loud + (plain - loud) * tight), knobs["dynamics"])
                heard.append((tick, pitch, velocity))
                waiting.remove(hit)
    assert not waiting
    return heard


def as_written(concert: Score) -> dict[tuple[int, int], int]:
    """Return the velocity of each hit as the codec has it, by step from the start and pitch."""
    codec = CODECS[concert.piece.setup.manifest.codec]
    return {
        (number * 16 + note.tick // 120, note.pitch): note.velocity
        for number, rows in concert.rows.items()
        for note in codec.to_bar(rows).notes
        if note.voice == concert.piece.voice
    }


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def piece(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Piece:
    return Piece(tmp_path_factory.mktemp("felt"), *request.param)


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Piece:
    return Piece(tmp_path_factory.mktemp("felt"), "trio", "bar")


def plain(trio: Piece, **changes: object) -> list[Sent]:
    """Return the notes of the same performance without the feel."""
    concert = Concert(
        decode=Composer(trio.setup.model).reply,
        **({"manifest": trio.setup.manifest, "voices": trio.setup.voices, "bars": BARS} | changes),
    )
    concert.run()
    return concert.notes()


def test_drums_are_played_as_the_module_plays_them_bar_after_bar(piece: Piece) -> None:
    concert = piece.concert()
    concert.run()
    assert concert.hits == piece.hits(concert.rows)
    assert concert.strikes() == reference(concert, [])
    assert len({tuple(hits) for hits in concert.hits.values()}) == BARS
    assert concert.hanging() == set()
    assert [request.number for request in concert.asked] == list(range(BARS))
    early = [tick for tick, _, _ in concert.strikes() if tick % 1920 > 1860]
    assert early  # before their bar line
    assert concert.performance.arranger.late_bars == 0


def test_tight_it_is_the_performance_without_the_feel(trio: Piece) -> None:
    concert = trio.concert(parameters={"tightness": 1.0})
    concert.run()
    assert [(s.tick, s.message) for s in concert.notes()] == [(s.tick, s.message) for s in plain(trio)]


def test_the_other_voices_are_as_they_are_without_the_feel(trio: Piece) -> None:
    concert = trio.concert()
    concert.run()
    for channel in (0, 1):
        own = [(s.tick, s.message) for s in concert.notes() if s.message[0] & 0x0F == channel]
        assert own == [(s.tick, s.message) for s in plain(trio) if s.message[0] & 0x0F == channel]


AMOUNT = st.floats(0.0, 1.0)
# Off the grid of ticks, so that it is clear which are over.
PAUSE = st.integers(0, 900).map(lambda milliseconds: milliseconds / 1000 + 0.000317)
SHAPES = st.sampled_from(["swing", "tightness", "tightness", "dynamics"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(PAUSE, SHAPES, AMOUNT), max_size=16))
def test_a_turn_is_heard_at_the_next_hit_and_nothing_is_written_anew(
    trio: Piece, turns: list[tuple[float, str, float]]
) -> None:
    concert, told = trio.concert(), []
    for pause, name, value in turns:
        concert.until(concert.clock.now() + pause)
        told.append(((concert.clock.now() - HEADROOM) * 960, name, value))
        concert.turn_to(name, value)
    concert.run()
    assert [request.number for request in concert.asked] == list(range(BARS))
    assert concert.strikes() == reference(concert, told)
    assert concert.hanging() == set()
    in_order(concert)


def in_order(concert: Concert) -> None:
    """Check that nothing goes back in time, nothing is struck late, and each note on has its note off."""
    for before, after in pairwise(concert.notes()):
        assert before.time <= after.time
        assert before.tick <= after.tick
    for sent in concert.notes():
        assert sent.time == pytest.approx(max(HEADROOM + sent.tick / 960, 0.0), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(PAUSE, st.sampled_from(["knob1", "temperature", "tightness", "swing"]), AMOUNT), max_size=12
    )
)
def test_a_bar_rewritten_from_a_step_on_keeps_the_hits_that_have_been_played(
    trio: Piece, turns: list[tuple[float, str, float]]
) -> None:
    concert, told = trio.concert(), []
    for pause, name, value in turns:
        concert.until(concert.clock.now() + pause)
        told.append(((concert.clock.now() - HEADROOM) * 960, name, value))
        concert.turn_to(name, value)
    concert.run()
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


def test_a_composer_that_dies_leaves_no_trace(piece: Piece) -> None:
    def play(dies: bool) -> list[tuple[int, ...]]:
        stage = piece.stage(lambda _: 0.2, bars=6)
        stage.until(1.2 * BAR)
        stage.live.send(SetParameter("knob1", 0.9))
        while not stage.composer.busy or stage.composer.asked[-1].number < 3:
            stage.player.turn()
        if dies:
            stage.composer.replace(ComposerState("dead", "killed"), ComposerState("ready"))
            stage.composer.decode = Composer(piece.setup.model, piece.setup.feel_file).reply
        stage.player.run()
        assert stage.player.performance.arranger.late_bars == 0
        assert stage.hanging() == set()
        return [tuple(event.message) for event in stage.heard]

    assert play(dies=True) == play(dies=False)


def test_a_late_bar_is_the_one_before_again_and_the_drummer_goes_on_from_it(trio: Piece) -> None:
    stage = trio.stage(lambda request: 2.5 * BAR if request.number == 3 else 0.001, bars=6)
    replies: list[BarReply] = []
    stage.composer.decode = lambda request: replies.append(trio.composer.reply(request)) or replies[-1]
    stage.player.run()
    assert stage.player.performance.arranger.late_bars == 1
    assert stage.hanging() == set()
    by_number = {reply.number: reply for reply in replies}
    fourth = next(request for request in stage.composer.asked if request.number == 4)
    assert (fourth.state, fourth.past) == (by_number[2].state, (by_number[2].tokens,))
    rows = {number: by_number[2 if number == 3 else number].tokens for number in range(6)}
    assert list(by_number[4].hits) == trio.hits(rows)[4]


def test_two_renders_are_equal_byte_for_byte_whichever_composer_writes_a_bar(
    piece: Piece, tmp_path: Path
) -> None:
    turns = cycle([piece.composer, Composer(piece.setup.model, piece.setup.feel_file)])

    def take(name: str, seed: int) -> bytes:
        decode = piece.composer.reply if name != "both" else lambda request: next(turns).reply(request)
        return render(replace(piece.setup, seed=seed), decode, 5, tmp_path / f"{name}.mid").read_bytes()

    assert take("one", 3) == take("both", 3)
    assert take("again", 3) != take("other", 4)


def on_ticks(path: Path, channel: int) -> list[tuple[int, int, int]]:
    """Return (tick, pitch, velocity) of the note ons of a channel in a take."""
    found = []
    for track in mido.MidiFile(path).tracks[1:]:
        now = 0
        for message in track:
            now += message.time
            if message.type == "note_on" and message.channel == channel:
                found.append((now, message.note, message.velocity))
    return found


def test_takes_have_the_hits_as_they_were_played(trio: Piece, tmp_path: Path) -> None:
    concert = trio.concert(parameters={"swing": 0.4, "tightness": 0.2})
    concert.record(tmp_path / "take.mid")
    concert.run()
    taken = concert.finish_take()
    assert taken is not None
    played = concert.strikes()
    assert on_ticks(Path(finish(taken)), trio.channel) == played
    rendered = render(
        replace(trio.setup, parameters={"swing": 0.4, "tightness": 0.2}),
        trio.composer.reply,
        BARS,
        tmp_path / "r.mid",
    )
    assert on_ticks(rendered, trio.channel) == played
    assert any(tick % 60 for tick, _, _ in played)


def opened(piece: Piece) -> Iterator[int]:
    """Yield seeds under which the first hits of the first bar lean ahead of it."""
    for seed in range(100):
        reply = piece.composer.reply(Arranger(replace(piece.setup, seed=seed)).request(0))
        if any(step == 0 and lean < -20 for step, _, _, lean in reply.hits):
            yield seed


def test_before_the_first_bar_there_is_room_for_its_early_hits_only_in_a_count_in(
    trio: Piece, tmp_path: Path
) -> None:
    seed = next(opened(trio))
    alone, counted = trio.concert(seed=seed), trio.concert(seed=seed, count_in=1)
    counted.record(tmp_path / "take.mid")
    for concert in (alone, counted):
        concert.run()
        assert concert.hanging() == set()
    assert alone.strikes()[0][0] == 0
    assert alone.strikes() == reference(alone, [])
    hits = [strike for strike in counted.strikes() if strike[1] not in (76, 77)]  # but the clicks
    assert hits == reference(counted, [], first=-60)
    assert hits[0][0] < -10
    taken = counted.finish_take()
    assert taken is not None
    kept = on_ticks(Path(finish(taken)), trio.channel)
    assert kept == [(max(0, tick), pitch, loud) for tick, pitch, loud in hits]


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


def carried(piece: Piece, bars: int, folder: Path) -> opening.Opening:
    """Return the opening that `live opening` writes."""
    near, far = Pipe()
    errands.opening(far, piece.setup, bars, str(folder))
    assert near.recv() == ("done", str(folder / opening.FILE))
    read = opening.read(folder, piece.setup.manifest)
    assert read is not None
    return read


def test_an_opening_is_played_by_the_feel_and_leaves_no_trace_in_what_follows(
    piece: Piece, tmp_path: Path
) -> None:
    begun = carried(piece, 3, tmp_path)
    whole, opened = piece.concert(), piece.concert(opening=begun)
    whole.run()
    opened.run()
    assert [(s.tick, s.message) for s in opened.notes()] == [(s.tick, s.message) for s in whole.notes()]
    assert [request.number for request in opened.asked] == [3]
    assert len(opened.asked[0].past) == 3
    assert not Arranger(replace(piece.setup, opening=begun, feel=None)).ready(0)
    other = replace(piece.setup.feel, manifest=replace(piece.setup.feel.manifest, exported_with={}))
    assert not Arranger(replace(piece.setup, opening=begun, feel=other)).ready(0)


@pytest.mark.parametrize(
    "hits", ["[[[0, 0, 0, 3]]]", "[[[16, 0, 9, 3]]]", "[[[0, 0, 9, 61]]]", "[[[0, 9, 9]]]", "[]]", "[[],[]]"]
)
def test_an_opening_whose_hits_are_none_is_named_with_its_remedy(
    trio: Piece, tmp_path: Path, hits: str
) -> None:
    bar = str([[129, 129, 0]] * 16)
    (tmp_path / opening.FILE).write_text(f'{{"key": "x", "bars": [{bar}], "hits": {hits}}}')
    with pytest.raises(opening.OpeningError, match=r"opening\.json: not the opening bars .* `live opening`"):
        opening.read(tmp_path, trio.setup.manifest)


def test_a_state_that_does_not_fit_is_named(trio: Piece) -> None:
    request = Arranger(trio.setup).request(1)
    with pytest.raises(ValueError, match=r"the state of the feel has shape \(1,\), expected \(2,\)"):
        trio.composer.reply(replace(request, state=bytes(4)))
    assert trio.composer.reply(request).state == trio.composer.reply(replace(request, number=0)).state[:8]
