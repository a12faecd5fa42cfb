"""Ableton Link: alone on a clock that jumps, and with another peer in a network namespace of their own."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from booth import Booth, plain

from engine.bar import PPQN, TICKS_PER_BAR
from engine.clock import read
from engine.link import Peer
from engine.messages import Acknowledge, Command, Play, Quit, SetBpm, Stop
from engine.midi import NOTE_ON
from engine.snapshot import Snapshot

HERE = Path(__file__).parent
PATIENCE = 90.0  # seconds for something to happen that always does, on a machine that is busy
HELD = 0.2  # seconds from which on the music is rightly moved rather than rushed
NETWORK = "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo"
TOGETHER = 0.005  # seconds by which two peers may differ: Link promises 3 ms, the bend back allows for more
OLDER = 0.8  # seconds; of two sessions that are as old as each other to within half of one, chance chooses
PLAIN = plain(9)

Begin = Callable[..., Any]
Rows = list[tuple[float, float, tuple[int, ...]]]  # time, tick and message of each note

installed = importlib.util.find_spec("link") is not None
needs_link = pytest.mark.skipif(not installed, reason="Ableton Link is an extra: pip install -e '.[link]'")


# Alone: nothing goes onto the network.


def alone(**changes: object) -> tuple[Booth, float]:
    """Return a performance in a session of its own, and when it was opened."""
    start = read()
    return Booth(start, peer=Peer(132.0), bpm=132.0, sync="link", **changes), start


@needs_link
def test_alone_it_begins_at_once_and_plays_every_note_in_its_order_at_its_own_tempo() -> None:
    booth, start = alone()
    booth.until(start + 12.0)
    assert [heard.message for heard in booth.notes] == [message for _, message in PLAIN][: len(booth.notes)]
    ticks = [tick for tick, _ in PLAIN][: len(booth.notes)]
    assert ticks[-1] > 6 * TICKS_PER_BAR
    begun = np.array([heard.time for heard in booth.notes]) - np.array(ticks) * 60 / (132.0 * PPQN)
    assert start < begun[0] < start + 0.2
    assert np.abs(begun - begun[0]).max() < 1e-4
    assert booth.sync() == "Link without peers, 132.0 BPM"


@needs_link
def test_the_performers_tempo_moves_every_note_to_come_without_burst_or_gap() -> None:
    booth, start = alone()
    tempi = (132.0, 150.0, 80.0, 81.0, 300.0, 120.0)
    for number, bpm in enumerate(tempi):
        booth.do(SetBpm(bpm))
        booth.until(start + 2.5 * (number + 1))
        assert booth.sync() == f"Link without peers, {bpm:.1f} BPM"
    assert [heard.message for heard in booth.notes] == [message for _, message in PLAIN][: len(booth.notes)]
    ticks = [tick for tick, _ in PLAIN][: len(booth.notes)]
    for (before, tick), (after, later) in pairwise(zip(booth.notes, ticks, strict=True)):
        if later > tick:
            pace = 60 / PPQN * (later - tick) / (after.time - before.time)
            assert 80 / 2.1 < pace < 300 * 2.1
    last = [heard.time for heard in booth.strikes(start + 13.0)]
    first = ticks[[heard.time for heard in booth.notes].index(last[0])]
    end = ticks[[heard.time for heard in booth.notes].index(last[-1])]
    assert (last[-1] - last[0]) * 120.0 * PPQN / 60 == pytest.approx(end - first, abs=0.5)


@needs_link
def test_stop_is_silence_and_play_begins_again_at_bar_one() -> None:
    booth, start = alone()
    booth.until(start + 3.0)
    booth.do(Stop())
    assert booth.hanging() == set()
    assert booth.sync() == "Link without peers, 132.0 BPM, waiting for start"
    count = len(booth.notes)
    booth.until(start + 5.0)
    assert len(booth.notes) == count
    booth.do(Play())
    booth.until(start + 8.0)
    again = [heard.message for heard in booth.notes[count:]]
    assert again == [message for _, message in PLAIN][: len(again)]
    assert booth.notes[count].time - PLAIN[0][0] * 60 / (132.0 * PPQN) < start + 5.3
    booth.do(Play())
    booth.until(start + 9.0)
    more = [heard.message for heard in booth.notes[count:]]
    assert more == [message for _, message in PLAIN][: len(more)]


@needs_link
@pytest.mark.parametrize("stood", [0.6, 0.9, 3.0])
def test_after_a_machine_that_stood_still_it_goes_on_where_the_session_is(stood: float) -> None:
    booth, start = alone()
    booth.until(start + 3.3)
    booth.time.wait(booth.time.now() + stood, ())  # nobody did anything meanwhile
    again = booth.time.now()
    booth.until(again + 4.0)
    assert len(booth.hanging()) <= 8  # what sounds at last; no note came twice
    before = [heard.time for heard in booth.notes if heard.time < again]
    zero = before[0] - PLAIN[0][0] * 60 / (132.0 * PPQN)
    written = {(tick, note) for tick, note in PLAIN if note[0] & 0xF0 == NOTE_ON}
    struck = booth.strikes(again)
    assert len(struck) > 10
    for heard in struck:  # each is on the session's beat: none of those that were missed, and none in a rush
        beats = (heard.time - zero) * 132.0 / 60
        assert any(note == heard.message and abs(tick / PPQN - beats) < 0.01 for tick, note in written)
    assert booth.player.performance.stalls.kept[0][1] == pytest.approx(stood, abs=0.3)


# With another peer.


@pytest.fixture(scope="module")
def network() -> Iterator[list[str]]:
    """What a command begins with to be run where only loopback is, so that no real session is disturbed."""
    if not installed:
        pytest.skip("Ableton Link is an extra: pip install -e '.[link]'")
    missing = [program for program in ("unshare", "nsenter", "ip") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: network namespaces need util-linux and iproute2")
    keeper = subprocess.Popen(
        ["unshare", "-rn", "sh", "-c", f"{NETWORK} && echo ready && exec sleep 600"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with keeper:
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        if keeper.stdout.readline() != "ready\n":
            pytest.skip(f"no network namespace can be had here: {keeper.stderr.read().strip()}")
        yield ["nsenter", "--preserve-credentials", "-U", "-n", "-t", str(keeper.pid)]
        keeper.kill()


class Program:
    """A program of the test in that network, with a pipe to it."""

    def __init__(self, network: list[str], script: str, *words: object) -> None:
        self.pipe, there = Pipe()
        command = [*network, sys.executable, str(HERE / script), str(there.fileno()), *map(str, words)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
        self._process = subprocess.Popen(command, pass_fds=[there.fileno()], env=environment)
        there.close()

    def receive(self) -> Any:
        """Return what it says next."""
        assert self.pipe.poll(PATIENCE), "it does not answer"
        return self.pipe.recv()

    def end(self) -> None:
        """See it leave."""
        self.pipe.close()
        self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()


class Other(Program):
    """Somebody else, whose session is the older one."""

    def begin(self) -> None:
        """Wait until its session is there."""
        self.ask("state")
        time.sleep(OLDER)

    def ask(self, word: str, value: object = None) -> Any:
        """Have it do something; return its answer."""
        self.pipe.send((word, value))
        return self.receive()

    def has(self, **wanted: object) -> None:
        """Wait until it is as `wanted`."""
        until(lambda: self.ask("state").items() >= wanted.items(), lambda: f"{self.ask('state')} is {wanted}")

    def leave(self) -> None:
        """Have it leave the session."""
        self.pipe.send(None)
        self.end()


class Instrument(Program):
    """The player, seen as the screen sees it."""

    now: Snapshot

    def begin(self) -> None:
        """Wait until there is something to see."""
        self.look()

    def look(self) -> Snapshot:
        """Return the next snapshot."""
        snapshot = self.receive()
        assert isinstance(snapshot, Snapshot)
        assert not snapshot.failed, snapshot.notices
        if not snapshot.finished:
            self.pipe.send(Acknowledge())
        self.now = snapshot
        return snapshot

    def shows(self, sync: str, playing: bool = True) -> None:
        """Wait until the screen says so."""
        until(
            lambda: (self.look().sync, self.now.playing) == (sync, playing),
            lambda: f"the screen says {sync}, instead of {self.now.sync}, playing {self.now.playing}",
        )

    def reaches(self, tick: int) -> None:
        """Wait until `tick` is played."""
        until(lambda: self.look().tick >= tick, lambda: f"tick {tick} is played, not {self.now.tick}")

    def do(self, command: Command) -> None:
        """Have the performer do something."""
        self.pipe.send(command)

    def leave(self) -> Rows:
        """Leave; return time, tick and message of every note."""
        self.do(Quit())
        while not self.look().finished:
            pass
        rows: Rows
        rows, held = self.receive()
        self.end()
        if held > HELD:
            pytest.skip(f"this machine held the player up for {held:.1f} s: its notes tell nothing")
        return rows


def until(look: Callable[[], object], what: Callable[[], str]) -> None:
    """Wait until `look` returns something true."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain until {what()}"
        time.sleep(0.005)


