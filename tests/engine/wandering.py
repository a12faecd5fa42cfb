"""A small model whose bars go on from each other, with the module that it was made of to write them too."""

from collections.abc import Callable
from pathlib import Path

import pytest
from concert import Concert
from stage import Stage
from toy_models import Player, Wanderer, events, manifest, save, setup

from engine.arranger import Arranger
from engine.composer import Composer
from engine.manifest import Manifest
from engine.request import BarRequest
from engine.setup import Setup

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
        """Return a performance of it."""
        return setup(self.contract, self.file, **changes)

    def _fields(self, changes: dict[str, object]) -> dict[str, object]:
        shared = self.setup()
        fields = {"manifest": shared.manifest, "voices": shared.voices, "axes": shared.axes}
        return fields | {"bars": BARS} | changes

    def concert(self, **changes: object) -> Concert:
        """Return a concert of it."""
        return Concert(decode=self.composer.reply, **self._fields(changes))

    def stage(self, seconds: Callable[[BarRequest], float] = lambda _: 0.001, **changes: object) -> Stage:
        """Return a stage of it, whose composer takes `seconds` a bar."""
        stage = Stage(seconds, **self._fields(changes))
        stage.composer.decode = self.composer.reply
        return stage

    def written(self, bars: int = BARS) -> Player:
        """Return the bars of a performance with nobody at the knobs."""
        player, z = Player(self.module, self.contract), Arranger(self.setup()).panel.z()
        for number in range(bars):
            player.write(number, z, 1.0)
        return player

    def events(self, player: Player) -> list[tuple[int, str, int]]:
        """Return (tick, "on" or "off", pitch) of what `player` has written."""
        return events(self.codec, player.rows, len(player.rows) * 1920)


@pytest.fixture(scope="module", params=FORMS, ids=lambda form: "-".join(map(str, form[:3])))
def piece(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Piece:
    """A piece of each form."""
    return Piece(request.param, tmp_path_factory.mktemp("piece"))


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Piece:
    """A piece of chords that goes on without end."""
    return Piece(ENDLESS, tmp_path_factory.mktemp("endless"))


def heard(concert: Concert) -> list[tuple[int, str, int]]:
    """Return (tick, "on" or "off", pitch) of what a concert has sent."""
    kinds = {0x90: "on", 0x80: "off"}
    return [(sent.tick, kinds[sent.message[0] & 0xF0], sent.message[1]) for sent in concert.notes()]
