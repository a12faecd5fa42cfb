"""The stage driven as a performer drives it, over a link that answers at once."""

import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock

import pytest
from rich.cells import cell_len
from textual.binding import Binding
from textual.pilot import Pilot
from toy_link import ToyLink, toy_preset

from engine import messages
from engine.bar import TICKS_PER_BAR, TICKS_PER_STEP
from engine.preset import Preset, VoicePreset
from engine.snapshot import RollNote
from live.app import Stage
from live.hands import Hands
from live.keys import KEYS
from live.settings import controllers_file, load_controllers, offsets_file
from live.widgets.control import Control
from live.widgets.dial import Dial
from live.widgets.slider import Slider
from live.widgets.transport import Transport, position
from live.widgets.voice import VoiceStrip

SIZES = [(80, 24), (160, 48)]


@pytest.fixture(autouse=True)
def settings_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


@asynccontextmanager
async def on_stage(
    size: tuple[int, int] = (80, 24), takes: Path = Path(), preset: Preset | None = None
) -> AsyncIterator[tuple[Pilot[None], ToyLink]]:
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


@pytest.mark.parametrize("size", SIZES)
async def test_everything_essential_is_on_the_screen(size: tuple[int, int]) -> None:
    async with on_stage(size) as (pilot, link):
        link.go(5 * TICKS_PER_BAR + 6 * TICKS_PER_STEP)
        link.change(bound={"knob1": "ch 1 CC 74"}, waiting={"knob1": 0.9}, late_bars=3)
        await heard(pilot, link)
        text = screen_text(pilot)
        for word in (
            *("PLAY", "BPM", "seed 7", "loop 1", "6/16", "rec"),
            *("DENSITY", "REGISTER", "BASS", "DRUMS", "COLOUR", "DRIFT", "pick up"),
            *("MORPH", "TEMPERATURE", "1.00", "DYNAMICS", "SWING", "50%", "MELODY", "ch 10", "closed hat"),
            *("more notes +0.78", "JACK: live:toy -> 2 clients", "ready", "6.4 ms", "3 late"),
            *("Learn", "Panic", "Help", "Quit"),
        ):
            assert word in text, word
        assert len(text.splitlines()) == size[1]
        assert "▀" in text  # the roll


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("codec", "voice", "steps", "shown"),
    [("melody", "melody", 96, "C4"), ("drums", "drums", 16, "kick"), ("roll", "chords", 40, "C4 E4 G4")],
)
async def test_a_preset_of_one_voice_has_the_stage_to_itself(
    codec: str, voice: str, steps: int, shown: str, size: tuple[int, int]
) -> None:
    trio = toy_preset()
    fields = {"codec": codec, "voices": (voice,), "steps_per_bar": steps, "memory": "endless", "bars": 1}
    contract = replace(trio.manifest, **fields)
    preset = replace(trio, manifest=contract, voices=(VoicePreset(voice, 4, 0, None),))
    pitches = {"drums": (36,), "melody": (60,), "roll": (60, 64, 67)}[codec]
    async with on_stage(size, preset=preset) as (pilot, link):
        roll = tuple(RollNote(0, 960, 0, pitch, 90, codec == "roll") for pitch in pitches)
        (state,) = link.state.voices
        traces = {"kl": (0.5,) * steps}
        link.change(tick=480, roll=roll, voices=(replace(state, sounding=pitches),), traces=traces)
        await heard(pilot, link)
        text = screen_text(pilot)
        for word in (voice.upper(), "ch 5", shown, "▀", "1/1"):
            assert word in text, word
        await pilot.press("3")  # a voice that is not there
        assert not any(isinstance(command, messages.SetMute) for command in link.sent)