@pytest.fixture
def begin(network: list[str]) -> Iterator[Begin]:
    """Start `Other` or `Instrument` at a tempo; ended after the test."""
    started: list[Other | Instrument] = []

    def start(kind: type[Other | Instrument], bpm: float, *words: str) -> Other | Instrument:
        script = "link_player.py" if kind is Instrument else "link_peer.py"
        started.append(kind(network, script, bpm, *words))
        started[-1].begin()
        return started[-1]

    yield start
    for program in started:
        program.kill()


def in_order(rows: Rows) -> None:
    """Assert that these are the notes of the piece from its beginning, each once."""
    assert len(rows) > 20
    count = len(rows) - 1
    while rows[count][2][0] & 0xF0 != NOTE_ON:  # it ends with the end of whatever sounded
        count -= 1
    assert [message for _, _, message in rows[:count]] == [message for _, message in PLAIN][:count]


def apart(other: Other, rows: Rows, bpm: float) -> float:
    """Return by how many seconds at most the other's bar and ours are apart at the times of `rows`."""
    ours = np.array([tick / PPQN for _, tick, _ in rows])
    theirs = np.array(other.ask("phases", [moment for moment, _, _ in rows]))
    beats = (ours - theirs + 2) % 4 - 2
    late = beats * 60_000 / bpm
    print(
        f"{len(rows)} notes, {bpm:g} BPM: apart by {np.median(late):.2f}, at most {np.abs(late).max():.2f} ms"
    )
    return float(np.abs(late).max() / 1000)


