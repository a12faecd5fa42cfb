"""The built-in sound: rendered notes, the mixer without a device, and the whole path on the null device."""

import sys
import time
import wave
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.codec import DRUM_PITCHES
from engine.mixer import POLYPHONY, Mixer
from engine.sound import Sound
from engine.soundfont import DRUMS, LONG, RATE, SHORT, Bank, Key, Samples, font_path
from engine.speaker import MELODY_PITCHES

BLOCK = 441  # frames, 10 ms
BLOCK_NS = 10_000_000
PIANO, BASS = 0, 33


@pytest.fixture(scope="module")
def bank() -> Bank:
    return Bank()


def rendered_now(bank: Bank) -> Mixer:
    return Mixer(bank.render, {0: PIANO, 1: BASS, 9: 0})


def play(mixer: Mixer, blocks: int, start: int = 0) -> NDArray[np.float32]:
    return np.concatenate(
        [mixer.render_block(BLOCK, (start + index + 1) * BLOCK_NS) for index in range(blocks)]
    )


def level(audio: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(audio))))


def test_the_font_is_found_without_importing_pretty_midi() -> None:
    assert font_path().stat().st_size > 1_000_000


@pytest.mark.parametrize(
    "key", [(PIANO, 60, SHORT), (BASS, 36, LONG), (73, 76, SHORT), (DRUMS, 36, SHORT), (DRUMS, 49, LONG)]
)
def test_every_kind_of_voice_has_audible_samples_that_end_in_silence(
    bank: Bank, key: tuple[int, int]
) -> None:
    samples = bank.render(key)
    assert samples.shape[1] == 2
    assert np.abs(samples).max() > 1000
    assert np.abs(samples[-1]).max() < 100


