"""Models that have learnt nothing, exported to be timed: they say so, and the paper's has its size."""

from pathlib import Path

import pytest
import torch

from engine.manifest import read
from training import configfile, run
from training.cli import main
from training.musicvae.model import MusicVAE
from training.weights import untrained

ROOT = Path(__file__).parents[2]
PUBLISHED = 81_000_000  # parameters of the decoder of hierdec-trio_16bar
TINY = """
seed = 4

[model]
embedding = 8
bar_encoder = 4
sequence_encoder = 4
z_size = 8
conductor = 16
code = 8
decoder = 16
bars = 4

[[stages]]
objective = "windows"
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_a_configuration_is_exported_untrained_and_says_so(tiny, tmp_path, capsys):
    output = tmp_path / "big" / "model.ts"
    assert main(["export", str(tiny), "--output", str(output), "--note", "To be timed."]) == 0
    told = capsys.readouterr().out
    drawn = "random weights from seed 4 of tiny.toml"
    assert f"untrained: {drawn}; what it plays is noise" in told
    model, _ = untrained(tiny)
    assert f"{run.count(model) - run.count(model.encoder):,} of them in conductor and decoders" in told
    assert "every token of 48 bars as the Python model writes it" in told
    manifest = read(output)
    assert manifest.exported_with["untrained"] == drawn
    assert manifest.exported_with["weights"] == run.identity(model)  # the same from the same seed
    assert manifest.data == manifest.axes == ()
    card = (output.parent / "CARD.md").read_text()
    assert card.startswith("# big\n\nAn untrained hierarchical MusicVAE")
    assert f"## Training\n\nNone: {drawn}. What it plays is noise. To be timed.\n" in card
    assert "## Data\n\nNone.\n\n## Training" in card


def test_axes_of_an_untrained_model_are_refused(tiny, tmp_path, capsys):
    output = tmp_path / "model.ts"
    assert main(["export", str(tiny), "--output", str(output), "--data", "store"]) == 2
    expected = "live-train: --data store: a knob of an untrained model does nothing to measure\n"
    assert capsys.readouterr().err == expected
    assert not output.exists()


def test_the_papers_decoder_has_the_published_number_of_parameters():
    sizes = configfile.load(ROOT / "training" / "configs" / "trio-paper.toml").model
    assert (sizes.conductor, sizes.decoder) == (1024, 1024)
    assert (sizes.z_size, sizes.code, sizes.bars) == (512, 512, 16)
    with torch.device("meta"):
        model = MusicVAE(sizes)
    decoding = run.count(model) - run.count(model.encoder)
    assert decoding == pytest.approx(PUBLISHED, rel=0.005)
