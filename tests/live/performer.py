"""The stage as a performer sees and drives it, over a link that answers at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from rich.cells import cell_len
from textual.pilot import Pilot
from toy_link import ToyLink, toy_preset

from engine.preset import Preset
from live.app import Stage

SIZES = [(80, 24), (160, 48)]


@asynccontextmanager
async def on_stage(
    size: tuple[int, int] = (80, 24), takes: Path = Path(), preset: Preset | None = None
) -> AsyncIterator[tuple[Pilot[None], ToyLink]]:
    """Open the stage on a toy, with the pilot that drives it and the link that it talks to."""
    preset = preset or toy_preset()
    link = ToyLink(preset)
    app = Stage(preset, link, takes)
    async with app.run_test(size=size) as pilot:
        await heard(pilot, link)
        yield pilot, link
    assert app.hang_up(5.0)
    assert link.closed


async def heard(pilot: Pilot[None], link: ToyLink) -> None:
    """Wait until the stage has sent what it has to say and shown the newest snapshot."""
    stage = pilot.app
    assert isinstance(stage, Stage)
    for _ in range(200):
        await pilot.pause(0.02)
        # the footer is laid out after the rest
        if stage.settled(link.state) and any(key.size.width for key in stage.query("FooterKey")):
            return
    raise AssertionError("the stage did not settle")


def screen_text(pilot: Pilot[None]) -> str:
    """Return what the screen shows as lines of text."""
    width = pilot.app.size.width
    screen = pilot.app.screen
    lines = screen._compositor.render_strips(screen.size)  # what the terminal would get
    assert all(cell_len(line.text) == width for line in lines)
    return "\n".join(line.text for line in lines)


def boxed(pilot: Pilot[None]) -> str:
    """Return the words of what is open over the stage, its wrapped lines joined."""
    return " ".join(screen_text(pilot).replace("│", " ").split())