def test_a_bank_never_renders_in_get_and_keeps_a_bounded_number() -> None:
    bank = Bank(capacity=3)
    assert bank.get((PIANO, 60, SHORT)) is None
    for pitch in (60, 61, 62):
        bank.render((PIANO, pitch, SHORT))
    assert bank.get((PIANO, 60, SHORT)) is not None  # used last, so it stays
    bank.render((PIANO, 63, SHORT))
    assert [bank.get((PIANO, pitch, SHORT)) is not None for pitch in (60, 61, 62, 63)] == [
        True,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("program", [29, 70, 80, 110])
@pytest.mark.parametrize("pitch", [101, 108, 127])
def test_the_highest_pitches_come_back_from_the_synthesizer(bank: Bank, program: int, pitch: int) -> None:
    assert np.abs(bank.render((program, pitch, SHORT))).max() > 100


def test_a_worker_renders_what_get_asked_for() -> None:
    bank = Bank()
    bank.start()
    deadline = time.monotonic() + 20
    while bank.get((BASS, 40, SHORT)) is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert bank.get((BASS, 40, SHORT)) is not None


class Diary(Bank):
    """A bank that keeps the order in which it renders."""

    def __init__(self) -> None:
        super().__init__()
        self.rendered: list[Key] = []

    def render(self, key: Key) -> Samples:
        self.rendered.append(key)
        return super().render(key)


def test_what_get_asks_for_comes_before_what_is_warmed_up() -> None:
    bank = Diary()
    warm = [(PIANO, pitch, SHORT) for pitch in (60, 61, 62)]
    asked = [(BASS, pitch, SHORT) for pitch in (41, 40)]
    bank.warm(warm)
    for key in asked:
        bank.get(key)
    bank.start()
    deadline = time.monotonic() + 20
    while len(bank.rendered) < len(warm + asked) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert bank.rendered == asked + warm


def test_get_takes_no_lock_that_the_worker_could_hold() -> None:
    bank = Bank()
    called: list[str] = []

    def keep(frame: FrameType, event: str, function: Any) -> None:
        called.append(function.__name__ if event.startswith("c_") else frame.f_code.co_name)

    sys.setprofile(keep)
    try:
        bank.get((PIANO, 60, SHORT))
    finally:
        sys.setprofile(None)
    assert "put" in called
    assert not {"acquire", "__enter__", "wait", "notify"} & set(called)


def test_a_note_starts_where_it_fell_in_the_block_before(bank: Bank) -> None:
    mixer = rendered_now(bank)
    mixer.send(BLOCK_NS // 2, (0x90, 60, 100))
    block = mixer.render_block(BLOCK, BLOCK_NS)
    assert not block[: BLOCK // 2 - 2].any()
    assert block[BLOCK // 2 :].any()


def test_a_released_note_fades_and_a_held_one_does_not(bank: Bank) -> None:
    mixer = rendered_now(bank)
    mixer.send(0, (0x91, 40, 100))
    held = play(mixer, 50)
    mixer.send(50 * BLOCK_NS, (0x81, 40, 0))
    released = play(mixer, 100, start=50)
    assert level(held[-BLOCK:]) > 0.01
    assert level(released[-BLOCK:]) == 0
    assert mixer.sounding() == 0


def test_a_note_held_long_goes_on_without_a_seam(bank: Bank) -> None:
    mixer = rendered_now(bank)
    mixer.send(0, (0x91, 40, 100))
    held = play(mixer, 400)
    whole = bank.render((BASS, 40, LONG))[: len(held)].astype(np.float32)
    assert level(held[-BLOCK:]) > 0.01
    assert np.corrcoef(held[:, 0], whole[:, 0])[0, 1] > 0.999


def test_velocity_makes_loud_and_soft(bank: Bank) -> None:
    levels = []
    for velocity in (30, 70, 120):
        mixer = rendered_now(bank)
        mixer.send(0, (0x90, 60, velocity))
        levels.append(level(play(mixer, 20)))
    assert levels == sorted(levels)
    assert levels[2] > 4 * levels[0]


def test_note_on_with_velocity_zero_is_a_note_off(bank: Bank) -> None:
    mixer = rendered_now(bank)
    mixer.send(0, (0x90, 60, 100))
    mixer.send(0, (0x90, 60, 0))
    play(mixer, 100)
    assert mixer.sounding() == 0


@pytest.mark.parametrize("control", [120, 123])
def test_panic_ends_one_channel_and_leaves_the_other(bank: Bank, control: int) -> None:
    mixer = rendered_now(bank)
    mixer.send(0, (0x90, 60, 100))
    mixer.send(0, (0x91, 40, 100))
    mixer.send(0, (0xB0, control, 0))
    play(mixer, 100)
    assert mixer.sounding() == 1


def test_the_pedal_holds_released_notes_until_it_is_lifted(bank: Bank) -> None:
    mixer = rendered_now(bank)
    for message in ((0xB0, 64, 127), (0x90, 60, 100), (0x80, 60, 0)):
        mixer.send(0, message)
    play(mixer, 100)
    assert mixer.sounding() == 1
    mixer.send(100 * BLOCK_NS, (0xB0, 64, 0))
    play(mixer, 100, start=100)
    assert mixer.sounding() == 0


def test_a_program_change_changes_the_sound(bank: Bank) -> None:
    heard = []
    for program in (PIANO, 48):
        mixer = rendered_now(bank)
        mixer.send(0, (0xC0, program))
        mixer.send(0, (0x90, 60, 100))
        heard.append(play(mixer, 20))
    assert not np.array_equal(*heard)


def test_drums_ignore_note_off_and_a_closed_hat_ends_the_open_one(bank: Bank) -> None:
    mixer = rendered_now(bank)
    mixer.send(0, (0x99, 46, 100))
    mixer.send(0, (0x89, 46, 0))
    play(mixer, 50)
    assert mixer.sounding() == 1
    mixer.send(50 * BLOCK_NS, (0x99, 42, 100))
    after = play(mixer, 300, start=50)
    assert level(after[:BLOCK]) > 0
    assert mixer.sounding() == 0


def test_a_wall_of_notes_is_bounded_in_voices_and_in_level(bank: Bank) -> None:
    mixer = rendered_now(bank)
    for pitch in range(40, 66):
        mixer.send(0, (0x90, pitch, 127))
        mixer.send(0, (0x91, pitch, 127))
    audio = play(mixer, 120)
    assert np.abs(audio).max() <= 1
    assert mixer.sounding() <= POLYPHONY


def test_samples_that_are_not_there_yet_delay_a_note_and_stale_drums_are_dropped() -> None:
    late: dict[Key, Samples] = {}
    mixer = Mixer(late.get, {0: PIANO})
    mixer.send(0, (0x90, 60, 127))
    mixer.send(0, (0x99, 36, 127))
    assert level(play(mixer, 30)) == 0
    late[(PIANO, 60, SHORT)] = late[(DRUMS, 36, SHORT)] = np.full((RATE, 2), 9000, np.int16)
    assert level(play(mixer, 1, start=30)) > 0
    assert (mixer.sounding(), mixer.dropped) == (1, 1)


def test_a_note_that_waits_for_its_samples_may_begin_in_a_shorter_block() -> None:
    late: dict[Key, Samples] = {}
    mixer = Mixer(late.get, {0: PIANO})
    mixer.send(0, (0x90, 60, 127))
    ends = [1_000_000_000 * frames // RATE for frames in (660, 760)]
    mixer.send(ends[0] * 600 // 660, (0x90, 62, 127))
    assert not mixer.render_block(660, ends[0]).any()
    samples = np.full((RATE, 2), 9000, np.int16)
    late[(PIANO, 60, SHORT)] = late[(PIANO, 62, SHORT)] = samples
    block = mixer.render_block(100, ends[1])
    assert block.shape == (100, 2)
    assert block[0].any()  # both were due in the block before
    assert np.array_equal(block, np.broadcast_to(block[0], block.shape))


def test_the_same_messages_give_the_same_audio(bank: Bank) -> None:
    takes = []
    for _ in range(2):
        mixer = rendered_now(bank)
        mixer.send(0, (0x90, 64, 90))
        mixer.send(123_456, (0x99, 38, 90))
        takes.append(play(mixer, 10))
    assert np.array_equal(*takes)


def test_the_whole_path_sounds_on_the_null_device(tmp_path: Path) -> None:
    capture = tmp_path / "take.wav"
    sound = Sound.open({0: PIANO, 9: 0}, device="null", capture=capture)
    assert (sound.backend, sound.alive) == ("Null", True)
    for message in ((0x90, MELODY_PITCHES.start, 110), (0x99, DRUM_PITCHES[0], 110)):
        sound.send(message)  # these two are rendered before the device plays, however slow the machine is
    report = sound.close()
    assert report is not None
    assert report.peak > 0.05
    assert report.dropped == 0
    with wave.open(str(capture)) as file:
        audio = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert file.getnframes() == report.frames
    assert np.abs(audio).max() > 1500
    assert np.abs(audio[-200:]).max() < 1500  # the last notes faded


def test_a_dead_sound_is_noticed_and_harms_nobody() -> None:
    sound = Sound.open({0: PIANO}, device="null")
    sound._process.kill()
    sound._process.wait()
    sound.send((0x90, 60, 100))
    sound.send((0x80, 60, 0))
    assert not sound.alive
    assert sound.close() is None
