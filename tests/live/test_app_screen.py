"""What the stage shows of a performance, in every size of terminal and in any script."""

from dataclasses import replace

import pytest
from performer import SIZES, heard, on_stage, screen_text
from toy_link import toy_preset

from engine import messages
from engine.bar import TICKS_PER_BAR, TICKS_PER_STEP
from engine.preset import VoicePreset
from engine.snapshot import RollNote

pytestmark = pytest.mark.usefixtures("settings_of_their_own")


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
