"""A plain reference for drums that a feel plays: it goes from tick to tick."""

from drummed import Score

from engine.codec import CODECS, DRUM_PITCHES
from engine.dynamics import shape
from engine.swing import swung


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


def place(step: int, lean: int, swing: float, tightness: float) -> int:
    """Return where a hit is struck: its lean off its step, within half the way to the one beside it."""
    at, before, after = (swung((step + side) * 120, swing) for side in (0, -1, 1))
    low, high = at - (at - before) // 2, at + (after - at - 1) // 2
    return min(high, max(low, at + round(lean * (1 - tightness))))


def as_written(concert: Score) -> dict[tuple[int, int], int]:
    """Return the velocity of each hit as the codec has it, by step from the start and pitch."""
    codec = CODECS[concert.piece.setup.manifest.codec]
    return {
        (number * 16 + note.tick // 120, note.pitch): note.velocity
        for number, rows in concert.rows.items()
        for note in codec.to_bar(rows).notes
        if note.voice == concert.piece.voice
    }
