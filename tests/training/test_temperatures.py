"""The temperature at which a model plays most like its data is the one that the data was drawn at."""

import numpy as np
import pytest
import torch
from vrnn_parts import model

from training import tables
from training.data.songs import Song
from training.data.store import Store
from training.temperatures import TRIED, few, mean_overlap, temperatures
from training.vrash.examine import examine
from training.vrash.model import VRASH, ModelConfig
from training.vrnn.compared import compared
from training.vrnn.playing import play

LOGITS = np.random.default_rng(0).normal(0, 2, 24)


def melodies(temperature: float, seed: int = 0, count: int = 200) -> dict[str, np.ndarray]:
    """Return statistics of `count` melodies of 32 pitches, each drawn from the softmax of LOGITS."""
    noise = np.random.default_rng(seed).gumbel(size=(count, 32, len(LOGITS)))
    pitches = (LOGITS / temperature + noise).argmax(-1)
    repeated = (pitches[:, 1:] == pitches[:, :-1]).mean(1)
    used = np.array([len(set(row)) for row in pitches.tolist()], float)
    return {"used": used, "repeated": repeated, "mean": pitches.mean(1)}


def test_each_source_has_the_temperature_that_made_it():
    made = {"cold": 0.5, "cool": 0.8, "hot": 1.3}
    data = {name: melodies(temperature, seed=9, count=600) for name, temperature in made.items()}
    found = temperatures(melodies, data, 200)
    assert found["samples"] == 200
    assert found["tried"] == list(TRIED)
    for name, temperature in made.items():
        source = found["sources"][name]
        assert source["best"] == pytest.approx(temperature, abs=0.11)
        assert source["overlap"][TRIED.index(source["best"])] == max(source["overlap"])
        assert source["overlap"] == [mean_overlap(melodies(tried), data[name]) for tried in TRIED]


def test_an_end_of_what_was_tried_is_said_to_be_one_and_no_optimum():
    curves = {"falls": [0.9, 0.5, 0.1], "peaks": [0.1, 0.8, 0.2], "grows": [0.1, 0.2, 0.3]}
    best = {"falls": 0.1, "peaks": 0.2, "grows": 0.3}
    sources = {name: {"overlap": curve, "best": best[name]} for name, curve in curves.items()}
    found = {"temperatures": {"samples": 9, "tried": [0.1, 0.2, 0.3], "sources": sources}}
    told = "\n".join(tables.temperatures(found))
    assert "Most like falls at 0.1, the end of what was tried: the best may lie beyond." in told
    assert "Most like grows at 0.3," in told
    assert "Most like peaks" not in told
    rows = told.split("\n")[-3:]
    assert rows[0] == "| 0.1 | 0.900 | 0.100 | 0.100 |"
    assert rows[1] == "| 0.2 | 0.500 | **0.800** | 0.200 |"
    assert rows[2] == "| 0.3 | 0.100 | 0.200 | 0.300 |"


def test_what_the_data_lacks_is_left_out_and_what_only_the_model_lacks_counts():
    full, empty = np.arange(40.0), np.full(40, np.nan)
    assert mean_overlap({"a": full, "b": full}, {"a": full, "b": full}) == 1.0
    assert mean_overlap({"a": full, "b": full}, {"a": full, "b": empty}) == 1.0
    assert mean_overlap({"a": full, "b": empty}, {"a": full, "b": full}) == 0.5


def test_fewer_draws_are_played_at_each_temperature_but_one_at_least():
    assert [few(samples) for samples in (1, 4, 1000)] == [1, 1, 200]


@pytest.mark.parametrize("temperature", [0.6, 1.2])
def test_a_vrash_is_found_to_play_at_the_temperature_of_its_data(temperature):
    torch.manual_seed(0)
    sizes = ModelConfig(
        sources=("own",), notes=24, embedding=4, label=2, encoder=8, units=12, depth=1, head=8, z_size=4
    )
    vrash, count = VRASH(sizes).eval(), 60
    with torch.no_grad():
        for output in vrash.decoder.output:
            output.bias.normal_(0, 1.5)
    drawn = vrash.generate(torch.randn(count, 4), torch.zeros(count, 2, dtype=torch.int64), 24, temperature)
    rows = drawn.flatten(0, 1).numpy().astype(np.int32)  # of the first source, by the first programs
    songs = [Song("own", f"{n}.mid", str(n), str(n), "test", 24 * n, 24, (), "", "MIT") for n in range(count)]
    none, meta = np.zeros((0, 2), np.int32), {"codec": "note", "sources": [{"name": "own"}]}
    found = examine(vrash, Store(rows, tuple(songs), none, none, meta), samples=1, draws=300)["prior"]
    assert found["temperatures"]["samples"] == 60
    assert found["temperatures"]["sources"]["data"]["best"] == pytest.approx(temperature, abs=0.11)


@pytest.mark.parametrize("temperature", [0.6, 1.2])
def test_a_vrnn_is_found_to_play_at_the_temperature_of_its_data(temperature):
    vrnn, chance = model(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        vrnn.output.logits.bias[:] = -2.5 + torch.randn(88, generator=chance)
    music = list(play(vrnn, 100, 24, seed=5, temperature=temperature).numpy().astype(np.uint8))
    found = compared(vrnn, {"own": music}, 300, 24)["temperatures"]
    assert found["samples"] == 60
    assert found["sources"]["own"]["best"] == pytest.approx(temperature, abs=0.11)
