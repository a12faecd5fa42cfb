"""The processes of a performance: what they say, and that no note outlives any of them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import mido
import pytest
import toy_composer
from jack_server import jack_server
from replug import replug

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR
from engine.inlet import open_input
from engine.ledger import Ledger
from engine.messages import Quit, Record, SetMute
from engine.processes import RESTARTS
from engine.render import render
from engine.request import ComposerState
from engine.session import Session
from engine.snapshot import Snapshot

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills processes by POSIX signals")
PATIENCE = 30.0  # seconds that a loaded machine may take for what takes one


def wait_for(session: Session, state: str, value: object) -> Snapshot:
    """Return the first snapshot in which `state` is `value`."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        snapshot = session.poll(0.2)
        if snapshot is not None and getattr(snapshot, state) == value:
            return snapshot
        assert snapshot is None or not snapshot.finished, snapshot.notices
    raise AssertionError(f"{state} never became {value!r}")


@pytest.fixture
def no_jack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the processes of a session look for a JACK server that does not exist."""
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "there-is-none")


def quiet(**changes: object) -> Session:
    """Return a fast session of the toy; with `no_jack`, it plays into nothing where there is no ALSA."""
    fields = {"bpm": 300.0, "sound": None, "sound_device": "null"} | changes
    return Session(toy_composer.setup(**fields), compose=toy_composer.run)


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


@pytest.mark.usefixtures("no_jack")
def test_a_composer_that_is_killed_is_replaced_and_the_music_goes_on() -> None:
    with quiet() as session:
        wait_for(session, "playing", True)
        for _ in range(2):
            before = session.pids["composer"]
            assert before is not None
            os.kill(before, signal.SIGKILL)
            deadline = time.monotonic() + PATIENCE
            while session.pids["composer"] == before and time.monotonic() < deadline:
                session.poll(0.05)
            snapshot = wait_for(session, "composer", "ready")
            assert snapshot.playing
            assert any("code -9; starting another" in notice for notice in snapshot.notices)


@pytest.mark.usefixtures("no_jack")
def test_a_killed_player_leaves_a_last_snapshot_and_its_take(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet(record=str(path)) as session:
        wait_for(session, "playing", True)
        session.send(SetMute(0, True))
        player = session.pids["player"]
        assert player is not None
        os.kill(player, signal.SIGKILL)
        last = wait_for(session, "finished", True)
        assert "ended with code -9" in last.notices[-1]
        assert not last.playing
        assert last.failed
        assert all(voice.sounding == () for voice in last.voices)
        session.send(Quit())
    assert len(mido.MidiFile(path).tracks) == 4
    assert not Path(f"{path}.part").exists()


@pytest.mark.usefixtures("no_jack")
def test_a_take_that_takes_longer_to_write_than_the_close_allows_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet(record=str(path)) as session:
        wait_for(session, "playing", True)
        player = session.pids["player"]
        assert player is not None
        os.kill(player, signal.SIGSTOP)
        with Path(f"{path}.part").open("a") as journal:  # as if it had played for an hour
            journal.writelines(
                f"{90000 + tick} 0 {'80' if tick % 2 else '90'}3c50\n" for tick in range(100_000)
            )
        os.kill(player, signal.SIGKILL)
        session.close(timeout=0.5)
    assert sum(message.type == "note_on" for message in mido.MidiFile(path).tracks[1]) >= 50_000


@pytest.mark.usefixtures("no_jack")
def test_player_and_guard_killed_together_leave_their_take_written(tmp_path: Path) -> None:
    path = tmp_path / "take.mid"
    with quiet(record=str(path)) as session:
        wait_for(session, "playing", True)
        for who in ("guard", "player"):
            victim = session.pids[who]
            assert victim is not None
            os.kill(victim, signal.SIGKILL)
        last = wait_for(session, "finished", True)
        assert last.failed
        assert "have been ended" not in last.notices[-1] or Path("/dev/snd/seq").exists()
    assert len(mido.MidiFile(path).tracks) == 4
    assert [file.name for file in tmp_path.iterdir()] == ["take.mid"]


@pytest.mark.usefixtures("no_jack")
def test_a_guard_that_dies_too_often_is_not_started_again_and_takes_are_written_without(
    tmp_path: Path,
) -> None:
    path = tmp_path / "take.mid"
    with quiet() as session:
        wait_for(session, "playing", True)
        session.send(Record(str(path)))
        wait_for(session, "recording", str(path))
        for _ in range(RESTARTS + 1):
            before = session.pids["guard"]
            assert before is not None
            os.kill(before, signal.SIGKILL)
            deadline = time.monotonic() + PATIENCE
            said = False
            while session.pids["guard"] == before and not said and time.monotonic() < deadline:
                snapshot = session.poll(0.05)
                said = snapshot is not None and any("not started again" in n for n in snapshot.notices)
        assert said
        assert wait_for(session, "playing", True).composer == "ready"
        session.send(Record(None))
        while not any("recorded" in notice for notice in wait_for(session, "recording", None).notices):
            assert time.monotonic() < deadline + PATIENCE
        assert len(mido.MidiFile(path).tracks) == 4


@pytest.mark.skipif(Path("/dev/snd/seq").exists(), reason="there is an ALSA sequencer to listen on")
@pytest.mark.usefixtures("no_jack")
def test_a_master_that_cannot_be_heard_is_said() -> None:
    with quiet(sync="midi") as session:
        snapshot = wait_for(session, "sync", "no MIDI input")
        assert any("no MIDI clock can come in" in notice for notice in snapshot.notices)


def nonsense(connection: Connection, model: str, _: str) -> None:
    """Be a composer that writes a bar that is none after a few good ones, once in this folder."""
    connection.send(ComposerState("ready"))
    bad = not Path(model).exists()
    with contextlib.suppress(EOFError, OSError):
        while True:
            reply = toy_composer.decode(connection.recv())
            if bad and reply.number == 3:
                Path(model).touch()
                reply = replace(reply, tokens=((999, 0, 0),) * STEPS_PER_BAR)
            connection.send(reply)


@pytest.mark.usefixtures("no_jack")
def test_a_composer_that_lives_but_cannot_be_used_is_replaced(tmp_path: Path) -> None:
    setup = toy_composer.setup(bpm=300.0, model=str(tmp_path / "once"))
    with Session(setup, compose=nonsense) as session:
        before = session.pids["composer"]
        deadline = time.monotonic() + PATIENCE
        while session.pids["composer"] == before and time.monotonic() < deadline:
            session.poll(0.05)
        snapshot = wait_for(session, "composer", "ready")
        assert any("bar that is none" in notice for notice in snapshot.notices)
        assert any("starting another" in notice for notice in snapshot.notices)
        assert snapshot.playing


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


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A private JACK server that this process and its children reach."""
    with jack_server():
        yield


