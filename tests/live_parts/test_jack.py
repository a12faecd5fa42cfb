"""The trio on a real JACK server, and a second program on its port."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from heard import by_channel, notes, sounding, ticks_heard, written
from listener import Receiver
from parts import Live, live_script, until

pytestmark = pytest.mark.parts
Start = Callable[..., Live]
Listen = Callable[..., Receiver]
Run = Callable[..., str]

BARS, SEED = 4, 7
TICKS_PER_BAR = 1920
ARGUMENTS = ("--bars", BARS, "--seed", SEED, "--delay", 2)


def render(run: Run, path: Path, *arguments: object) -> Path:
    run(
        live_script(),
        "render",
        "--preset",
        "trio",
        "--bars",
        BARS,
        "--seed",
        SEED,
        "--output",
        path,
        *arguments,
    )
    return path


def test_a_receiver_hears_the_very_notes_of_the_render(
    live: Start, receiver: Listen, run: Run, tmp_path: Path
) -> None:
    rendered = written(render(run, tmp_path / "render.mid"))
    take = tmp_path / "take.mid"
    player = live(*ARGUMENTS, "--record", take)
    second = receiver("live:trio")
    second.connected()
    printed = player.finish()
    until(take.exists, "the take is written")
    second.leave()
    heard = second.messages()

    assert "JACK: live:trio" in printed
    recorded = written(take)
    assert recorded == rendered  # pitch, channel, velocity, order and ticks
    assert take.read_bytes() == (tmp_path / "render.mid").read_bytes()
    assert len(notes(heard)) > 20
    assert by_channel(notes(heard)) == by_channel(notes(message for _, message in recorded))
    heard_ticks = ticks_heard(heard, recorded)
    assert heard_ticks == sorted(heard_ticks)
    begun = sum(velocity > 0 for _, _, velocity in notes(heard))
    assert len(notes(heard)) == 2 * begun  # every note on has its note off
    assert not sounding(heard)


def test_programs_are_chosen_before_the_first_note(live: Start, receiver: Listen) -> None:
    player = live("--bars", 1, "--seed", SEED, "--delay", 2)
    second = receiver("live:trio")
    second.connected()
    player.finish()
    second.leave()
    kinds = [message[0] & 0xF0 for message in second.messages()]
    assert kinds.index(0xC0) < kinds.index(0x90)
    assert {message[0] & 0x0F for message in second.messages() if message[0] & 0xF0 == 0xC0} == {0, 1, 9}


def test_a_controller_changes_notes_within_the_bar_from_the_step_at_which_it_came(
    live: Start, receiver: Listen, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    bindings = Path(environment["XDG_CONFIG_HOME"]) / "live" / "controllers" / "trio.json"
    bindings.parent.mkdir(parents=True)
    bindings.write_text(json.dumps({"interpolation": "ch 1 CC 74"}))
    bpm = 60  # a bar of four seconds: time for a busy machine
    unmoved = written(render(run, tmp_path / "render.mid", "--bpm", bpm))
    take = tmp_path / "take.mid"
    player = live(*ARGUMENTS, "--bpm", bpm, "--record", take)
    second = receiver("live:trio", "live-in:control")
    second.connected()
    in_second_bar = sum(tick <= TICKS_PER_BAR for tick, message in unmoved if message[0] & 0xF0 == 0x90)
    until(lambda: second.struck() > in_second_bar, "the second bar has begun")
    for position in (0, 127):  # from where the parameter is, so that the control takes over
        second.send(0xB0, 74, position)
    player.finish()
    until(take.exists, "the take is written")
    second.leave()

    moved = written(take)
    assert by_channel(notes(second.messages())) == by_channel(notes(message for _, message in moved))
    changed = next(min(old[0], new[0]) for old, new in zip(unmoved, moved, strict=False) if old != new)
    arrived = second.tick_of(second.sent[-1], moved, bpm)
    bar = int(arrived // TICKS_PER_BAR)
    assert bar in (1, 2)
    assert changed > arrived  # nothing before it came
    assert changed < (bar + 1) * TICKS_PER_BAR  # and the bar was not played to its end as it was
    assert [pair for pair in moved if pair[0] <= arrived] == [pair for pair in unmoved if pair[0] <= arrived]
    assert not sounding(second.messages())
