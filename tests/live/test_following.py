"""Following a master's clock, as the command line and the status lines have it."""

from dataclasses import replace

import pytest
from toy_link import ToyLink, toy_preset

from live.options import parse
from live.widgets.paint import Canvas
from live.widgets.status import Status

SAID = ["waiting for MIDI clock", "locking 119.8", "locked 120.0", "clock stopped", "Link with 2 peers"]


def test_the_clock_is_our_own_and_not_sent_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert (parse([]).clock, parse([]).sync) == (False, "internal")
    options = parse(["--clock", "--sync", "MIDI"])
    assert (options.clock, options.sync) == (True, "midi")
    assert parse(["--sync", "link"]).sync == "link"
    with pytest.raises(SystemExit) as left:
        parse(["--sync", "tape"])
    assert left.value.code == 2
    assert "sync is tape, allowed: internal, midi, link" in capsys.readouterr().err


@pytest.mark.parametrize("width", [80, 160])
@pytest.mark.parametrize("sync", SAID)
def test_the_status_line_says_how_following_goes(sync: str, width: int) -> None:
    snapshot = replace(ToyLink(toy_preset()).state, sync=sync)
    status = Status()
    status.show("hint", "", snapshot)
    canvas = Canvas(width, 2)
    status.paint(canvas)
    line = "".join(cell[0] for cell in canvas.rows[1])
    assert f"⇄ {sync}" in line
    assert "ready" in line
    status.show("hint", "", replace(snapshot, sync=""))
    canvas = Canvas(width, 2)
    status.paint(canvas)
    assert "⇄" not in "".join(cell[0] for cell in canvas.rows[1])
