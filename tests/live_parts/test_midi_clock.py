"""MIDI clock between programs on a real JACK server: ours heard by a second one, a second one's followed."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from heard import sounding, written
from listener import Receiver
from parts import Live, live_script, until

from engine.midi import CLOCK, CONTINUE, NOTE_ON, POSITION, START, STOP

pytestmark = pytest.mark.parts
Start = Callable[..., Live]
Listen = Callable[..., Receiver]
Run = Callable[..., str]
Say = Callable[..., None]

SEED, BPM, TICKS_PER_BAR = 7, 130, 1920


@pytest.fixture
def master(environment: dict[str, str]) -> Iterator[Callable[[], Say]]:
    """Start a master that pulses on live-in:control; what it returns has it send a message."""
    started: list[subprocess.Popen[str]] = []

    def start() -> Say:
        script = Path(__file__).with_name("clock_master.py")
        process = subprocess.Popen(
            [sys.executable, str(script), "live-in:control", str(BPM)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "connected\n"

        def say(*message: int) -> None:
            assert process.stdin is not None
            process.stdin.write(" ".join(map(str, message)) + "\n")
            process.stdin.flush()

        return say

    yield start
    for process in started:
        process.communicate(timeout=20)


def test_others_hear_start_then_96_pulses_a_bar_then_stop(live: Start, receiver: Listen) -> None:
    player = live("--bars", 2, "--seed", SEED, "--bpm", BPM, "--delay", 3, "--clock")
    second = receiver("live:trio")
    second.connected()
    player.finish()
    second.leave()
    kinds = [message[0] for message in second.messages()]
    begin, end = kinds.index(START), kinds.index(STOP)
    assert kinds.count(START) == kinds.count(STOP) == 1
    assert kinds[begin + 1] == CLOCK
    assert kinds[begin:end].count(CLOCK) == 2 * 96
    assert CLOCK in kinds[:begin]  # the tempo was there before
    notes = [place for place, kind in enumerate(kinds) if kind & 0xF0 == NOTE_ON]
    assert begin < notes[0]
    assert notes[-1] < end
    assert not sounding(second.messages())


def test_it_plays_as_a_master_in_another_program_says(
    live: Start, receiver: Listen, master: Callable[[], Say], run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "render.mid"
    words = ("--preset", "trio", "--bars", 12, "--seed", SEED, "--output", path)
    run(live_script(), "render", *words)
    rendered = [(tick, message) for tick, message in written(path) if message[0] & 0xF0 == NOTE_ON]
    live("--seed", SEED, "--sync", "midi")
    second = receiver("live:trio", "live-in:control")
    second.connected()
    say = master()
    assert second.struck() == 0  # it waits

    def struck_since(count: int) -> list[list[int]]:
        return [m for m in second.messages() if m[0] & 0xF0 == NOTE_ON and m[2] > 0][count:]

    def played_from(bar: int, struck: list[list[int]]) -> None:
        """Assert that `struck` are the notes of the render from somewhere in `bar` on, voice by voice."""
        for channel in {message[0] for message in struck}:
            heard = [message for message in struck if message[0] == channel]
            there = [(tick, m) for tick, m in rendered if m[0] == channel and tick >= bar * TICKS_PER_BAR]
            begin = [place for place, (tick, _) in enumerate(there) if tick < (bar + 1) * TICKS_PER_BAR]
            rest = [message for _, message in there]
            assert any(rest[place : place + len(heard)] == heard for place in [*begin, len(begin)])

    def go_on(*messages: tuple[int, ...], notes: int) -> list[list[int]]:
        """Have the master send `messages`, then Stop after `notes` notes; return those."""
        before = second.struck()
        for message in messages:
            say(*message)
        until(lambda: second.struck() >= before + notes, f"{notes} notes have begun")
        say(STOP)
        until(lambda: not second.sounding(), "nothing sounds")
        return struck_since(before)

    go_on((START,), notes=5)  # wherever the master is once the model has been loaded
    played_from(0, go_on((START,), notes=30))
    played_from(6, go_on((POSITION, 6 * 16, 0), (CONTINUE,), notes=20))
