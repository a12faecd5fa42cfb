"""The stage over a toy link that never stops playing, in a terminal of its own, run by the tests."""

import fcntl
import termios
from pathlib import Path

from toy_link import ToyLink, toy_preset

from engine.bar import TICKS_PER_STEP
from engine.snapshot import Snapshot
from live.app import Stage


class Running(ToyLink):
    """Plays on a step with every look, so that the screen always has something to write."""

    def latest(self) -> Snapshot | None:
        """Return the next step."""
        self.go(self.state.tick + TICKS_PER_STEP)
        return super().latest()


if __name__ == "__main__":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # what goes away with this terminal is told so
    preset = toy_preset()
    stage = Stage(preset, Running(preset), Path())
    try:
        stage.run()
    finally:
        stage.gone.set()
        stage.hang_up()
