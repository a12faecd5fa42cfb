"""Models whose bars go on from each other, played: against what the Python module writes bar after bar."""

from collections.abc import Callable
from itertools import cycle, pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
from concert import Concert
from hand import Hand
from stage import BAR, Stage
from toy_models import TRACES, Player, Wanderer, events, manifest, save, setup

from engine.arranger import Arranger
from engine.clock import ManualClock
from engine.composer import Composer
from engine.desk import Desk
from engine.manifest import Manifest
from engine.messages import Acknowledge, SetParameter
from engine.opening import Opening
from engine.performance import HEADROOM
from engine.player import Player as Instrument
from engine.render import DirectLink, render
from engine.request import BarReply, BarRequest, ComposerState
from engine.setup import Setup
from engine.sinks import MemoryPort
from engine.snapshot import Measured, Snapshot

BARS = 5
FORMS = [
    *(("melody", "window", 96, None), ("melody", "endless", 96, None), ("roll", "window", 4, None)),
    *(("roll", "endless", 4, None), ("roll", "endless", 40, (176,)), ("roll", "window", 40, None)),
]
ENDLESS = FORMS[4]


class Piece:
    """A model in a file, the composer that has opened it, and the module that it was made of."""

    def __init__(self, form: tuple[str, str, int, tuple[int, ...] | None], folder: Path) -> None:
        self.codec, memory, self.steps, noise = form
        self.module = Wanderer(self.codec, self.steps)
        self.contract: Manifest = manifest(self.codec, memory, self.steps, noise=noise)
        self.file = save(self.module, self.contract, folder / "m.ts")
        self.composer = Composer(self.file)

    def setup(self, **changes: object) -> Setup:
        return setup(self.contract, self.file, **changes)

    def concert(self, **changes: object) -> Concert:
        shared = self.setup()
        fields = {"manifest": shared.manifest, "voices": shared.voices, "axes": shared.axes}
        return Concert(decode=self.composer.reply, **(fields | {"bars": BARS} | changes))

    def stage(self, seconds: Callable[[BarRequest], float] = lambda _: 0.001, **changes: object) -> Stage:
        shared = self.setup()
        fields = {"manifest": shared.manifest, "voices": shared.voices, "axes": shared.axes, "bars": BARS}
        stage = Stage(seconds, **(fields | changes))
        stage.composer.decode = self.composer.reply
        return stage

    def written(self, bars: int = BARS) -> Player:
        """Return the bars of a performance with nobody at the knobs."""
        player, z = Player(self.module, self.contract), Arranger(self.setup()).panel.z()
        for number in range(bars):
            player.write(number, z, 1.0)
        return player

    def events(self, player: Player) -> list[tuple[int, str, int]]:
        return events(self.codec, player.rows, len(player.rows) * 1920)


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: "-".join(map(str, form[:3])))
def piece(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Piece:
    return Piece(request.param, tmp_path_factory.mktemp("piece"))


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Piece:
    return Piece(ENDLESS, tmp_path_factory.mktemp("endless"))


def heard(concert: Concert) -> list[tuple[int, str, int]]:
    """Return (tick, "on" or "off", pitch) of what a concert has sent."""
    kinds = {0x90: "on", 0x80: "off"}
    return [(sent.tick, kinds[sent.message[0] & 0xF0], sent.message[1]) for sent in concert.notes()]


def test_a_performance_is_what_the_module_writes_bar_after_bar(piece: Piece) -> None:
    concert, player = piece.concert(), piece.written()
    concert.run()
    assert heard(concert) == piece.events(player)
    assert concert.hanging() == set()
    assert [request.number for request in concert.asked] == list(range(BARS))  # each of them once
    assert concert.performance.arranger.late_bars == 0
    assert len({tuple(map(tuple, rows)) for rows in player.rows.values()}) == BARS
    for request in concert.asked:
        assert request.past == ()
        if piece.contract.begins(request.number):
            assert request.state == b""
        else:
            state = np.frombuffer(request.state, np.float32)
            np.testing.assert_allclose(state, player.states[request.number - 1].numpy(), atol=1e-4)


def test_a_port_hears_it_and_a_take_keeps_it_tick_by_tick(piece: Piece, tmp_path: Path) -> None:
    expected = piece.events(piece.written())
    port = MemoryPort()
    desk = Desk(sinks=[port], composer=DirectLink(piece.composer.reply))
    Instrument(piece.setup(bars=BARS), ManualClock(), desk).run()
    kinds = {0x90: "on", 0x80: "off"}
    sent = [(kinds[m[0] & 0xF0], m[1]) for m in port.messages if m[0] & 0xE0 == 0x80]
    assert sent == [(kind, pitch) for _, kind, pitch in expected]
    take = mido.MidiFile(render(piece.setup(), piece.composer.reply, BARS, tmp_path / "take.mid"))
    (track,) = take.tracks[1:]
    now, kept = 0, []
    for message in track:
        now += message.time
        if message.type.startswith("note"):
            kept.append((now, message.type.removeprefix("note_"), message.note))
    assert kept == expected


def test_two_renders_are_equal_byte_for_byte_whichever_composer_writes_a_bar(
    piece: Piece, tmp_path: Path
) -> None:
    turns = cycle([piece.composer, Composer(piece.file)])

    def take(name: str, seed: int) -> bytes:
        decode = piece.composer.reply if name != "both" else lambda request: next(turns).reply(request)
        return render(piece.setup(seed=seed), decode, 6, tmp_path / f"{name}.mid").read_bytes()

    assert take("one", 3) == take("both", 3)
    assert take("again", 3) != take("other", 4)


def test_a_knob_changes_the_rest_of_the_bar_and_what_follows_goes_on_from_there(piece: Piece) -> None:
    concert, player = piece.concert(), piece.written(2)
    arranger = concert.performance.arranger
    concert.until(HEADROOM + 1.35 * BAR)
    arranger.panel.set_parameter("knob1", 0.95)
    turned = arranger.panel.z()
    concert.run()
    (again,) = [request for request in concert.asked if request.revision and request.number == 1]
    assert 0.35 * piece.steps < again.from_step <= 0.35 * piece.steps + 2
    before = player.rows[1]
    player.write(1, turned, 1.0, again.from_step)
    assert player.rows[1] != before
    assert player.rows[1][: again.from_step] == before[: again.from_step]
    for number in range(2, BARS):
        player.write(number, turned, 1.0)
    assert heard(concert) == piece.events(player)
    assert concert.hanging() == set()


def test_a_composer_that_dies_and_is_replaced_leaves_no_trace(piece: Piece) -> None:
    """It dies while a bar is being written, of which nothing comes."""

    def play(dies: bool) -> list[tuple[int, ...]]:
        stage = piece.stage(lambda _: 0.2, bars=6)
        stage.until(1.2 * BAR)
        stage.live.send(SetParameter("knob1", 0.9))
        while not stage.composer.busy or stage.composer.asked[-1].number < 3:
            stage.player.turn()
        if dies:
            stage.composer.replace(ComposerState("dead", "killed"), ComposerState("ready"))
            stage.composer.decode = Composer(piece.file).reply
        stage.player.run()
        assert stage.player.performance.arranger.late_bars == 0
        assert stage.hanging() == set()
        asked = [request for request in stage.composer.asked if request.revision]
        assert len(asked) > len({(request.number, request.from_step) for request in asked}) or not dies
        return [tuple(event.message) for event in stage.heard]

    assert play(dies=True) == play(dies=False)


def test_a_late_bar_is_the_one_before_again_and_the_next_goes_on_from_that(endless: Piece) -> None:
    stage = endless.stage(lambda request: 2.5 * BAR if request.number == 3 else 0.001, bars=7)
    replies: list[BarReply] = []
    stage.composer.decode = lambda request: replies.append(endless.composer.reply(request)) or replies[-1]
    stage.player.run()
    assert stage.player.performance.arranger.late_bars == 1
    by_number = {reply.number: reply for reply in replies}
    fourth = next(request for request in stage.composer.asked if request.number == 4)
    assert (fourth.state, fourth.past) == (by_number[2].state, (by_number[2].tokens,))
    assert by_number[4].states == (
        endless.composer.reply(
            BarRequest(**fields(fourth) | {"past": (), "from_step": endless.steps, "prefix": fourth.past[0]})
        ).state,
    )
    fifth = next(request for request in stage.composer.asked if request.number == 5)
    assert (fifth.state, fifth.past) == (by_number[4].state, ())
    rows = {number: by_number[2 if number == 3 else number].tokens for number in range(7)}
    expected = events(endless.codec, rows, 7 * 1920)
    sent = [m.message for m in stage.heard if m.message[0] & 0xE0 == 0x80]
    assert [message[1] for message in sent] == [pitch for _, _, pitch in expected]


def fields(request: BarRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in BarRequest.__dataclass_fields__}


def test_a_composer_slower_than_the_music_hangs_no_note_and_writes_on(endless: Piece) -> None:
    stage = endless.stage(lambda _: 1.3 * BAR, bars=14)
    stage.player.run()
    assert stage.hanging() == set()
    assert 0 < stage.player.performance.arranger.late_bars < 11
    for request in stage.composer.asked[2:]:
        assert request.state
        assert len(request.past) <= 3


@pytest.mark.parametrize("carried", [1, 3, 4])
def test_an_opening_leaves_no_trace_in_what_follows(piece: Piece, carried: int) -> None:
    player = piece.written()
    tokens = tuple(tuple(map(tuple, player.rows[number])) for number in range(carried))
    opening = Opening(Arranger(piece.setup()).key(), tokens)
    concert = piece.concert(opening=opening)
    concert.run()
    assert heard(concert) == piece.events(player)
    assert [request.number for request in concert.asked] == list(range(carried, BARS))
    first = concert.asked[0]
    assert first.state == b""
    since = 0 if piece.contract.memory == "endless" else carried // 2 * 2
    assert first.past == tokens[since:]


def test_a_bar_far_from_any_other_begins_anew(endless: Piece) -> None:
    arranger = Arranger(endless.setup())
    for expected in (0, 1, 2, 40, 41, 42):
        current = 0 if expected < 40 else 40
        request = arranger.next_request(current, current * endless.steps, BAR, 0.0)
        assert request is not None
        assert request.number == expected
        assert (request.state == b"", request.past) == (expected in (0, 40), ())
        assert arranger.accept(endless.composer.reply(request), -1, 0.0)
    assert arranger.next_request(40, 40 * endless.steps, BAR, 0.0) is None


def test_a_bar_ahead_is_written_again_when_the_one_before_it_has_been(endless: Piece) -> None:
    """Also where its knobs are up to date: it was written first, because it would have been late."""
    arranger, short = Arranger(endless.setup()), 0.02  # seconds a bar: there is hardly time for the next one

    def answer(current: int, open_step: int, now: float) -> BarRequest | None:
        request = arranger.next_request(current, open_step, short, now)
        if request is not None:
            assert arranger.accept(endless.composer.reply(request), -1, now)
        return request

    first = answer(0, 0, 0.0)
    assert first is not None
    arranger.panel.set_parameter("knob1", 0.9)
    asked = [answer(0, 30, now) for now in (1.0, 2.0, 2.1, 2.2)]
    assert all(request is not None and request.revision == 1 for request in asked)
    order = [(request.number, request.from_step) for request in asked if request is not None]
    assert order[:3] == [(1, 0), (0, 30), (1, 0)]
    early, rest, again = (endless.composer.reply(request) for request in asked[:3] if request is not None)
    assert asked[2] is not None
    assert asked[2].state == rest.state
    assert early.tokens != again.tokens


def test_a_loop_that_begins_anew_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    piece = Piece(FORMS[2], tmp_path)
    arranger = Arranger(piece.setup())
    for number in range(3):
        request = arranger.next_request(0, 0, BAR, 0.0)
        assert request is not None
        assert (request.number, request.state == b"") == (number, number != 1)
        arranger.accept(piece.composer.reply(request), -1, 0.0)
    arranger.panel.set_parameter("knob1", 0.9)
    for number in (1, 2):  # the rest of the first bar is past
        request = arranger.next_request(0, 4, BAR, float(number))
        assert request is not None
        assert (request.number, request.revision, request.state == b"") == (number, 1, number != 1)
        arranger.accept(piece.composer.reply(request), -1, float(number))
    assert arranger.next_request(0, 4, BAR, 3.0) is None


def test_a_screen_is_told_what_the_steps_of_the_bar_report(endless: Piece) -> None:
    stage = endless.stage(bars=None)
    stage.until(2.5 * BAR)
    stage.live.send(Acknowledge())
    stage.until(2.6 * BAR)
    said: list[Snapshot] = []
    while stage.live.poll():
        said.append(stage.live.recv())
    request = next(request for request in stage.composer.asked if request.number == 2)
    expected = endless.composer.reply(request).traces
    assert said[-1].traces == dict(zip(TRACES, expected, strict=True))
    assert [len(values) for values in said[-1].traces.values()] == [40, 40]


def test_on_a_fine_grid_a_knob_is_heard_in_a_fine_step(tmp_path: Path) -> None:
    piece = Piece(FORMS[1], tmp_path)
    clock = ManualClock(stride=0.005)
    moves = [(1.0 + 0.31 * turn, SetParameter("knob1", turn % 7 / 7)) for turn in range(1, 9)]
    hand = Hand(clock, moves)
    desk = Desk(sinks=[MemoryPort()], composer=DirectLink(piece.composer.reply), live=hand)
    Instrument(piece.setup(bars=2, measure=True), clock, desk).run()
    (measured,) = (said for said in hand.heard if isinstance(said, Measured))
    step = BAR / 96
    assert (measured.knob_moves, measured.knob_missed_steps) == (8, 0)
    assert 0 < measured.knob_to_note_worst < 2.5 * step


def test_the_rows_of_a_knob_turned_without_end_hang_no_note(endless: Piece) -> None:
    concert = endless.concert(bars=4)
    for turn in range(120):
        concert.until(concert.clock.now() + 0.0237)
        concert.performance.panel.set_parameter("knob1", turn % 11 / 11)
        if turn % 37 == 0:
            concert.mute(0, turn % 2 == 0)
        if turn % 61 == 0:
            concert.panic()
    concert.run()
    assert concert.hanging() == set()
    for before, after in pairwise(heard(concert)):
        assert before[0] <= after[0]
