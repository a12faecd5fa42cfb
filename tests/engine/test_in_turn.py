"""Models whose bars go on from each other, played: against what the Python module writes bar after bar."""

from itertools import cycle
from pathlib import Path

import mido
import numpy as np
import pytest
import wandering
from stage import BAR
from toy_models import TRACES
from wandering import BARS, Piece, heard

from engine.arranger import Arranger
from engine.clock import ManualClock
from engine.composer import Composer
from engine.desk import Desk
from engine.messages import Acknowledge, SetParameter
from engine.opening import Opening
from engine.player import Player as Instrument
from engine.render import DirectLink, render
from engine.request import ComposerState
from engine.sinks import MemoryPort
from engine.snapshot import Snapshot

piece, endless = wandering.piece, wandering.endless


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