@pytest.mark.parametrize("size", SIZES)
async def test_what_a_model_reports_of_its_steps_is_seen_in_time_with_them(size: tuple[int, int]) -> None:
    trio = toy_preset()
    contract = replace(trio.manifest, memory="endless", traces=("kl", "[b]odd"))
    rising = {"kl": tuple(range(16)), "[b]odd": (1e-9, *(3.0,) * 15)}
    async with on_stage(size, preset=replace(trio, manifest=contract)) as (pilot, link):
        for bar, traces in ((0, {"kl": (15.0,) * 16}), (1, rising), (2, {})):
            link.go(bar * TICKS_PER_BAR + 4 * TICKS_PER_STEP)
            link.change(traces=traces)
            await heard(pilot, link)
            lines = screen_text(pilot).splitlines()
            names = [next(i for i, line in enumerate(lines) if name in line) for name in ("KL", "[B]ODD")]
            assert names[1] > names[0] > next(i for i, line in enumerate(lines) if "3 DRUMS" in line)
            height = names[1] - names[0] - (size[1] > 24)
            drawn = ["".join(lines[row] for row in range(at, at + height)) for at in names]
            if bar == 0:
                assert "15" in drawn[0]
                assert "█" * 12 in drawn[0]
                assert not set("▁▂▃▄▅▆▇█") & set(drawn[1])
            if bar == 1:
                assert " 4 " in drawn[0]
                assert " 3 " in drawn[1]
                assert "▂" in drawn[0]
                assert "▁" in drawn[1]
            if bar == 2:  # it is not known what this one reports; what came before is still seen
                assert " 4 " not in drawn[0]
                assert "█" in drawn[0]
        link.change(playing=False, tick=0)
        await heard(pilot, link)
        assert not set("▁▂▃▄▅▆▇█") & set(screen_text(pilot).splitlines()[names[0]])


async def test_a_model_that_reports_nothing_has_no_room_for_it() -> None:
    async with on_stage() as (pilot, _):
        assert not pilot.app.query(".trace")


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 4), (220, 70)])
async def test_no_size_of_terminal_breaks_it(size: tuple[int, int]) -> None:
    trio = toy_preset()
    contract = replace(trio.manifest, memory="endless", traces=("kl", "latent change"))
    async with on_stage(size, preset=replace(trio, manifest=contract)) as (pilot, link):
        link.go(TICKS_PER_BAR)
        link.change(traces={"kl": (0.0,) * 16, "latent change": tuple(range(16))})
        await heard(pilot, link)
        assert screen_text(pilot)


@pytest.mark.parametrize("size", [*SIZES, (40, 10)])
async def test_what_users_call_things_in_any_script_moves_nothing_else(size: tuple[int, int]) -> None:
    odd = (
        "ピアス",
        "한국어한국어",
        "e\u0301te\u0301",
        "\x1b[2J\x07",
        "👩\u200d🚀",
        "a\tb",
        "[/b] [x",
        "\u202ez",
    )
    preset = toy_preset()
    knobs = tuple(replace(knob, label=name) for knob, name in zip(preset.knobs, odd, strict=True))
    preset = replace(preset, title="東京の夜 \x1b[31m", knobs=knobs)
    async with on_stage(size, preset=preset) as (pilot, link):
        link.change(
            out_port="ALSA: live:ピアス\x07 -> 鍵盤",
            in_port="鍵盤\x9b",
            recording="/home/caf\udce9/東京.mid",
            notices=("鍵盤" * 40, "caf\udce9\x1b[0m"),
        )
        await heard(pilot, link)
        text = screen_text(pilot)
        assert "\x1b" not in text
        assert text.encode()
        if size[0] >= 80:
            assert all(word in text for word in ("ピアス", "ÉTÉ", "live:ピアス"))
        await pilot.press("i")
        await pilot.pause()
        assert "caf\ufffd[0m" in screen_text(pilot)
        await pilot.press("escape", "right", "ctrl+p")
        await pilot.pause(0.3)
        await pilot.press(*"go to")
        await pilot.pause(0.3)
        assert screen_text(pilot)
        await pilot.press("escape")


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


def test_the_position_counts_down_to_bar_one() -> None:
    assert [position(step) for step in (-32, -17, -16, -1, 0, 15, 16)] == [
        *("-2.1.1", "-2.4.4", "-1.1.1", "-1.4.4", "1.1.1", "1.4.4", "2.1.1")
    ]
    assert position(-16 * 5000) == "-99.1.1"
    assert position(16 * 1000) == "1.1.1"


async def test_a_click_on_the_transport_plays_and_stops() -> None:
    async with on_stage() as (pilot, link):
        await pilot.click(Transport, offset=(3, 1))
        await heard(pilot, link)
        assert not link.state.playing


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


async def test_a_recording_begins_under_a_new_name_and_ends(tmp_path: Path) -> None:
    async with on_stage(takes=tmp_path) as (pilot, link):
        await pilot.press("r")
        await heard(pilot, link)
        assert re.fullmatch(r"toy-\d{8}-\d{6}\.mid", Path(str(link.state.recording)).name)
        assert "● REC" in screen_text(pilot)
        await pilot.press("r")
        await heard(pilot, link)
        assert link.state.recording is None


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


def test_every_key_has_an_id_and_says_what_it_does() -> None:
    assert all(key.id and key.tooltip and key.description for key in KEYS)
    assert len({key.id for key in KEYS}) == len(KEYS)


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
