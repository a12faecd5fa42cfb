"""What the tests with real parts are made of: programs started and stopped, and what they heard."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

import mido
import pytest

PACKAGES = {  # Debian's packages of the programs that are not called like them
    "jackd": "jackd2",
    "jack_wait": "jackd2",
    "jack_connect": "jackd2",
    "jack_lsp": "jackd2",
    "ardour7-lua": "ardour",
    "aseqdump": "alsa-utils",
    "arecordmidi": "alsa-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "busybox": "busybox-static",
    "modprobe": "kmod",
}
PATIENCE = 40.0  # seconds for something to happen that always does, on a busy machine
NOTE_OFF, NOTE_ON, CONTROL = 0x80, 0x90, 0xB0
T = TypeVar("T")


def lacking(reason: str) -> None:
    """Skip the test for `reason`; where everything must be tested, on CI, fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI skips nothing: {reason}")
    pytest.skip(reason)


def need(*programs: str) -> None:
    """Skip the test unless `programs` are installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        packages = sorted({PACKAGES.get(program, program) for program in missing})
        lacking(f"no {', '.join(missing)}: apt-get install {' '.join(packages)}")


def need_trio() -> None:
    """Skip the test unless the trio's model is there."""
    if not resources.files("presets").joinpath("trio", "model.ts").is_file():
        lacking("presets/trio/model.ts is not there: train and export it with live-train")


def until(look: Callable[[], T], what: str) -> T:
    """Return the first true value of `look`, asked again and again."""
    deadline = time.monotonic() + PATIENCE
    while not (value := look()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} s in vain until {what}"
        time.sleep(0.005)
    return value


def stop(process: "subprocess.Popen[str]", seconds: float = 10.0) -> None:
    """End `process`, gently and then not."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def start_jack(name: str, period: int) -> "subprocess.Popen[str]":
    """Start a JACK server called `name` without a sound card, and wait until it answers."""
    server = subprocess.Popen(
        ["jackd", "-n", name, "-R", "-P", "70", "-S", "-d", "dummy", "-r", "48000", "-p", str(period)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"JACK_NO_AUDIO_RESERVATION": "1"},
        text=True,
        restore_signals=False,  # SIGPIPE stays ignored: a client that is killed must not take it along
    )
    answered = subprocess.run(
        ["jack_wait", "--server", name, "--wait", "--timeout", "20"],
        capture_output=True,
        text=True,
        check=False,
    )
    if answered.returncode != 0 or server.poll() is not None:
        stop(server)
        pytest.fail(f"no JACK server: {answered.stdout}{answered.stderr}")
    return server


class Live:
    """`live --preset trio --headless --api jack`, running, with its processes."""

    def __init__(self, environment: dict[str, str], *arguments: object) -> None:
        need_trio()
        command = [str(live_script()), "--preset", "trio", "--headless", "--api", "jack"]
        self.process = subprocess.Popen(
            [*command, *(str(word) for word in arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # as in a terminal of its own
        )

    def pid(self, role: str) -> int:
        """Return the process number of "live", "player", "composer" or "guard"."""
        if role == "live":
            return self.process.pid
        return until(lambda: self._roles().get(role, 0), f"the {role} runs")

    def _roles(self) -> dict[str, int]:
        roles = {}
        for child in _children(self.process.pid):
            try:
                command = Path(f"/proc/{child}/cmdline").read_text()
                mapped = Path(f"/proc/{child}/maps").read_text()
            except OSError:
                continue
            if "resource_tracker" in command:
                continue
            # Each is known by the library that only it loads.
            if "libtorch" in mapped:
                roles["composer"] = child
            elif "_rtmidi" in mapped:
                roles["player"] = child
            elif "libjack" in mapped:
                roles["guard"] = child
        return roles

    def finish(self, seconds: float = 90.0) -> str:
        """Wait for it to leave by itself, without an error, and return what it printed."""
        printed, _ = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, printed
        return printed

    def left(self) -> None:
        """Wait until none of its processes is there any more."""
        group = self.process.pid
        self.process.communicate(timeout=PATIENCE)
        until(lambda: not _in_session(group), "every process of live has left")

    def kill(self) -> None:
        """End whatever is left of it."""
        for pid in [*_in_session(self.process.pid), self.process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.communicate()


def live_script() -> Path:
    """Return the console script of the environment that the tests run in."""
    script = Path(sys.executable).with_name("live")
    if not script.exists():
        lacking("the console script live is not installed: pip install -e '.[test]'")
    return script


def _children(pid: int) -> list[int]:
    return [child for child, parent, _ in _processes() if parent == pid]


def _in_session(session: int) -> list[int]:
    return [child for child, _, own in _processes() if own == session]


def _processes() -> Iterator[tuple[int, int, int]]:
    """Yield (pid, parent, session) of each process that is no zombie."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent, _, session = (entry / "stat").read_text().rpartition(") ")[2].split()[:4]
            except OSError:
                continue
            if state != "Z":
                yield int(entry.name), int(parent), int(session)


