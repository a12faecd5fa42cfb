"""The player on the real ALSA sequencer, inside a guest that has one."""

import base64
import re
import sys
from pathlib import Path

import guest
import pytest
import toy_composer
from alsa_player import BPM
from heard import by_channel, notes, sounding, written
from parts import need

from engine.render import render

pytestmark = pytest.mark.parts
PLAYER = Path(__file__).with_name("alsa_player.py")
BARS = 2
ROOT = PLAYER.parents[2]
REPLUG = ROOT / "tests" / "engine" / "replug.py"
ENVIRONMENT = f"""
cd /run
export PYTHONPATH={ROOT}:{Path(toy_composer.__file__).parent} OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
"""
# The guest's clients find the port by its client's name; arecordmidi writes its file when interrupted.
JOB = f"""{ENVIRONMENT}
appears() {{ for _ in $(seq 600); do aconnect -i | grep -q "'live'" && return; sleep 0.1; done; exit 3; }}

{sys.executable} {PLAYER} {BARS} & player=$!
appears
arecordmidi -p live:0 -b {BPM:.0f} -t 480 take.mid & recorder=$!
wait $player || exit 4
kill -INT $recorder; wait $recorder
echo "TAKE $(base64 -w0 take.mid) END"

{sys.executable} {PLAYER} > number & session=$!
appears
aseqdump -p live:0 > heard & dump=$!
for _ in $(seq 600); do [ $(grep -c 'Note on' heard) -ge 6 ] && break; sleep 0.1; done
kill -9 $(cat number)
wait $session
sleep 2
kill $dump; wait $dump
echo "HEARD $(base64 -w0 heard) END"
"""
REPLUGGED = f"{ENVIRONMENT}{sys.executable} {REPLUG} ALSA"
EVENT = re.compile(r"Note (on|off)\s+(\d+), note (\d+)(?:, velocity (\d+))?")


@pytest.fixture(scope="module")
def printed() -> str:
    """What the guest printed; one boot serves most tests."""
    need("aconnect", "arecordmidi", "aseqdump")
    return guest.run(JOB)


def found(printed: str, word: str) -> bytes:
    """Return the file that the guest printed after `word`."""
    match = re.search(rf"{word} (\S+) END", printed)
    assert match, printed[-3000:]
    return base64.b64decode(match[1])


def test_arecordmidi_hears_the_very_notes_of_the_render(printed: str, tmp_path: Path) -> None:
    take = tmp_path / "take.mid"
    take.write_bytes(found(printed, "TAKE"))
    heard = [message for _, message in written(take)]
    rendered = render(toy_composer.setup(bpm=BPM), toy_composer.decode, BARS, tmp_path / "render.mid")
    expected = [message for _, message in written(rendered)]
    assert "ALSA: live:toy" in printed
    assert len(notes(heard)) > 20
    assert by_channel(notes(heard)) == by_channel(notes(expected))
    assert not sounding(heard)


def test_what_is_unplugged_and_plugged_in_again_is_connected_again() -> None:
    assert "REPLUGGED" in guest.run(REPLUGGED)


def test_the_guard_ends_the_notes_of_a_killed_player(printed: str) -> None:
    text = found(printed, "HEARD").decode()
    events = [
        [0x90 if kind == "on" else 0x80, int(channel), int(pitch), int(velocity or 0)]
        for kind, channel, pitch, velocity in EVENT.findall(text)
    ]
    messages = [[kind | channel, pitch, velocity] for kind, channel, pitch, velocity in events]
    struck = [message for message in messages if message[0] & 0xF0 == 0x90]
    assert len(struck) >= 6
    assert not sounding(messages), text[-2000:]
