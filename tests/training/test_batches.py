"""Batches of bars and windows: resumed, transposed, by the weights of their sources."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.config import ConfigError, Data
from training.musicvae.batches import Batches, transpose, transposed_at_random


def test_batches_go_on_where_they_stood(band, tiny):
    batches = Batches(band, tiny, tiny.stages[2], seed=5)
    batches.draw()
    state = batches.state()
    expected = batches.draw()
    again = Batches(band, tiny, tiny.stages[2], seed=99)
    again.restore(state)
    assert torch.equal(again.draw(), expected)


def test_transposition_moves_melody_and_bass_and_never_drums():
    tokens = np.full((2, 4, 3), 129)
    tokens[:, 0] = (60, 36, 36)
    tokens[1, 1, 0] = 126
    moved = transpose(tokens, np.array([3, 3]), [0, 1])
    assert moved[0, 0].tolist() == [63, 39, 36]
    assert moved[0, 1].tolist() == [129, 129, 129]
    assert np.array_equal(moved[1], tokens[1])  # 126 + 3 would leave the range


def test_music_transposed_at_random_is_what_it_was_but_for_its_key():
    voices, tokens = ("melody", "bass", "drums"), np.full((600, 16, 3), 129)
    tokens[:, 0], tokens[:, 1:, 2] = (60, 36, 36), 0
    moved = transposed_at_random(tokens, voices, (-6, 5), np.random.default_rng(1))
    shifts = moved[:, 0, 0] - 60
    assert sorted(set(shifts)) == list(range(-6, 6))
    assert np.bincount(shifts + 6).min() > 25  # of 50 on average
    assert np.array_equal(moved, transpose(tokens, shifts, [0, 1]))
    assert np.array_equal(moved, transposed_at_random(tokens, voices, (-6, 5), np.random.default_rng(1)))
    assert np.array_equal(tokens, transposed_at_random(tokens, voices, (0, 0), np.random.default_rng(1)))
    drums = tokens[..., 2:]
    assert np.array_equal(drums, transposed_at_random(drums, ("drums",), (-6, 5), np.random.default_rng(1)))


def test_a_weight_for_a_source_that_is_not_there_is_named(band, tiny):
    config = replace(tiny, data=Data(weights={"choir": 1.0}))
    with pytest.raises(ConfigError, match="'choir' is not in the store, which has band"):
        Batches(band, config, tiny.stages[0], 1)
