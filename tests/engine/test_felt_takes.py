"""Takes and renders of drums that a feel plays: each hit on the tick on which it was struck."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import drummed
import mido
from drummed import BARS, Piece
from tick_by_tick import reference

from engine.arranger import Arranger
from engine.composer import Composer
from engine.midifile import finish
from engine.render import render

piece, trio = drummed.piece, drummed.trio


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
