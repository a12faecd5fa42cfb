"""The processes of a performance: what they say, what they keep, and how they start and end together."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mido
import pytest
import sessions
import toy_composer
from sessions import PATIENCE, needs_signals, quiet, wait_for

from engine.ledger import Ledger
from engine.messages import Quit, Record
from engine.render import render

pytestmark = needs_signals
no_jack = sessions.no_jack


@pytest.mark.usefixtures("no_jack")
def test_a_performance_without_midi_says_so_ends_by_itself_and_is_recorded(tmp_path: Path) -> None:
    with quiet(bars=2, seed=7, record=str(tmp_path / "live.mid")) as session:
        last = wait_for(session, "finished", True)
        assert Path("/dev/snd/seq").exists() or "no MIDI port" in last.out_port
        assert session.poll() is None
    setup = toy_composer.setup(bpm=300.0, seed=7)
    rendered = render(setup, toy_composer.decode, 2, tmp_path / "render.mid")
    assert (tmp_path / "live.mid").read_bytes() == rendered.read_bytes()


@pytest.mark.usefixtures("no_jack")
def test_a_take_of_the_middle_is_written_while_the_music_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet() as session:
        wait_for(session, "playing", True)
        session.send(Record(str(path)))
        wait_for(session, "recording", str(path))
        session.send(Record(None))
        while not any("recorded" in notice for notice in wait_for(session, "recording", None).notices):
            pass
        assert mido.MidiFile(path).type == 1
        session.send(Record(str(path)))
        while not any("not overwritten" in notice for notice in wait_for(session, "playing", True).notices):
            pass
        session.send(Quit())
        wait_for(session, "finished", True)


@pytest.mark.skipif(Path("/dev/snd/seq").exists(), reason="there is an ALSA sequencer to listen on")
@pytest.mark.usefixtures("no_jack")
def test_a_master_that_cannot_be_heard_is_said() -> None:
    with quiet(sync="midi") as session:
        snapshot = wait_for(session, "sync", "no MIDI input")
        assert any("no MIDI clock can come in" in notice for notice in snapshot.notices)


LAUNCH = """
import toy_composer
from engine.session import Session
if __name__ == "__main__":
    try:
        with Session(toy_composer.setup(), compose=toy_composer.run) as session:
            print(*session.pids.values(), flush=True)
            while not (last := session.poll(0.1)) or not last.finished:
                pass
            print("finished", flush=True)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.mark.usefixtures("no_jack")
@pytest.mark.parametrize("pause", [0.0, 0.1, 0.2, 0.4])  # seconds: before, during and after its imports
def test_ctrl_c_while_the_processes_start_prints_no_traceback(pause: float, tmp_path: Path) -> None:
    script = tmp_path / "launch.py"
    script.write_text(LAUNCH)
    folders = [str(Path(toy_composer.__file__).parent), str(Path(__file__).parents[2])]
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline()  # they have been spawned, and have hardly begun
    time.sleep(pause)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert err == ""
    assert out


def test_the_ledger_keeps_what_sounds_for_whoever_comes_after() -> None:
    mine = Ledger()
    theirs = Ledger(mine.name)
    mine.mark(9, 36)
    mine.mark(0, 127)
    mine.clear(0, 127)
    mine.write("journal", "/a/täke.mid.part")
    assert list(theirs.sounding()) == [(9, 36)]
    assert theirs.channels() == [0, 9]
    assert theirs.read("journal") == "/a/täke.mid.part"
    assert not theirs.clean
    mine.clean = True
    assert theirs.clean
    theirs.close()
    mine.close()
    mine.unlink()
