"""The transport of the stage: play and stop, tempo, seed, swing, offset, count-in and takes."""

import json
import re
import time
from functools import partial
from pathlib import Path
from threading import Lock

import pytest
from performer import boxed, heard, on_stage, screen_text

from engine import messages
from live.settings import offsets_file
from live.widgets.slider import Slider
from live.widgets.transport import Transport, position

pytestmark = pytest.mark.usefixtures("settings_of_their_own")


async def test_transport_keys_play_stop_tempo_and_panic() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("space")
        await heard(pilot, link)
        assert "STOP" in screen_text(pilot)
        await pilot.press("space", "plus", "plus", "minus", "p")
        await heard(pilot, link)
        assert link.state.playing
        assert link.state.bpm == 113.0
        assert messages.Panic() in link.sent
        assert "every note ended" in screen_text(pilot)


async def test_a_click_on_the_transport_plays_and_stops() -> None:
    async with on_stage() as (pilot, link):
        await pilot.click(Transport, offset=(3, 1))
        await heard(pilot, link)
        assert not link.state.playing


def test_the_position_counts_down_to_bar_one() -> None:
    assert [position(step) for step in (-32, -17, -16, -1, 0, 15, 16)] == [
        *("-2.1.1", "-2.4.4", "-1.1.1", "-1.4.4", "1.1.1", "1.4.4", "2.1.1")
    ]
    assert position(-16 * 5000) == "-99.1.1"
    assert position(16 * 1000) == "1.1.1"


async def test_swing_offset_and_count_in_are_set_and_shown() -> None:
    async with on_stage() as (pilot, link):
        pilot.app.query_one("#swing", Slider).focus()
        await pilot.press("pageup", "greater_than_sign", "greater_than_sign", "less_than_sign", "c", "c")
        await heard(pilot, link)
        assert link.state.parameters["swing"] == pytest.approx(0.1)
        assert (link.state.offset_ms, link.state.count_in) == (1.0, 2)
        text = screen_text(pilot)
        assert all(word in text for word in ("52%", "+1 ms", "count 2", "two bars before the first one"))
        await pilot.press("o", *["backspace"] * 6, *"-12.5", "enter", "c")
        await heard(pilot, link)
        assert (link.state.offset_ms, link.state.count_in) == (-12.5, 0)
        text = screen_text(pilot)
        assert "-12.5 ms" in text
        assert "count" not in text


async def test_the_offset_is_kept_for_the_output_in_use_and_not_moved_by_a_change_of_output() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("less_than_sign", "less_than_sign")
        await heard(pilot, link)
        assert "The port has everything 2 ms before its time" in screen_text(pilot)
        link.change(offset_of="sound", offset_ms=40.0)  # nobody hears the port any more
        await heard(pilot, link)
        await pilot.press("greater_than_sign")
        await heard(pilot, link)
        assert link.sent[-1] == messages.SetOffset(41.0)
        await pilot.app.workers.wait_for_complete()
        kept = json.loads(offsets_file().read_text())
        assert kept == {"own port": -2.0, "built-in sound": 41.0}


async def test_what_is_kept_while_it_is_being_kept_is_written_last_and_alone() -> None:
    written: list[int] = []
    inside = Lock()

    def save(number: int) -> None:
        assert inside.acquire(blocking=False), "two write at once"
        time.sleep(0.02)  # a slow disk
        written.append(number)
        inside.release()

    async with on_stage() as (pilot, _):
        for number in range(12):
            pilot.app._keeping.keep("offset of live:toy", partial(save, number))
            await pilot.pause(0.005)
        await pilot.app.workers.wait_for_complete()
    assert written[-1] == 11
    assert written == sorted(written)


async def test_a_count_in_where_others_say_when_it_begins_is_left_to_the_player_to_refuse() -> None:
    async with on_stage() as (pilot, link):
        link.change(sync="locked 120.0")
        await heard(pilot, link)
        await pilot.press("c")
        await heard(pilot, link)
        assert "Count-in" not in screen_text(pilot)
        assert messages.SetCountIn(1) in link.sent


async def test_the_tempo_can_be_typed_and_what_is_wrong_is_said() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("T", *"999", "enter")
        await pilot.pause()
        assert "tempo is 999, allowed: a number from 20 to 300" in boxed(pilot)
        await pilot.press(*["backspace"] * 6, *"96.5", "enter")
        await heard(pilot, link)
        assert link.state.bpm == 96.5


async def test_a_seed_that_is_not_whole_is_refused() -> None:
    async with on_stage() as (pilot, link):
        await pilot.press("S", *["backspace"] * 6, *"7.9", "enter")
        await pilot.pause()
        assert "seed is 7.9, allowed: a whole number from 0" in boxed(pilot)
        await pilot.press(*["backspace"] * 6, *str(2**63 - 1), "enter")
        await heard(pilot, link)
        assert [sent for sent in link.sent if isinstance(sent, messages.SetSeed)] == [
            messages.SetSeed(2**63 - 1)
        ]


async def test_a_recording_begins_under_a_new_name_and_ends(tmp_path: Path) -> None:
    async with on_stage(takes=tmp_path) as (pilot, link):
        await pilot.press("r")
        await heard(pilot, link)
        assert re.fullmatch(r"toy-\d{8}-\d{6}\.mid", Path(str(link.state.recording)).name)
        assert "● REC" in screen_text(pilot)
        await pilot.press("r")
        await heard(pilot, link)
        assert link.state.recording is None
