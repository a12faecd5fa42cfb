"""The examination of a VRASH: what has collapsed, whether its parts make the whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from vrash_parts import STAGE, TINY

from training import examiners
from training.config import ConfigError
from training.data.store import Store
from training.evaluate import EvaluateError
from training.latents import LatentsError
from training.vrash.bound import notes
from training.vrash.examine import examine
from training.vrash.latents import measure
from training.vrash.model import VRASH
from training.vrash.phrases import phrases
from training.vrash.statistics import errors


def test_an_error_is_that_of_a_mean_of_phrases_that_have_the_statistic():
    values = {"range": np.array([1.0, 3.0, np.nan, 5.0]), "in key": np.array([1.0, np.nan])}
    assert errors(values) == {"range": pytest.approx(2 / 3**0.5), "in key": None}


def test_an_examination_finds_a_collapsed_latent(tunes):
    torch.manual_seed(0)
    model = VRASH(TINY)
    with torch.no_grad():
        for layer in (model.encoder.mu, model.encoder.sigma):
            layer.weight.zero_()
        model.encoder.mu.bias.zero_()
        model.encoder.sigma.bias.fill_(0.5413)  # softplus gives 1
    results = examine(model, tunes, samples=2, draws=8)
    assert results["all"]["collapsed"]
    assert results["all"]["active_units"] == 0
    assert not examine(VRASH(replace(TINY, family="lm")), tunes, samples=2, draws=0)["all"]["collapsed"]


def test_a_latent_that_a_decoder_does_not_hear_has_collapsed(tunes):
    torch.manual_seed(0)
    sizes = replace(TINY, family="vae", units=48, encoder=32, head=32)
    model, known = VRASH(sizes).train(), phrases(tunes, sizes)
    learnt, optimiser = known.read(known.of("train")), torch.optim.Adam(model.parameters(), 1e-2)
    for iteration in range(150):
        loss, _ = notes(model, learnt, replace(STAGE, beta=0.01), iteration)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    heard = examine(model, tunes, "train", samples=2, draws=0)["all"]
    assert not heard["collapsed"]
    with torch.no_grad():
        model.decoder.initial.weight.zero_()
        model.decoder.cell.heard.weight[:, model.decoder.labels.width :][:, : sizes.z_size] = 0.0
    deaf = examine(model, tunes, "train", samples=2, draws=0)["all"]
    assert deaf["collapsed"]
    assert (deaf["active_units"], deaf["kl_bits"]) == (heard["active_units"], heard["kl_bits"])
    assert deaf["worth_bits"] == pytest.approx(0.0, abs=1e-4)


def test_an_examination_is_the_same_again_and_its_parts_make_the_whole(tunes):
    torch.manual_seed(0)
    model = VRASH(TINY)
    results = examine(model, tunes, samples=4, draws=20)
    assert results == examine(model, tunes, samples=4, draws=20)
    parts, whole = results["sources"].values(), results["all"]
    assert sum(part["notes"] for part in parts) == whole["notes"] == 2 * 49 - 2  # a rest of one note is none
    for key in ("cross_entropy", "bound", "importance_sampled"):
        mean = sum(part[key] * part["notes"] for part in parts) / whole["notes"]
        assert mean == pytest.approx(whole[key])
    assert whole["importance_sampled"] < whole["bound"]
    assert sum(whole["nats"].values()) == pytest.approx(whole["cross_entropy"])
    assert results["prior"]["samples"] == 20
    assert set(results["prior"]["overlap"]) == set(results["prior"]["statistics"])
    told = [line for line in examiners.table(results).split("\n") if "collapse" not in line]
    assert told[2].startswith("| source | of | phrases | notes | cross entropy |")
    names = [*results["sources"], "all"]
    assert [line.split(" | ")[0] for line in told[4 : 4 + len(names)]] == [f"| {name}" for name in names]
    assert told[3 + len(names)].startswith(f"| all | - | {whole['phrases']} | {whole['notes']} |")


def test_what_cannot_be_examined_is_said(tunes, band):
    model = VRASH(TINY)
    with pytest.raises(ConfigError, match="the store's codec is trio, expected note"):
        examine(model, band)
    empty = Store(
        tunes.rows, tuple(s for s in tunes.songs if s.split == "train"), tunes.windows, tunes.bars, tunes.meta
    )
    with pytest.raises(EvaluateError, match="no phrase in split test"):
        examine(model, empty)
    with pytest.raises(LatentsError, match="a language model has no latents"):
        measure(VRASH(replace(TINY, family="lm")), tunes)
