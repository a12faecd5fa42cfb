"""The knobs, sliders and voices of the stage under keys, mouse and controllers."""

import pytest
from performer import heard, on_stage, screen_text

from engine import messages
from live.settings import controllers_file, load_controllers
from live.widgets.dial import Dial
from live.widgets.slider import Slider
from live.widgets.voice import VoiceStrip

pytestmark = pytest.mark.usefixtures("settings_of_their_own")


async def test_keys_turn_the_focused_knob_and_only_that_one() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("right", "up", "up", "shift+down", "pageup")
        await heard(pilot, link)
        assert link.state.parameters["knob2"] == pytest.approx(0.63)
        assert link.state.parameters["knob1"] == 0.5
        assert " 63 " in screen_text(pilot)
        await pilot.press("home")
        await heard(pilot, link)
        assert link.state.parameters["knob2"] == 0.5


async def test_the_mouse_turns_knobs_and_sliders() -> None:
    async with on_stage() as (pilot, link):
        await pilot.mouse_down("#knob3", offset=(4, 3))
        await pilot.hover("#knob3", offset=(4, 1))
        await pilot.mouse_up("#knob3", offset=(4, 1))
        await heard(pilot, link)
        assert link.state.parameters["knob3"] == pytest.approx(0.58)
        slider = pilot.app.query_one("#interpolation", Slider)
        await pilot.click("#interpolation", offset=(slider.size.width - 4, 1))
        await heard(pilot, link)
        assert link.state.parameters["interpolation"] == 1.0


async def test_a_turning_hand_outweighs_an_older_snapshot() -> None:
    async with on_stage() as (pilot, link):
        dial = pilot.app.query_one("#knob1", Dial)
        dial.move(0.9)
        dial.show(0.5, "", None, False)
        assert dial.value == 0.9
        await heard(pilot, link)


async def test_several_controllers_are_learnt_in_a_row_and_kept() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("L")
        await heard(pilot, link)
        assert link.state.learning == "knob1"
        assert "move a control for density" in screen_text(pilot)
        link.controller("ch 1 CC 74")
        await heard(pilot, link)
        assert "density is on ch 1 CC 74" in screen_text(pilot)
        await pilot.press("right")
        await heard(pilot, link)
        assert link.state.learning == "knob2"
        link.controller("ch 10 CC 102")
        await heard(pilot, link)
        await pilot.press("l")
        await heard(pilot, link)
        assert link.state.learning is None
        assert "LEARN" not in screen_text(pilot)
        await pilot.app.workers.wait_for_complete()
        assert load_controllers(controllers_file("toy")) == {"knob1": (0, 74), "knob2": (9, 102)}
        await pilot.press("u")
        await heard(pilot, link)
        await pilot.app.workers.wait_for_complete()
        assert load_controllers(controllers_file("toy")) == {"knob1": (0, 74)}


async def test_voices_are_muted_and_sent_elsewhere() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("2")
        await heard(pilot, link)
        assert link.state.voices[1].muted
        assert "MUTED" in screen_text(pilot)
        await pilot.click("#voice-0")
        pilot.app.query_one("#voice-2", VoiceStrip).focus()
        await pilot.press("down")
        await heard(pilot, link)
        assert link.state.voices[0].muted
        assert link.state.voices[2].channel == 8


async def test_anchors_seed_and_morph() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("a", "B", "right_square_bracket", "n")
        await heard(pilot, link)
        drawn, kept = (sent for sent in link.sent if isinstance(sent, messages.SetAnchor))
        assert drawn.anchor == "A"
        assert drawn.seed is not None
        assert kept == messages.SetAnchor("B", None)
        assert f"Anchor A: seed {drawn.seed}." in screen_text(pilot)
        assert link.state.parameters["interpolation"] == 0.05
        assert any(isinstance(sent, messages.SetSeed) for sent in link.sent)
