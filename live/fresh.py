"""Times fresh processes of the instrument: from the command to its first note, and to its first screen."""

import os
import re
import select
import subprocess
import sys
import threading
from collections.abc import Collection, Sequence
from time import monotonic

from engine import machine
from engine.preset import Preset
from live.errand import UserError

PATIENCE = 60.0  # seconds to wait for a first note or a screen before giving up
ROWS, COLUMNS = 48, 160  # of the terminal: everything is shown
ESCAPES = re.compile(rb"\x1b(\[[0-9;?:]*[ -/]*[@-~]|[^\[])")  # what only moves and colours


def command(name: str, *arguments: str) -> list[str]:
    """Return the words that start the instrument with preset `name`, silent."""
    return [sys.executable, "-m", "live.cli", "--preset", name, "--no-sound", *arguments]


def first_note(name: str, *arguments: str) -> float:
    """Return the seconds from the start of a fresh headless process to its first note."""
    begun = monotonic()
    with subprocess.Popen(
        command(name, "--headless", *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        limit = threading.Timer(PATIENCE, process.terminate)
        limit.start()
        try:
            lines: list[str] = []
            for line in process.stdout or ():
                lines.append(line.strip())
                if lines[-1] == "playing":
                    return monotonic() - begun
        finally:
            limit.cancel()
            process.terminate()
    raise UserError(f"no note came: {' / '.join(lines)}")


def screen(preset: Preset, name: str, *arguments: str) -> tuple[float, float | None]:
    """Return the seconds from the start of a fresh process to its first full screen, and its MiB then.

    The screen is full once every knob and every voice is on it. UserError: it never was, or there are no
    pseudo-terminals.
    """
    words = [knob.label.upper() for knob in preset.knobs] + [voice.name for voice in preset.voices]
    return until_drawn(command(name, *arguments), words)


def until_drawn(words: Sequence[str], shown: Sequence[str]) -> tuple[float, float | None]:
    """Start the command `words` on a terminal; return when all of `shown` is on it, and its memory then."""
    begun = monotonic()
    process, near = on_terminal(words)
    try:
        lacking = _read_until(near, [word.encode().lower() for word in shown], begun)
        took, memory = monotonic() - begun, machine.resident_mib(process.pid)
    finally:
        leave(process, near)
    if lacking is not None:
        raise UserError(f"no full screen came: {lacking}")
    return took, memory


def on_terminal(
    words: Sequence[str], descriptors: Collection[int] = ()
) -> tuple["subprocess.Popen[bytes]", int]:
    """Start the command `words`, which inherits `descriptors`, on a terminal; return it and our end of that.

    UserError: there are no pseudo-terminals.
    """
    try:
        import fcntl
        import pty
        import struct
        import termios
    except ImportError:
        raise UserError("no pseudo-terminal on this system") from None
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    try:
        process = subprocess.Popen(
            words,
            stdin=far,
            stdout=far,
            stderr=far,
            env=os.environ | {"TERM": "xterm-256color"},
            pass_fds=descriptors,
            start_new_session=True,
        )
    except BaseException:
        os.close(near)
        raise
    finally:
        os.close(far)
    return process, near


def leave(process: "subprocess.Popen[bytes]", near: int) -> None:
    """End a process that is on a terminal: it gives that back and ends every note."""
    process.terminate()
    _read_to_the_end(near, process)
    os.close(near)


def _read_until(near: int, shown: list[bytes], begun: float) -> str | None:
    """Read until all of `shown` was written; return what was read instead, or None."""
    seen = b""
    while not all(word in ESCAPES.sub(b"", seen).lower() for word in shown):
        left = begun + PATIENCE - monotonic()
        if left <= 0 or not select.select([near], [], [], left)[0]:
            return f"nothing more within {PATIENCE:.0f} s"
        try:
            seen += os.read(near, 65536)
        except OSError:  # the far end is closed: the process has gone
            return ESCAPES.sub(b"", seen).decode(errors="replace").strip()[-300:]
    return None


def _read_to_the_end(near: int, process: "subprocess.Popen[bytes]") -> None:
    """Take what the process still writes until it has left: full, the terminal would hold it up."""
    deadline = monotonic() + 10.0
    while process.poll() is None:
        if monotonic() > deadline:
            process.kill()
            process.wait()
        elif select.select([near], [], [], 0.05)[0]:
            try:
                os.read(near, 65536)
            except OSError:
                process.wait(10.0)
