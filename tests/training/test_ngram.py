"""The n-gram model: a distribution after every past, and what it learnt is likelier than what it did not."""

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.musicvae.ngram import START, NGram

sequences = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=12), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(sequences, st.lists(st.integers(0, 4), max_size=6), st.integers(1, 5))
def test_after_every_past_the_tokens_have_all_the_probability(data, past, order):
    model = NGram(data, 5, order)
    padded = (START,) * 4 + tuple(past)
    assert sum(model.probability(padded, token) for token in range(5)) == pytest.approx(1.0)
    assert all(model.probability(padded, token) > 0 for token in range(5))


def test_a_bigram_is_as_worked_out_by_hand():
    model = NGram([[0, 1, 0]], 2, order=2)
    # Single tokens: 0 twice, 1 once of 3, two kinds, leaning on 1/2: (2 + 2 / 2) / 5 and (1 + 2 / 2) / 5.
    # After 0 came 1, one kind of one: (1 + 1 * 2/5) / 2.
    assert model.probability((0,), 1) == pytest.approx((1 + 0.4) / 2)
    assert model.probability((START,), 0) == pytest.approx((1 + 0.6) / 2)
    assert model.cost([0, 1]) == pytest.approx(-log(0.8) - log(0.7))


def test_what_it_learnt_costs_less_than_a_blend_of_it():
    up, down = [0, 1, 2, 3, 4] * 4, [4, 3, 2, 1, 0] * 4
    model = NGram([up, down], 5)
    blended = [a if step % 2 else b for step, (a, b) in enumerate(zip(up, down, strict=True))]
    assert model.cost(blended) > 3 * max(model.cost(up), model.cost(down))
