"""Half precision: where it is chosen, and that every system trains in it and says so."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small import TINY, song_archive

from training import run
from training.config import Config, Data, Stage
from training.data.prepare import prepare
from training.data.store import Store
from training.fit import fit
from training.precision import halved
from training.systems import SYSTEMS
from training.vrae import model as vrae
from training.vrash import model as vrash
from training.vrnn.model import VRNNConfig

NOTES = {"embedding": 6, "label": 3, "encoder": 8, "units": 16, "z_size": 4, "notes": 16, "depth": 1}
MODELS: list[tuple[str, str, Any]] = [
    ("musicvae", "trio", TINY),
    ("musicvae", "trio", replace(TINY, family="flat", bars=2)),
    ("vrae", "roll", vrae.ModelConfig(z_size=2, units=12, steps=40, bar=40, hop=20)),
    ("vrae", "roll", vrae.ModelConfig(z_size=2, units=12, steps=40, bar=40, hop=20, cell="lstm")),
    *(("vrnn", "roll", VRNNConfig(features=12, units=10, z_size=4, every=4, latent=latent))
      for latent in ("prior", "fixed", "none")),
    *(("vrash", "note", vrash.ModelConfig(**NOTES, family=family, cell=cell, sources=("own",)))
      for family in ("vrash", "vae", "lm") for cell in ("highway", "lstm")),
]  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Store]:
    """A store of each form."""
    root = tmp_path_factory.mktemp("stores")
    own = song_archive(root / "own.zip", bars=20)
    for form in ("trio", "roll", "note"):
        prepare([own], root / form, form=form)
    return {form: Store.open(root / form) for form in ("trio", "roll", "note")}


@pytest.mark.parametrize(("system", "form", "sizes"), MODELS)
def test_every_model_trains_in_it(
    system: str, form: str, sizes: Any, stores: dict[str, Store], tmp_path: Path
) -> None:
    stages = tuple(
        Stage(objective, iterations=2, batch=4, validate_every=2)
        for objective in SYSTEMS[system].objectives
        if system == "musicvae" and (sizes.family == "hierarchical" or objective == "windows")
    ) or (Stage(next(iter(SYSTEMS[system].objectives)), iterations=2, batch=4, validate_every=2),)
    config = Config(sizes, Data(), stages, system=system, precision="bfloat16")
    fit(config, stores[form], tmp_path, report=lambda line: None)
    found = run.load(tmp_path)
    assert str(found.meta["machine"]).endswith(", bfloat16")
    # Only products are rounded: the weights, and so what is played, are float32.
    assert {parameter.dtype for parameter in found.model.parameters()} == {torch.float32}
    other = tmp_path / "float32"
    fit(replace(config, precision="float32"), stores[form], other, report=lambda line: None)
    exact = run.load(other)
    assert "bfloat16" not in str(exact.meta["machine"])
    assert exact.meta["row"]["loss"] == pytest.approx(found.meta["row"]["loss"], rel=0.05)
    assert exact.meta["row"]["loss"] != found.meta["row"]["loss"]


def test_a_run_keeps_to_the_one_that_it_began_with(stores: dict[str, Store], tmp_path: Path) -> None:
    config = Config(TINY, Data(), (Stage("bars", iterations=4, batch=4),), precision="bfloat16")
    fit(config, stores["trio"], tmp_path, until=2, report=lambda line: None)
    with pytest.raises(run.RunError, match="precision is now 'float32', the run has 'bfloat16'"):
        fit(replace(config, precision="float32"), stores["trio"], tmp_path, report=lambda line: None)
    assert fit(config, stores["trio"], tmp_path, report=lambda line: None).total == 4


def test_a_processor_takes_it_for_large_products_if_it_has_units_for_them() -> None:
    assert halved("bfloat16", "cpu", matrices=False)
    assert not halved("float32", "cpu", matrices=True)
    assert not halved("auto", "cpu", matrices=False)
    facts = Path("/proc/cpuinfo")
    if not facts.exists() or not hasattr(torch.cpu, "get_capabilities"):
        pytest.skip("nothing here tells what the processor has")
    assert halved("auto", "cpu", matrices=True) == ("amx_bf16" in facts.read_text().split())
