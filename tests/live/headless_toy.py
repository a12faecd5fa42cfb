"""A headless performance of the toy composer, run as a process of its own by the tests."""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

import toy_composer

from engine.session import Session
from live.play import headless

if __name__ == "__main__":
    bars = int(sys.argv[1]) or None
    setup = toy_composer.setup(
        bars=bars, record=sys.argv[2], bpm=240.0, seed=5, headless=True, sound_device="null"
    )
    sys.exit(headless(replace(setup, delay=0.0), partial(Session, compose=toy_composer.run)))