def test_who_joins_takes_the_tempo_and_the_bar_that_it_finds(begin: Begin) -> None:
    other = begin(Other, 197.0)
    player = begin(Instrument, 140.0, "--others")
    player.shows("Link with 1 peer, 197.0 BPM")
    other.has(peers=1)
    assert other.ask("state")["bpm"] == pytest.approx(197.0, abs=1e-3)
    assert not other.ask("state")["playing"]  # nobody is started by one that joins
    player.reaches(TICKS_PER_BAR)
    assert player.now.bpm == 197.0
    rows = player.leave()
    in_order(rows)
    assert PLAIN[0][0] <= rows[0][1] < PLAIN[0][0] + PPQN / 4
    assert apart(other, rows, 197.0) < TOGETHER
    other.has(peers=0)  # it has said goodbye
    assert other.ask("state")["bpm"] == pytest.approx(197.0, abs=1e-3)


def test_the_tempo_is_everybodys_and_no_change_of_it_loses_doubles_or_reorders_a_note(begin: Begin) -> None:
    other = begin(Other, 220.0)
    player = begin(Instrument, 100.0, "--others")
    player.reaches(PPQN)
    for bpm in (150.0, 90.0, 131.5):
        other.ask("tempo", bpm)
        player.shows(f"Link with 1 peer, {bpm:.1f} BPM")
        player.reaches(player.now.tick + PPQN)
    player.do(SetBpm(144.0))
    until(
        lambda: other.ask("state")["bpm"] == pytest.approx(144.0, abs=0.01), lambda: "the other has 144 BPM"
    )
    changed = time.monotonic()
    player.shows("Link with 1 peer, 144.0 BPM")
    player.reaches(player.now.tick + 2 * PPQN)
    rows = player.leave()
    in_order(rows)
    ticks = [tick for _, tick, _ in rows]
    assert ticks == sorted(ticks)
    assert apart(other, [row for row in rows if row[0] > changed + 0.3], 144.0) < TOGETHER


def test_start_and_stop_go_both_ways(begin: Begin) -> None:
    other = begin(Other, 240.0)
    player = begin(Instrument, 100.0, "--others")
    player.reaches(PPQN)
    other.ask("playing", True)
    player.reaches(player.now.tick + PPQN)  # it plays on: it was there already
    other.ask("playing", False)
    player.shows("Link with 1 peer, 240.0 BPM, waiting for start", playing=False)
    assert not any(voice.sounding for voice in player.now.voices)
    assert player.now.tick == 0
    other.ask("playing", True)
    player.shows("Link with 1 peer, 240.0 BPM")
    player.reaches(PPQN)
    player.do(Stop())
    other.has(playing=False)
    player.do(Play())
    other.has(playing=True)
    player.reaches(PPQN)
    begun = time.monotonic()
    player.reaches(3 * PPQN)
    rows = [row for row in player.leave() if row[0] > begun]
    assert apart(other, rows, 240.0) < TOGETHER
    assert other.ask("state")["playing"]  # who leaves stops nobody


def test_a_stop_is_heard_where_the_start_was_before_its_time(begin: Begin) -> None:
    other = begin(Other, 240.0)
    other.ask("playing", True)
    player = begin(Instrument, 100.0, "--others")
    player.reaches(PPQN)
    other.ask("playing", False)
    player.shows("Link with 1 peer, 240.0 BPM, waiting for start", playing=False)


def test_when_the_others_leave_it_plays_on(begin: Begin) -> None:
    other = begin(Other, 240.0)
    player = begin(Instrument, 100.0, "--others")
    player.reaches(PPQN)
    other.leave()
    player.shows("Link without peers, 240.0 BPM")
    player.reaches(player.now.tick + 2 * PPQN)
    in_order(player.leave())


# Without it.


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "ModuleNotFoundError(\"No module named 'link'\", name='link')",
            "Ableton Link is an extra that is not installed: pip install 'live-vae[link]'",
        ),
        (
            "ImportError('libatomic.so.1: cannot open shared object file')",
            "Ableton Link cannot be loaded: libatomic.so.1: cannot open shared object file; "
            "on Debian, apt install libatomic1",
        ),
    ],
)
def test_where_it_cannot_be_had_that_is_one_line_and_code_2(tmp_path: Path, error: str, said: str) -> None:
    (tmp_path / "link.py").write_text(f"raise {error}\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "live.cli", "--headless", "--sync", "link"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"live: {said}\n"
