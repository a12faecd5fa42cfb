"""A real DAW records the trio's port: Ardour, without a display."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from heard import by_channel, notes, sounding, written
from parts import PATIENCE, Live, live_script, need, until

pytestmark = pytest.mark.parts
BARS, SEED = 2, 7
# Starts of Ardour: on a busy machine JACK throws it out at times, however long it waits (ardour_take.lua).
TRIES = 3
THROWN_OUT = "JACK HALTED"


class Ardour:
    """Ardour, recording a new MIDI track over JACK."""

    def __init__(self, environment: dict[str, str], home: Path) -> None:
        need("ardour7-lua")
        home.mkdir()
        self.folder = home / "session"
        self._log = (home / "ardour.log").open("w+")
        self._process = subprocess.Popen(
            ["ardour7-lua", str(Path(__file__).with_name("ardour_take.lua"))],
            env=environment | {"HOME": str(home), "TAKE_FOLDER": str(self.folder)},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        until(lambda: self._mark("rolling").exists() or self._process.poll() is not None, "Ardour records")

    @property
    def records(self) -> bool:
        """Whether the tape rolls, and has not been stopped."""
        return self._process.poll() is None

    def finish(self) -> Path:
        """Stop the tape and return the .mid file that Ardour wrote."""
        self._mark("stop").touch()
        self._process.wait(PATIENCE)
        takes = list(self.folder.glob("interchange/*/midifiles/*.mid"))
        assert len(takes) == 1, self.log()
        return takes[0]

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def log(self) -> str:
        """Return what it printed."""
        self._log.seek(0)
        return self._log.read()

    def _mark(self, name: str) -> Path:
        return self.folder.with_name(f"{self.folder.name}.{name}")


@pytest.fixture
def ardour(environment: dict[str, str], tmp_path: Path) -> Iterator[Ardour]:
    """Ardour, recording."""
    for number in range(TRIES):
        machine = Ardour(environment, tmp_path / f"ardour-{number}")
        if machine.records or THROWN_OUT not in machine.log():
            break
        machine.kill()
    assert machine.records, machine.log()
    yield machine
    machine.kill()


def test_ardour_records_the_very_notes_of_the_render(
    ardour: Ardour, live: Callable[..., Live], run: Callable[..., str], tmp_path: Path
) -> None:
    player = live("--bars", BARS, "--seed", SEED, "--delay", 3)
    until(lambda: "live:trio" in run("jack_lsp").split("\n"), "the trio's port is there")
    ports = run("jack_lsp").split("\n")
    tapes = [name for name in ports if "tape/midi_in" in name]
    assert len(tapes) == 1, ports
    run("jack_connect", "live:trio", tapes[0])
    player.finish()
    recorded = [message for _, message in written(ardour.finish())]

    rendered = tmp_path / "render.mid"
    run(live_script(), "render", "--preset", "trio", "--bars", BARS, "--seed", SEED, "--output", rendered)
    expected = chords(written(rendered))
    assert len(expected) > 10
    heard = by_channel(notes(recorded))
    # Ardour sorts what comes at one moment, so a chord is compared whole.
    for channel, chord in expected:
        assert sorted(heard[channel][: len(chord)]) == chord
        del heard[channel][: len(chord)]
    assert not any(heard.values())
    assert not sounding(recorded)


def chords(timed: list[tuple[int, list[int]]]) -> list[tuple[int, list[tuple[int, int]]]]:
    """Return (channel, sorted (pitch, velocity)) of what begins and ends at one tick of one channel."""
    moments: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for tick, message in timed:
        for channel, pitch, velocity in notes([message]):
            moments.setdefault((tick, channel), []).append((pitch, velocity))
    return [(channel, sorted(chord)) for (_, channel), chord in sorted(moments.items())]