@pytest.mark.parts
def test_a_jack_server_that_dies_is_noticed_and_the_music_goes_on() -> None:
    setup = toy_composer.setup(bpm=300.0, api="JACK", sound=None, sound_device="null")
    server = contextlib.ExitStack()
    server.enter_context(jack_server(f"engine-dies-{os.getpid()}"))
    with server, Session(setup, toy_composer.run) as session:
        deadline = time.monotonic() + PATIENCE
        while "nobody yet + built-in sound (Null)" not in wait_for(session, "playing", True).out_port:
            assert time.monotonic() < deadline
        server.close()
        while "no MIDI port" not in wait_for(session, "playing", True).out_port:
            assert time.monotonic() < deadline + PATIENCE
        before = wait_for(session, "playing", True)
        assert any("the JACK server is gone" in notice for notice in before.notices)
        assert "built-in sound (Null)" in before.out_port
        while wait_for(session, "playing", True).tick < before.tick + 3 * TICKS_PER_BAR:
            assert time.monotonic() < deadline + 2 * PATIENCE


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
def test_what_is_unplugged_and_plugged_in_again_is_connected_again() -> None:
    replug("JACK")


@pytest.mark.parts
@pytest.mark.usefixtures("jack")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_no_note_stays_on_at_a_receiver_when_the_player_is_told_to_end(number: signal.Signals) -> None:
    heard: list[list[int]] = []
    ear = open_input("JACK", heard.append, clock=True)
    with Session(toy_composer.setup(bpm=40.0, api="JACK"), compose=toy_composer.run) as session:
        wait_for(session, "playing", True)
        connect = ["jack_connect", "live:toy", "live-in:control"]
        subprocess.run(connect, check=True, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not (_on(heard) and "1 client" in wait_for(session, "playing", True).out_port):
            assert time.monotonic() < deadline
        player = session.pids["player"]
        assert player is not None
        os.kill(player, number)
        with contextlib.suppress(ConnectionError):
            wait_for(session, "finished", True)
    assert _on(heard) == set()
    ear.close()


def _on(heard: list[list[int]]) -> set[tuple[int, int]]:
    on: set[tuple[int, int]] = set()
    for message in list(heard):
        key = (message[0] & 0x0F, message[1])
        if message[0] & 0xF0 == 0x90:
            on.add(key)
        elif message[0] & 0xF0 == 0x80:
            on.discard(key)
    return on
