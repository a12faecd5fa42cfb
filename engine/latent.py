"""Latents: draws from the prior, spherical interpolation and offsets along macro axes."""

import numpy as np
from numpy.typing import NDArray

from engine.manifest import Manifest

Latent = NDArray[np.float32]  # (z_size,)
NEAR = 0.8  # cosine between a draw and the anchor that it varies


def prior(seed: int, index: int, z_size: int) -> Latent:
    """Return draw number `index` of the standard normal prior for `seed`; (z_size,)."""
    generator = np.random.Generator(np.random.Philox(key=[seed % 2**64, index]))
    return generator.standard_normal(z_size).astype(np.float32)


def draw(manifest: Manifest, seed: int) -> Latent:
    """Return a latent for `seed`, (z_size,): a variation of one of the model's anchors, chosen by the seed.

    It lies at an angle of which NEAR is the cosine, towards a draw from the prior: draws from the prior alone
    stray further from the songs' keys and ranges. Without anchors it is the prior's draw.
    """
    strange = prior(seed, 0, manifest.z_size)
    if not manifest.anchors:
        return strange
    generator = np.random.Generator(np.random.Philox(key=[seed % 2**64, 1]))
    familiar = manifest.anchors[generator.integers(len(manifest.anchors))]
    return np.asarray(NEAR * np.asarray(familiar) + (1.0 - NEAR**2) ** 0.5 * strange, dtype=np.float32)


def slerp(a: Latent, b: Latent, position: float) -> Latent:
    """Return the spherical interpolation between `a` (position 0) and `b` (position 1).

    White 2016, as MusicVAE section 2.1.2 uses it; the length is interpolated linearly beside the angle.
    Equal or opposite directions, where the arc is not defined, fall back to the straight line.
    """
    length_a, length_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    straight = ((1.0 - position) * a + position * b).astype(np.float32)
    if length_a == 0.0 or length_b == 0.0:
        return straight
    cosine = float(np.clip(np.dot(a, b) / (length_a * length_b), -1.0, 1.0))
    angle = float(np.arccos(cosine))
    sine = float(np.sin(angle))
    if sine < 1e-4:
        return straight
    direction = np.sin((1.0 - position) * angle) / sine * (a / length_a) + np.sin(position * angle) / sine * (
        b / length_b
    )
    length = (1.0 - position) * length_a + position * length_b
    return np.asarray(length * direction, dtype=np.float32)


def move(z: Latent, axes: NDArray[np.float32], offsets: NDArray[np.float32]) -> Latent:
    """Return `z` (z_size,) moved by `offsets` (axes,) along the rows of `axes` (axes, z_size)."""
    return (z + offsets @ axes).astype(np.float32)


def anchor(manifest: Manifest, source: str, number: int) -> Latent:
    """Return the latent of an anchor; (z_size,). ValueError: a row that the model does not have."""
    if source == "seed":
        return draw(manifest, number)
    if not 0 <= number < len(manifest.anchors):
        raise ValueError(f"anchor {number}: the model has {len(manifest.anchors)}")
    return np.asarray(manifest.anchors[number], dtype=np.float32)
