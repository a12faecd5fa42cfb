"""A performance whose drums a feel plays, and what each of its bars has become."""

from collections.abc import Callable
from math import floor
from pathlib import Path

import pytest
import torch
from concert import Concert
from stage import BAR, Stage
from toy_feels import by_hand, setup

from engine.codec import CODECS
from engine.composer import Composer
from engine.hits import drums
from engine.performance import HEADROOM
from engine.request import BarReply, BarRequest

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

    def _fields(self, changes: dict[str, object]) -> dict[str, object]:
        shared = ("manifest", "voices", "axes", "feel")
        return {name: getattr(self.setup, name) for name in shared} | {"bars": BARS} | changes

    def concert(self, **changes: object) -> "Score":
        """Return a concert of it."""
        return Score(self, **self._fields(changes))

    def stage(self, seconds: Callable[[BarRequest], float] = lambda _: 0.001, **changes: object) -> Stage:
        """Return a stage of it, whose composer takes `seconds` a bar."""
        stage = Stage(seconds, **self._fields(changes))
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
        """Write a bar, and down what it has become."""
        reply = self.piece.composer.reply(request)
        kept = [hit for hit in self.hits.get(reply.number, []) if hit[0] < reply.from_step]
        self.hits[reply.number] = [*kept, *(hit for hit in reply.hits if hit[0] >= reply.from_step)]
        self.rows[reply.number] = reply.tokens
        tick = floor((self.clock.now() - self.zero) * 960 + 1e-6)
        self.known |= {reply.number * 16 + step: tick for step in range(reply.from_step, 16)}
        return reply

    def turn_to(self, name: str, value: float) -> None:
        """Turn a knob now."""
        self.performance.panel.set_parameter(name, value)

    def strikes(self) -> list[tuple[int, int, int]]:
        """Return (tick, pitch, velocity) of the drums heard."""
        strike = 0x90 | self.piece.channel
        return [(sent.tick, *sent.message[1:]) for sent in self.heard if sent.message[0] == strike]


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def piece(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Piece:
    """A piece of each form."""
    return Piece(tmp_path_factory.mktemp("felt"), *request.param)


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory) -> Piece:
    """A piece whose drums play with a melody and a bass."""
    return Piece(tmp_path_factory.mktemp("felt"), "trio", "bar")
