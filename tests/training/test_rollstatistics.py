"""Statistics of rolls, counted by hand."""

import math

import numpy as np
import pytest

from training.vrae.statistics import statistics


def roll(*notes, frames=40):
    rows = np.zeros((1, frames, 24), np.int8)
    for first, end, pitch in notes:
        rows[0, first:end, pitch - 60] = 1
    return rows


def of(rows):
    return {name: float(value[0]) for name, value in statistics(rows, lowest=60).items()}


def test_a_chord_and_a_note():
    values = of(roll((0, 10, 60), (0, 10, 64), (20, 30, 72)))
    assert values["density"] == 3
    assert values["polyphony"] == 1.5
    assert values["register"] == pytest.approx((60 + 64 + 72) / 3)
    assert values["range"] == 12
    assert values["in key"] == 1.0
    assert values["length"] == 10
    assert values["repeated"] == pytest.approx(36 / 39)  # four borders of notes
    assert values["silent"] == 0.5


def test_notes_outside_a_key_are_counted():
    assert of(roll((0, 10, 60), (0, 10, 61), (0, 10, 62), (0, 10, 63)))["in key"] == 0.75  # as in B flat


def test_frames_after_the_end_do_not_count():
    notes = (0, 10, 60), (15, 20, 67)
    padded = roll(*notes, frames=40)
    padded[:, 20:] = -1
    assert of(padded) == of(roll(*notes, frames=20))


def test_silence_has_nothing_to_measure():
    values = of(roll())
    assert values["silent"] == 1.0
    assert values["density"] == 0.0
    assert all(math.isnan(values[name]) for name in ("polyphony", "register", "range", "in key", "length"))


def test_each_roll_is_measured_by_itself():
    both = np.concatenate([roll((0, 10, 60)), roll((5, 40, 70), (0, 40, 71))])
    values = statistics(both, lowest=60)
    assert values["density"].tolist() == [1.0, 2.0]
    assert values["polyphony"].tolist() == [1.0, pytest.approx(75 / 40)]
