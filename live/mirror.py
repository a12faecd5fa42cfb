"""The stage of a performance that `live bench` follows: a process of its own, on a terminal nobody looks at.

usage: python -m live.mirror DESCRIPTOR   (of a pipe: the preset first, then snapshots, each answered)
"""

import os
import select
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from engine.messages import Command
from engine.preset import Preset
from engine.snapshot import Snapshot
from live.errand import UserError
from live.fresh import leave, on_terminal

PATIENCE = 60.0  # seconds for the first frame, on a machine that is busy
LOOK = 0.05  # seconds between looks at whether it is over
# Whether updates can be marked as such, asked of the terminal and answered as many do; a frame is a mark.
ASKED, ANSWER, FRAME = b"\x1b[?2026$p", b"\x1b[?2026;2$y", b"\x1b[?2026h"


class Mirror:
    """A stage that is shown every snapshot that it is quick enough for; use it as a context manager."""

    def __init__(self, preset: Preset) -> None:
        """UserError: there is no such terminal, or nothing was drawn on it."""
        self._link, there = Pipe()
        try:
            self._process, self._near = on_terminal(
                [sys.executable, "-m", "live.mirror", str(there.fileno())], [there.fileno()]
            )
        finally:
            there.close()
        self.frames = 0  # drawn so far
        self.pid = self._process.pid
        self._free = True  # it has taken the last snapshot
        self.died = False  # while it was shown snapshots
        self._over = threading.Event()
        self._drawn = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="terminal", daemon=True)
        self._watcher.start()
        try:
            self._link.send(preset)
            if not self._wait():
                raise UserError("the screen drew nothing")
        except OSError as error:
            self.close()
            raise UserError(f"the screen has died: {error}") from error
        except BaseException:
            self.close()
            raise

    def show(self, snapshot: Snapshot) -> None:
        """Hand `snapshot` over if the last one was taken, and somebody is there."""
        if self.died:
            return
        try:
            while self._link.poll():
                self._link.recv()
                self._free = True
            if self._free:
                self._link.send(snapshot)
                self._free = False
        except (EOFError, OSError):  # what else is measured is none the less true
            self.died = True

    def close(self) -> None:
        """End the process, and with it the terminal."""
        self._over.set()
        self._watcher.join()
        leave(self._process, self._near)
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self) -> bool:
        end = monotonic() + PATIENCE
        while not self._drawn.wait(LOOK):
            if monotonic() > end or self._process.poll() is not None:
                return False
        return True

    def _watch(self) -> None:
        """Take what is drawn, as a terminal does."""
        tail = b""
        with suppress(OSError):  # the far end is closed: the process has gone
            while not self._over.is_set():
                if not select.select([self._near], [], [], LOOK)[0]:
                    continue
                data = tail + os.read(self._near, 65536)
                if ASKED in data:
                    os.write(self._near, ANSWER)
                if frames := data.count(FRAME):
                    self.frames += frames
                    self._drawn.set()
                rest = max(data.rfind(mark) + len(mark) if mark in data else 0 for mark in (ASKED, FRAME))
                tail = data[max(rest, len(data) - len(ASKED) + 1) :]  # of a mark that is cut in two


class Mirrored:
    """The stage's end: takes snapshots, and has nobody's commands to send."""

    def __init__(self, link: Connection) -> None:
        self._link = link

    def send(self, command: Command) -> None:
        """Do nothing: no one is at this screen."""

    def latest(self) -> Snapshot | None:
        """Return the newest snapshot not yet taken, and say that it was."""
        if not self._link.poll():
            return None
        snapshot: Snapshot = self._link.recv()
        self._link.send(None)
        return snapshot

    def close(self) -> None:
        """Hang up."""
        self._link.close()


def main(descriptor: int) -> None:
    """Be the stage until told to leave."""
    import fcntl  # there are terminals like this where there are these modules
    import termios

    from live.app import Stage

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # when the terminal goes, with whoever measures, this goes too
    link = Connection(descriptor)
    stage = Stage(link.recv(), Mirrored(link), Path.cwd())
    try:
        stage.run()
    finally:
        stage.gone.set()
        stage.hang_up()


if __name__ == "__main__":
    main(int(sys.argv[1]))
