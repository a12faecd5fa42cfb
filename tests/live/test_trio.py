"""The shipped trio's knobs, by their labels: what they say is heard."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import mido

from engine.composer import Composer
from engine.messages import KNOBS
from engine.preset import load
from engine.render import render
from engine.setup import from_preset

TRIO = Path(__file__).parents[2] / "presets" / "trio"
MAJOR = (0, 2, 4, 5, 7, 9, 11)
DRUMS = 9


def share(pitches: "Counter[int]", tonic: int) -> float:
    """Return how many of the notes are in the major key of `tonic`."""
    return sum(pitches[(tonic + step) % 12] for step in MAJOR) / pitches.total()


def test_the_knob_called_key_changes_the_key_and_stays_in_one(tmp_path: Path) -> None:
    preset = load(TRIO)
    setup, composer = from_preset(preset), Composer(preset.model)
    knob = KNOBS[[knob.label for knob in preset.knobs].index("key")]
    tonics, in_c = [], []
    for value in (0.0, 0.5, 1.0):
        turned = replace(setup, parameters=setup.parameters | {knob: value})
        take = mido.MidiFile(render(turned, composer.reply, 8, tmp_path / f"{value}.mid"))
        struck = [m for track in take.tracks for m in track if m.type == "note_on" and m.velocity]
        pitches = Counter(message.note % 12 for message in struck if message.channel != DRUMS)
        tonics.append(max(range(12), key=lambda tonic: share(pitches, tonic)))
        in_c.append(share(pitches, 0))
        assert share(pitches, tonics[-1]) > 0.9
    assert len(set(tonics)) > 1
    assert in_c == sorted(in_c)
    assert in_c[-1] - in_c[0] > 0.15
