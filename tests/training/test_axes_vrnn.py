"""Axes of a VRNN: attributes of frames, and knobs that do what they say on a model known to obey them."""

import numpy as np
import pytest
import torch

from training.latents import ANCHORS
from training.vrnn.axes import HEARD, SPREAD, AxesError, attributes, departures, measure
from training.vrnn.model import VRNN, VRNNConfig
from training.vrnn.statistics import statistics


def chords(*pitches: tuple[int, ...]) -> np.ndarray:
    roll = np.zeros((len(pitches), 88), np.uint8)
    for row, sounding in zip(roll, pitches, strict=True):
        row[[pitch - 21 for pitch in sounding]] = 1
    return roll


def test_attributes_of_single_frames():
    values = attributes(chords((60, 64, 67), (60, 61), (60,), ()) > 0)
    assert values["density"].tolist() == [3, 2, 1, 0]
    np.testing.assert_allclose(values["register"], [191 / 3, 60.5, 60, np.nan])
    np.testing.assert_allclose(values["consonance"], [1, 0, np.nan, np.nan])


def test_statistics_of_rolls_by_hand():
    values = statistics([chords((60, 64), (60, 64), (60, 65), (60, 61)), chords((), ())])
    found = {name: value[0] for name, value in values.items()}
    assert found["pitches"] == 2
    assert found["strikes"] == pytest.approx(2 / 3)
    assert found["register"] == pytest.approx((4 * 60 + 64 + 64 + 65 + 61) / 8)
    assert found["range"] == 5
    assert found["silent"] == 0
    assert found["repeated"] == pytest.approx(1 / 3)
    assert found["in key"] == pytest.approx(7 / 8)
    assert found["consonant"] == pytest.approx(3 / 4)
    assert values["silent"][1] == 1
    assert np.isnan(values["register"][1])


@pytest.fixture(scope="module")
def obedient() -> VRNN:
    """A VRNN-I whose first latent unit, read from the number of pitches, decides how many it plays."""
    torch.manual_seed(0)
    model = VRNN(VRNNConfig(latent="fixed", features=16, units=8, z_size=4, layers=1)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.05)
        model.phi_x[0].weight[0] = 0.5  # features[0]: how many pitches
        model.posterior.hidden.weight[0, 0] = 2.0
        model.posterior.heads.weight[:4] = 0.0
        model.posterior.heads.weight[0, 0] = 1.0
        model.posterior.heads.bias[0] = -3.0
        model.phi_z[0].weight[0], model.phi_z[0].bias[0] = 0.0, 3.0
        model.phi_z[0].weight[0, 0] = 1.0  # features of z: z + 3
        model.decoder[0].weight[0, 0] = 1.0
        model.output.logits.weight[:, 0] = 0.8
        model.output.logits.bias[:] = -5.5
    return model


@pytest.fixture(scope="module")
def data() -> list[np.ndarray]:
    chance = np.random.default_rng(0)
    shares = np.linspace(0.005, 0.25, 48)
    return [(chance.random((length, 88)) < share).astype(np.uint8) for share in shares for length in (4, 48)]


def test_a_knob_of_density_gives_more_of_it(obedient, data):
    found = measure(obedient, data, bases=8)
    assert len(found.mean) == len(found.std) == 5
    density = next(axis for axis in found.axes if axis.name == "density")
    assert density.effect["density"] > 0.5
    assert density.vector[0] > 0.5
    assert density.vector[4] == 0
    assert density.low < 0 < density.high
    assert density.description.startswith("density +")
    assert all(axis.name in {*HEARD, SPREAD} or axis.name.startswith("direction ") for axis in found.axes)
    for axis in found.axes:
        assert np.linalg.norm(axis.vector) == pytest.approx(1, abs=1e-4)
    assert found == measure(obedient, data, bases=8)


def test_departures_stand_beside_their_frames(obedient, data):
    away, frames, pieces = departures(obedient, data)
    assert away.shape == (48 * 52, 4)
    assert np.corrcoef(away[:, 0], frames.sum(1))[0, 1] > 0.8
    assert pieces.shape == (96, 4)  # the longest first
    assert np.allclose(away.mean(0), pieces[:48].mean(0) * 48 / 52 + pieces[48:].mean(0) * 4 / 52)


def test_anchors_are_the_prior_itself_and_pieces_far_from_it_and_from_one_another(obedient, data):
    anchors = np.array(measure(obedient, data, bases=8).anchors)
    _, _, pieces = departures(obedient, data)
    assert anchors.shape == (ANCHORS, 5)
    assert not anchors[0].any()
    assert not anchors[:, 4].any()
    assert np.linalg.norm(anchors[1]) == pytest.approx(np.linalg.norm(pieces, axis=1).max(), abs=1e-5)
    assert len(np.unique(anchors, axis=0)) == ANCHORS


def test_too_little_data_is_said(obedient):
    with pytest.raises(AxesError, match="fewer than 8 frames"):
        measure(obedient, [np.zeros((3, 88), np.uint8)])
