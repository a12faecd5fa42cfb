"""Ableton Link with another peer, in a network namespace of their own."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from booth import plain
from link_programs import Instrument, Other, Rows, needs_link, until

from engine.bar import PPQN, TICKS_PER_BAR
from engine.messages import Play, SetBpm, Stop
from engine.midi import NOTE_ON

pytestmark = needs_link
NETWORK = "ip link set lo up && ip link set lo multicast on && ip route add 224.0.0.0/4 dev lo"
TOGETHER = 0.005  # seconds by which two peers may differ: Link promises 3 ms, the bend back allows for more
PLAIN = plain(9)
Begin = Callable[..., Any]


@pytest.fixture(scope="module")
def network() -> Iterator[list[str]]:
    """What a command begins with to be run where only loopback is, so that no real session is disturbed."""
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
