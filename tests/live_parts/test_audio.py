"""The trio as audio: through fluidsynth on its port, and through its own built-in sound."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from heard import written
from numpy.typing import NDArray
from parts import Live, live_script, need, stop, until

from engine.sound import Sound
from engine.soundfont import font_path

pytestmark = pytest.mark.parts
Start = Callable[..., Live]
Run = Callable[..., str]
RATE = 48000
ARGUMENTS = ("--bars", 2, "--seed", 7, "--delay", 3)


def loud_seconds(audio: NDArray[np.int16], rate: int) -> float:
    """Return for how many seconds `audio` (frames, 2) is well above silence."""
    tenths = audio[: len(audio) // (rate // 10) * (rate // 10)].reshape(-1, rate // 10, 2)
    levels = np.sqrt(np.mean(np.square(tenths.astype(np.float64)), axis=(1, 2)))
    return float(np.sum(levels > 100)) / 10


def test_fluidsynth_on_the_port_gives_audio(
    live: Start, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    need("fluidsynth", "jack_lsp")
    raw = tmp_path / "take.raw"
    options = {
        "midi.jack.id": "fs",
        "audio.file.name": raw,
        "audio.file.type": "raw",
        "audio.file.format": "s16",
    }
    synth = subprocess.Popen(
        ["fluidsynth", "-i", "-s", "-m", "jack", "-a", "file", "-r", str(RATE)]
        + [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        + [str(font_path())],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        player = live(*ARGUMENTS)
        until(lambda: {"live:trio", "fs:midi_00"} <= set(run("jack_lsp").split("\n")), "both ports are there")
        run("jack_connect", "live:trio", "fs:midi_00")
        player.finish()
    finally:
        stop(synth)
    audio = np.fromfile(raw, "<i2")
    assert loud_seconds(audio[: len(audio) // 2 * 2].reshape(-1, 2), RATE) > 0


def test_the_built_in_sound_plays_the_trio_on_the_null_device(run: Run, tmp_path: Path) -> None:
    rendered, capture = tmp_path / "render.mid", tmp_path / "take.wav"
    run(live_script(), "render", "--preset", "trio", "--bars", 1, "--seed", 7, "--output", rendered)
    sound = Sound.open({0: 4, 1: 33, 9: 0}, device="null", capture=capture)
    begin = time.monotonic() + 0.2
    for tick, message in written(rendered):
        time.sleep(max(0.0, begin + tick / 960 - time.monotonic()))
        sound.send(message)
    report = sound.close()
    assert report is not None
    assert report.peak > 0.05
    heard = np.frombuffer(capture.read_bytes()[44:], "<i2").reshape(-1, 2)
    assert len(heard) == report.frames
    assert loud_seconds(heard, 44100) > 0


def test_live_with_sound_plays_into_the_audio_system_that_is_there(
    live: Start, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    need("jack_lsp", "jack_rec")
    player = live(*ARGUMENTS, "--sound")
    until(lambda: _speakers(run), "the built-in sound is connected")
    capture = tmp_path / "take.wav"
    recorder = subprocess.Popen(
        ["jack_rec", "-f", str(capture), "-d", "9", "-b", "16", *_speakers(run)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    printed = player.finish()
    recorder.wait(30)
    assert "built-in sound (JACK)" in printed
    assert loud_seconds(np.frombuffer(capture.read_bytes()[44:], "<i2").reshape(-1, 2), RATE) > 0


def _speakers(run: Run) -> list[str]:
    """Return the ports that play into the speakers of the JACK server."""
    lines = run("jack_lsp", "-c").split("\n")
    at = [index for index, line in enumerate(lines) if line.startswith("system:playback")]
    return [lines[index + 1].strip() for index in at if lines[index + 1].startswith(" ")]
