"""Statistics of windows whose answer can be counted by hand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.codec import HOLD, NOTE_OFF
from training.statistics import attributes, duplicates, overlap, statistics, summary


def window(melody=(), bass=(), drums=(), bars=16):
    """Return one window (1, bars, 16, 3) from {step: token} of each voice."""
    tokens = np.full((bars * 16, 3), HOLD)
    tokens[:, 2] = 0
    for voice, events in enumerate((melody, bass, drums)):
        for step, token in dict(events).items():
            tokens[step, voice] = token
    return tokens.reshape(1, bars, 16, 3)


def of(values, name):
    (value,) = values[name]
    return value


def test_notes_and_hits_are_counted_a_bar():
    notes = statistics(window({0: 60, 4: 62, 8: NOTE_OFF}, {0: 36}, {0: 0b101, 8: 0b10}, bars=2))
    assert of(notes, "melody notes") == 1
    assert of(notes, "bass notes") == 0.5
    assert of(notes, "drum hits") == 1.5


def test_intervals_repeats_and_range():
    values = statistics(window({0: 60, 4: 60, 8: 64, 12: 57}))
    assert of(values, "melody interval") == pytest.approx((0 + 4 + 7) / 3)
    assert of(values, "repeated notes") == pytest.approx(1 / 3)
    assert of(values, "melody range") == 7


def test_notes_between_the_eighths_are_told_apart():
    assert of(statistics(window({0: 60, 3: 60, 6: 64, 12: 57})), "melody on eighths") == 0.75
    assert np.isnan(of(statistics(window(drums={0: 1})), "melody on eighths"))


def test_the_key_is_the_major_key_that_fits_best():
    d_major = {4 * index: pitch for index, pitch in enumerate((62, 64, 66, 67, 69, 71, 73))}
    assert of(statistics(window(d_major)), "in key") == 1
    assert of(statistics(window({**d_major, 40: 65})), "in key") == pytest.approx(7 / 8)


def test_polyphony_counts_the_voices_that_sound_at_once():
    values = statistics(window({0: 60, 8: NOTE_OFF}, {0: 36}, {0: 1, 4: 1, 8: 1, 12: 1}, bars=1))
    assert of(values, "polyphony") == pytest.approx(0.5 + 1 + 0.25)


def test_backbeat_is_the_share_of_snares_on_two_and_four():
    assert of(statistics(window(drums={4: 0b10, 12: 0b11, 7: 0b10, 8: 1})), "backbeat") == pytest.approx(
        2 / 3
    )
    assert np.isnan(of(statistics(window(drums={0: 1})), "backbeat"))


def test_silent_and_repeated_bars():
    values = statistics(window({0: 60, 16: 60, 20: NOTE_OFF, 48: 64}, bars=4))
    assert of(values, "silent melody bars") == 0.25
    assert of(values, "silent drum bars") == 1
    same = np.tile(window({0: 60}, bars=1), (1, 4, 1, 1))
    assert of(statistics(same), "repeated bars") == 0.75


def test_a_missing_voice_has_no_statistics():
    tokens = window(drums={0: 1})
    tokens[..., :2] = -1
    values = statistics(tokens)
    assert {name for name, value in values.items() if np.isfinite(value).all()} == {
        "drum hits",
        "polyphony",
        "silent drum bars",
        "repeated bars",
    }
    assert summary(values)["melody notes"] is None
    everything = {"mean": summary(values), "shared": overlap(values, values)}
    assert "null" in json.dumps(everything, allow_nan=False)


def test_syncopation_needs_the_places_before_it_to_be_empty():
    values = attributes(window({1: 60, 4: 60, 5: 60, 10: 60, 13: 61, 14: 60}))
    assert of(values, "16th syncopation") == pytest.approx(2 / 6)
    assert of(values, "8th syncopation") == pytest.approx(1 / 6)
    assert of(values, "C diatonic") == pytest.approx(5 / 6)
    assert of(values, "melody register") == pytest.approx(np.mean([60, 60, 60, 60, 61, 60]))


tokens = st.integers(0, 129)
voices = st.tuples(tokens, tokens, st.integers(0, 511))


@settings(max_examples=40, deadline=None)
@given(st.lists(voices, min_size=64, max_size=64))
def test_every_statistic_of_any_tokens_is_in_its_range_and_overlaps_itself(rows):
    windows = np.array(rows).reshape(1, 4, 16, 3)
    values = {**statistics(windows), **attributes(windows)}
    shares = ("in key", "repeated notes", "melody on eighths", "backbeat", "C diatonic")
    shares += ("16th syncopation", "8th syncopation")
    for name, value in values.items():
        assert value.shape == (1,)
        assert not (value < 0).any()
        assert not (
            value > (1 if name in shares or "bars" in name else 3 if name == "polyphony" else 200)
        ).any()
    assert all(area == 1 for name, area in overlap(values, values).items() if np.isfinite(values[name]).any())


def test_transposing_changes_only_what_names_pitches():
    chance = np.random.default_rng(0)
    windows = chance.integers(40, 80, (5, 16, 16, 3))
    moved = windows + np.array([3, 3, 0])
    before, after = statistics(windows), statistics(moved)
    assert all(np.allclose(before[name], after[name]) for name in before)
    assert np.allclose(attributes(moved)["melody register"] - attributes(windows)["melody register"], 3)


def test_distant_distributions_share_nothing_and_halves_share_half():
    low, high = {"x": np.zeros(100)}, {"x": np.ones(100)}
    assert overlap(low, high)["x"] == 0
    assert overlap(low, {"x": np.repeat([0.0, 1.0], 50)})["x"] == pytest.approx(0.5)
    assert overlap(low, {"x": np.array([np.nan])})["x"] is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(-9, 9), st.floats(-9, 9)), min_size=1, max_size=30),
    st.lists(st.one_of(st.integers(-9, 9), st.floats(-9, 9)), min_size=1, max_size=30),
    st.one_of(st.floats(9.5, 1e6), st.floats(-1e6, -9.5)),
)
def test_an_outlier_among_what_is_played_never_raises_the_overlap(played, data, outlier):
    played, data = np.array(played, float), {"x": np.array(data, float)}
    before = overlap({"x": played}, data)["x"]
    replaced = np.append(played[:-1], outlier)
    for wider in (np.append(played, outlier), replaced):
        assert overlap({"x": wider}, data)["x"] <= before + 1e-12
    assert overlap(data, data)["x"] == pytest.approx(1)
    assert overlap({"x": np.array([outlier])}, data)["x"] == 0


def test_one_draw_far_off_does_not_make_distant_distributions_alike():
    chance = np.random.default_rng(0)
    played, data = chance.normal(0, 1, 1000), {"x": chance.normal(2, 1, 1000)}
    before = overlap({"x": played}, data)["x"]
    assert 0.2 < before < 0.4
    assert overlap({"x": np.append(played, 100)}, data)["x"] == pytest.approx(before, abs=1e-3)


def test_data_of_one_value_shares_what_equals_it_and_whole_numbers_are_told_apart():
    constant = {"x": np.full(50, 3.0)}
    assert overlap({"x": np.full(7, 3.0)}, constant)["x"] == 1
    assert overlap({"x": np.array([3.0, 3.0, 3.0, 3.1])}, constant)["x"] == 0.75
    assert overlap({"x": np.array([2.0, 4.0])}, constant)["x"] == 0
    rounded = {"x": np.array([0.3, 0.1 + 0.2])}
    assert overlap(rounded, rounded)["x"] == 1
    even, odd = np.arange(0.0, 25, 2), np.arange(1.0, 24, 2)
    assert overlap({"x": odd}, {"x": even})["x"] == 0


def test_a_duplicate_is_a_window_whose_whole_column_stands_in_the_other_set():
    beat, other = window({0: 60}, drums={0: 1, 4: 2}), window({0: 72}, drums={0: 1, 5: 2})
    train = np.concatenate([beat, window({8: 60}, drums={0: 3})])
    test = np.concatenate([window({4: 61}, drums={0: 1, 4: 2}), beat, other, other])
    assert duplicates(test, train, 2) == 0.5
    assert duplicates(test, train, 0) == 0.25
    missing = beat.copy()
    missing[..., 2] = -1
    assert duplicates(missing, missing, 2) == duplicates(test[:0], train, 2) == 0
