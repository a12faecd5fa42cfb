"""Latents: where draws and anchors lie."""

from dataclasses import replace

import numpy as np
import pytest
import toy_composer

from engine.latent import NEAR, Latent, anchor, draw, prior

WIDE = 512
ANCHORS = tuple(tuple(prior(99, row, WIDE).tolist()) for row in range(5))
MODEL = replace(toy_composer.manifest(), z_size=WIDE, anchors=ANCHORS)


def cosine(a: Latent, b: object) -> float:
    other = np.asarray(b, dtype=np.float64)
    return float(a @ other / np.linalg.norm(a) / np.linalg.norm(other))


def test_a_draw_varies_one_anchor_and_every_seed_another_way() -> None:
    draws = [draw(MODEL, seed) for seed in range(60)]
    nearest = [max(range(5), key=lambda row: cosine(z, ANCHORS[row])) for z in draws]
    assert set(nearest) == set(range(5))
    for z, row in zip(draws, nearest, strict=True):
        assert z.dtype == np.float32
        assert cosine(z, ANCHORS[row]) == pytest.approx(NEAR, abs=0.1)
        assert np.linalg.norm(z) == pytest.approx(WIDE**0.5, rel=0.15)
    same = [(a, b) for a in range(60) for b in range(a) if nearest[a] == nearest[b]]
    assert max(cosine(draws[a], draws[b]) for a, b in same) < NEAR
    assert np.array_equal(draw(MODEL, 7), draws[7])


def test_without_anchors_a_draw_is_the_priors() -> None:
    bare = replace(MODEL, anchors=())
    assert np.array_equal(draw(bare, 3), prior(3, 0, WIDE))


def test_an_anchor_is_a_row_of_the_model_or_a_draw() -> None:
    assert np.array_equal(anchor(MODEL, "model", 2), np.asarray(ANCHORS[2], np.float32))
    assert np.array_equal(anchor(MODEL, "seed", 2), draw(MODEL, 2))
    with pytest.raises(ValueError, match="anchor 5: the model has 5"):
        anchor(MODEL, "model", 5)
