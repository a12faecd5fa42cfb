"""Ableton Link where nobody else is: alone on a clock that jumps, and where it cannot be had at all."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from booth import Booth, plain
from link_programs import needs_link

from engine.bar import PPQN, TICKS_PER_BAR
from engine.clock import read
from engine.link import Peer
from engine.messages import Play, SetBpm, Stop
from engine.midi import NOTE_ON

PLAIN = plain(9)


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
