"""Keys and palette: all that the stage can do is found there, and is done."""

import re

import pytest
from performer import heard, on_stage
from textual.binding import Binding

from live.app import Stage
from live.hands import Hands
from live.keys import KEYS
from live.widgets.control import Control
from live.widgets.voice import VoiceStrip

pytestmark = pytest.mark.usefixtures("settings_of_their_own")


async def test_the_palette_reaches_every_action() -> None:
    async with on_stage() as (pilot, _):
        found = {command.title: command for command in pilot.app.get_system_commands(pilot.app.screen)}
        assert all(command.help for command in found.values())
        for key in KEYS:
            assert key.description in found, key
        for control in pilot.app.query(Control):
            assert f"Go to {control.label}" in found, control
            for key in Control.BINDINGS:
                assert f"{control.label}: {key.description.lower()}" in found, key
        for strip in pilot.app.query(VoiceStrip):
            for key in VoiceStrip.BINDINGS:
                assert f"{strip.state.name}: {key.description.lower()}" in found, key
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"go to drift", "enter")
        await pilot.pause(0.3)
        await pilot.pause()
        if pilot.app.screen.is_modal:
            await pilot.press("enter")
            await pilot.pause(0.2)
        assert pilot.app.focused is pilot.app.query_one("#knob8")


async def test_what_the_palette_offers_for_a_widget_is_done_to_that_widget() -> None:
    async with on_stage() as (pilot, link):
        found = {command.title: command for command in pilot.app.get_system_commands(pilot.app.screen)}
        for title in ("density: up a lot", "drift: up a lot", "drift: back to its start", "bass: channel up"):
            found[title].callback()
        found["drums: mute"].callback()
        await heard(pilot, link)
        assert link.state.parameters["knob1"] == pytest.approx(0.6)
        assert link.state.parameters["knob8"] == 0.5
        assert link.state.voices[1].channel == 2
        assert link.state.voices[2].muted


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.id))
def test_every_key_does_something_that_there_is(key: Binding) -> None:
    name = re.match(r"(?:app\.)?(\w+)(?:\('(\w+)')?", key.action)
    assert name is not None
    assert callable(getattr(Stage, f"action_{name[1]}"))
    if name[1] == "do":
        assert callable(getattr(Hands, str(name[2])))


def test_every_key_has_an_id_and_says_what_it_does() -> None:
    assert all(key.id and key.tooltip and key.description for key in KEYS)
    assert len({key.id for key in KEYS}) == len(KEYS)
