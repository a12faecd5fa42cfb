"""What the stage says in words: notices, help, a lost player, the end of the performance."""

from dataclasses import replace

import pytest
from performer import boxed, heard, on_stage, screen_text
from toy_link import toy_preset

pytestmark = pytest.mark.usefixtures("settings_of_their_own")


async def test_every_notice_can_be_read_whole_on_a_small_screen() -> None:
    how = "no MIDI port: ALSA has no sequencer here; `sudo modprobe snd-seq` brings it, or try JACK"
    async with on_stage((80, 24)) as (pilot, link):
        link.change(notices=(how, "no MIDI input either"))
        await heard(pilot, link)
        text = screen_text(pilot)
        assert how[:60] in text
        assert "(i: all)" in text
        await pilot.press("i")
        await pilot.pause()
        shown = boxed(pilot)
        assert "or try JACK" in shown
        assert "no MIDI input either" in shown
        await pilot.press("escape")
        await pilot.pause()
        assert "DENSITY" in screen_text(pilot)


async def test_help_says_what_the_preset_is_and_lists_the_keys() -> None:
    preset = replace(toy_preset(), title="Night", description="Slow [loops] of sixteen bars.")
    async with on_stage(preset=preset) as (pilot, _):
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Night" in boxed(pilot)
        assert "Slow [loops] of sixteen bars." in boxed(pilot)
        assert "End every note on every channel" in screen_text(pilot)
        await pilot.press("escape")
        await pilot.pause()
        assert "DENSITY" in screen_text(pilot)


async def test_a_lost_player_is_said_and_the_screen_still_quits() -> None:
    async with on_stage() as (pilot, link):
        link.broken = "its process was killed"
        for _ in range(100):
            await pilot.pause(0.02)
            if "The player is gone: its process was killed" in screen_text(pilot):
                break
        text = screen_text(pilot)
        assert "The player is gone: its process was killed" in text
        assert "STOP" in text
        await pilot.press("up", "space", "r", "q")
        await pilot.pause()
        assert not pilot.app.is_running or pilot.app._exit


async def test_the_end_of_the_performance_and_of_the_composer_are_said() -> None:
    async with on_stage() as (pilot, link):
        link.change(composer="dead", notices=("out of memory",))
        await heard(pilot, link)
        assert "The last bar repeats, the composer has stopped: out of memory" in screen_text(pilot)
        link.change(finished=True, notices=("16 bars played",))
        await heard(pilot, link)
        assert "The performance has ended (q leaves): 16 bars played" in screen_text(pilot)
