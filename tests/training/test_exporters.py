"""Every system but MusicVAE from a run to a file that the engine plays."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from untrained_run import run_of, source

from engine.decoder import Decoder
from engine.noise import gumbel
from training.agreement import Noise, difference, listens
from training.export import export
from training.exporters import EXPORTERS, EndlessError
from training.packing import script
from training.vrae import model as vrae
from training.vrash import model as vrash
from training.vrnn.model import VRNNConfig

SIZES: dict[str, Any] = {
    "vrae": vrae.ModelConfig(z_size=3, units=12, steps=16, bar=8, hop=4),
    "vrnn": VRNNConfig(features=12, units=10, z_size=4, every=2),
    "vrash": vrash.ModelConfig(embedding=6, label=3, encoder=8, units=16, z_size=4, sources=("a",)),
}


@pytest.mark.parametrize("system", list(EXPORTERS))
def test_a_run_becomes_a_file_that_plays_without_end(system: str, tmp_path: Path) -> None:
    run = run_of(system, SIZES[system], tmp_path / "run")
    report = export(run, tmp_path / "preset" / "model.ts")
    assert report.lines()[0].startswith(str(tmp_path / "preset" / "model.ts"))
    decoder = Decoder.load(tmp_path / "preset" / "model.ts")
    facts = decoder.manifest
    assert (facts.memory, facts.weights) == ("endless", "float32")
    plan = decoder.plan(np.zeros(facts.z_size, np.float32))
    state = plan.state
    blank = np.zeros((facts.steps_per_bar, len(decoder.vocabularies)), np.int64)
    for bar in range(3):
        noise = gumbel(1, 0, bar, facts.steps_per_bar, facts.streams)
        decoded = decoder.bar(plan.code(0), blank, 0, [1.0], noise, state=state)
        assert decoded.traces.shape == (facts.steps_per_bar, len(facts.traces))
        assert np.isfinite(decoded.state).all()
        state = decoded.state
    card = (tmp_path / "preset" / "CARD.md").read_text()
    assert EXPORTERS[system].title in card
    assert "| own | MIT |" in card
    assert "40 iterations in 2 minutes" in card


def test_a_vrnn_without_latents_or_with_another_s_data_is_refused(tmp_path: Path, band_folder: Path) -> None:
    bare = run_of("vrnn", replace(SIZES["vrnn"], latent="none"), tmp_path / "rnn")
    with pytest.raises(EndlessError, match=r"rnn: model\.latent is 'none', expected prior or fixed"):
        export(bare, tmp_path / "model.ts")
    run = run_of("vrnn", SIZES["vrnn"], tmp_path / "run")
    with pytest.raises(EndlessError, match="run: the store's codec is trio, expected roll"):
        export(run, tmp_path / "model.ts", store=band_folder)
    assert not (tmp_path / "model.ts").exists()


@pytest.mark.parametrize(
    ("sources", "weights", "steps"),
    [
        ([{"name": "JSB_Chorales_16th_SATB", "licence": "not stated"}], {}, 8),  # of the first stores
        ([{"name": "JSB_Chorales", "licence": "not stated"}], {}, 2),
        ([source("midi", 40)], {}, 20),
        (
            [source("midi", 40), source("more", 40), source("set", 0)],
            {"midi": 1.0, "more": 0.5},
            20,
        ),
    ],
)
def test_a_bar_has_as_many_steps_as_the_data_says(
    sources: list[dict[str, Any]], weights: dict[str, float], steps: int, tmp_path: Path
) -> None:
    run = run_of("vrnn", SIZES["vrnn"], tmp_path / "run", sources, weights)
    export(run, tmp_path / "model.ts")
    assert Decoder.load(tmp_path / "model.ts").manifest.steps_per_bar == steps
    assert f"on {steps} steps a bar" in (tmp_path / "CARD.md").read_text()


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        ([{"name": "Nottingham", "licence": "not stated"}], "Nottingham unknown"),
        ([source("own", 0)], "own unknown"),
        ([source("slow", 4), source("fast", 16)], "slow 4, fast 16"),
        ([source("odd", 5)], "odd 5"),
        ([source("rare", 14)], "rare 14"),
    ],
)
def test_a_vrnn_whose_data_names_no_grid_is_refused(
    sources: list[dict[str, Any]], told: str, tmp_path: Path
) -> None:
    run = run_of("vrnn", SIZES["vrnn"], tmp_path / "run", sources)
    with pytest.raises(EndlessError, match=f"run: frames in a bar of 4/4: {told}; expected one known number"):
        export(run, tmp_path / "model.ts")
    assert not (tmp_path / "model.ts").exists()


class Deaf(torch.nn.Module):
    """Writes what it likes and hears nothing of it."""

    @torch.jit.export
    def begin(self, z: torch.Tensor) -> torch.Tensor:
        return z

    @torch.jit.export
    def bar(  # noqa: PLR0917  # the contract with the engine
        self,
        z: torch.Tensor,
        state: torch.Tensor,
        prefix: torch.Tensor,
        from_step: int,
        temperature: torch.Tensor,
        noise: list[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return prefix, state + float(from_step), torch.zeros(prefix.shape[0], 0)


def test_a_module_that_hears_otherwise_than_it_writes_is_found_out() -> None:
    assert not listens(script(Deaf()), {"codec": "melody", "steps_per_bar": 4, "z_size": 2, "noise": (3,)})


TAMPERED = {
    "vrae": ("initial.weight", "output.bias", "weight"),
    "vrnn": ("heard", "prior.heads.weight", "posterior.heads.weight", "logits.bias"),
    "vrash": ("initial", "step.layers.1.weight", "heard1", "pitch_by_delay", "output.2.bias"),
}


@pytest.mark.parametrize(("system", "name"), [(each, name) for each in TAMPERED for name in TAMPERED[each]])
def test_a_file_that_plays_otherwise_than_the_model_is_refused(
    system: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = EXPORTERS[system]

    def tampered(model: torch.nn.Module) -> torch.nn.Module:
        module = honest.build(model)
        weight = module.state_dict()[name]
        weight += 0.5 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
        return module

    monkeypatch.setitem(EXPORTERS, system, replace(honest, build=tampered))
    run = run_of(system, SIZES[system], tmp_path / "run")
    told = r"run: exported and Python model differ: latent \d, bar \d, step \d+: (token|keys) .*, expected "
    with pytest.raises(EndlessError, match=told):
        export(run, tmp_path / "preset" / "model.ts")
    assert not list((tmp_path / "preset").iterdir())


class Coin(torch.nn.Module):
    """Says 1 where its noise is above a threshold, which `off` moves."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.off = off

    @torch.jit.export
    def begin(self, z: torch.Tensor) -> torch.Tensor:
        return z

    @torch.jit.export
    def bar(  # noqa: PLR0917  # the contract with the engine
        self,
        z: torch.Tensor,
        state: torch.Tensor,
        prefix: torch.Tensor,
        from_step: int,
        temperature: torch.Tensor,
        noise: list[torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return (noise[0] > self.off).long(), state, torch.zeros(prefix.shape[0], 0)


def test_what_rounding_may_turn_is_no_difference() -> None:
    facts = {"codec": "melody", "steps_per_bar": 1000, "z_size": 2, "noise": (1,)}

    def rows(z: torch.Tensor, noise: Noise) -> torch.Tensor:
        return torch.stack([(blocks[0] > 0).long() for blocks in noise])

    assert difference(script(Coin(0.0)), rows, facts) == ""
    assert difference(script(Coin(5e-4)), rows, facts) == ""
    told = difference(script(Coin(0.2)), rows, facts)
    assert told.startswith("latent 1, bar 1, step ")
    assert told.endswith(": token 0, expected token 1")