class Receiver:
    """`receiver.py`, running: what it has heard so far."""

    def __init__(self, environment: dict[str, str], *ports: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("receiver.py")), *ports],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.heard: list[tuple[int, list[int]]] = []  # (monotonic ns, message), as they came
        self.sent: list[int] = []  # monotonic ns of each message it sent
        self._connected = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = json.loads(line)
            if "m" in said:
                self.heard.append((said["t"], said["m"]))
            elif "sent" in said:
                self.sent.append(said["t"])
            else:
                self._connected.set()

    def connected(self) -> None:
        """Wait until it hears the instrument."""
        until(
            lambda: self._connected.is_set() or self.process.poll() is not None, "the receiver is connected"
        )
        assert self._connected.is_set(), "the receiver found no port"

    def send(self, *message: int) -> None:
        """Have it send `message` to the instrument's control input."""
        assert self.process.stdin is not None
        self.process.stdin.write(" ".join(map(str, message)) + "\n")
        self.process.stdin.flush()

    def messages(self) -> list[list[int]]:
        """Return what it heard, without the times."""
        return [message for _, message in self.heard]

    def struck(self) -> int:
        """Return how many notes have begun."""
        return sum(message[0] & 0xF0 == NOTE_ON and message[2] > 0 for message in self.messages())

    def sounding(self) -> Counter[tuple[int, int]]:
        """Return the (channel, pitch) that sound now."""
        return sounding(self.messages())

    def in_mid_note(self, notes: int = 8) -> None:
        """Wait until `notes` notes have begun and at least one sounds."""
        until(lambda: self.struck() >= notes and +self.sounding(), f"{notes} notes have begun")

    def tick_of(self, moment: int, recorded: list[tuple[int, list[int]]], bpm: float) -> float:
        """Return the tick at which `moment`, monotonic ns, fell in the take that it heard as `recorded`.

        The message that came with the least delay says when the take began, so the tick is never too late.
        """
        per_tick = 60e9 / bpm / 480
        heard = [(when, message) for when, message in self.heard if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF)]
        ticks = ticks_heard([message for _, message in heard], recorded)
        start = min(when - tick * per_tick for (when, _), tick in zip(heard, ticks, strict=True))
        return (moment - start) / per_tick

    def leave(self) -> None:
        """Let it close its ports and go."""
        if self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._reader.join()
        for end in (self.process.stdin, self.process.stdout):
            if end is not None:
                end.close()


def notes(messages: Iterable[Sequence[int]]) -> list[tuple[int, int, int]]:
    """Return (channel, pitch, velocity) of each note on and off, velocity 0 for off, in their order."""
    return [
        (message[0] & 0x0F, message[1], message[2] if message[0] & 0xF0 == NOTE_ON else 0)
        for message in messages
        if message[0] & 0xF0 in (NOTE_ON, NOTE_OFF)
    ]


def sounding(messages: Iterable[Sequence[int]]) -> Counter[tuple[int, int]]:
    """Return how often each (channel, pitch) was struck and not ended."""
    on: Counter[tuple[int, int]] = Counter()
    for channel, pitch, velocity in notes(messages):
        if velocity:
            on[channel, pitch] += 1
        else:
            on[channel, pitch] = 0
    return +on


def written(path: Path) -> list[tuple[int, list[int]]]:
    """Return (tick, raw message) of each channel message of a .mid file, at 480 ticks a beat, in order."""
    file = mido.MidiFile(path)
    timed = []
    for track in file.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if not message.is_meta and message.type != "sysex":
                timed.append((tick * 480 // file.ticks_per_beat, message.bytes()))
    return sorted(timed, key=lambda pair: pair[0])  # stable: a track's order stays


def ticks_heard(heard: Iterable[Sequence[int]], recorded: list[tuple[int, list[int]]]) -> list[int]:
    """Return the tick of each note on and off in `heard`, found by its place among those of its channel."""
    ticks: dict[int, list[int]] = {}
    for tick, message in recorded:
        for channel, _, _ in notes([message]):
            ticks.setdefault(channel, []).append(tick)
    return [ticks[channel].pop(0) for channel, _, _ in notes(heard)]


def by_channel(messages: Iterable[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    """Return the (pitch, velocity) of `notes`, in their order, channel by channel."""
    split: dict[int, list[tuple[int, int]]] = {}
    for channel, pitch, velocity in messages:
        split.setdefault(channel, []).append((pitch, velocity))
    return split
