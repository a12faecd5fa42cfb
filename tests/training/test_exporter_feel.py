"""A VRNN of drum hits from recordings to the file that plays the drums of other models, and its card."""

import io
import random
import re
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from midi_song import midi, trio

from engine import feel
from engine.drummer import Drummer
from engine.entry import ManifestError
from engine.manifest import read as read_model
from training import run
from training.cli import main
from training.data.store import Store
from training.exporter_feel import LIKE, difference
from training.packing import script
from training.vrnn import drumming, exported_feel
from training.vrnn.frames import OFFSET, STEP, TOKEN, VELOCITY
from training.vrnn.model import VRNN, VRNNConfig
from training.vrnn.sequences import pieces

CONFIG = """
system = "vrnn"
[model]
form = "feel"
output = "{output}"
latent = "{latent}"
features = 8
units = 8
z_size = 2
[[stages]]
objective = "elbo"
iterations = 3
batch = 4
length = 8
beta = 1.0
free_bits = 0.0
validate_every = 3
"""


def drumming_of(seed: int, hits: int = 200) -> bytes:
    """A recording of one drum after the other, ahead of the grid, the snare loudest."""
    chance, track = random.Random(seed), mido.MidiTrack()
    track.append(mido.Message("note_on", channel=9, note=36, velocity=90, time=0))
    for _ in range(hits):
        note = chance.choice((36, 38, 42))
        velocity = {36: 60, 38: 110, 42: 30}[note] + chance.randrange(10)
        track.append(mido.Message("note_on", channel=9, note=note, velocity=velocity, time=118))
        track.append(mido.Message("note_off", channel=9, note=note, time=2))
    buffer = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(file=buffer)
    return buffer.getvalue()


def recordings(folder: Path) -> Path:
    folder.mkdir()
    rows = ["path,split,group"]
    for number, split in enumerate(("train", "train", "valid", "test", "test")):
        (folder / f"{number}.mid").write_bytes(drumming_of(number))
        rows.append(f"{number}.mid,{split},{split}{number}")
    (folder / "MANIFEST.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of hits, and of trios, and runs of two models of hits, made by the command."""
    place = tmp_path_factory.mktemp("feel")
    drums = recordings(place / "drummers")
    assert main(["prepare", str(drums), "--output", str(place / "store"), "--codec", "feel"]) == 0
    (place / "band").mkdir()
    (place / "band" / "song.mid").write_bytes(midi(trio(17)))
    assert main(["prepare", str(place / "band"), "--output", str(place / "trios")]) == 0
    for latent, output in (("prior", "gmm"), ("none", "gauss")):
        (place / "tiny.toml").write_text(CONFIG.format(latent=latent, output=output))
        output_of = ["--data", str(place / "store"), "--output", str(place / latent), "--threads", "1"]
        assert main(["fit", str(place / "tiny.toml"), *output_of]) == 0
    return place


@pytest.mark.parametrize(("latent", "called"), [("prior", "A VRNN "), ("none", "A RNN ")])
def test_the_command_writes_a_feel_that_the_engine_plays(place, tmp_path, capsys, latent, called):
    output = tmp_path / "preset" / "feel.ts"
    command = ["export", str(place / latent), "--output", str(output), "--data", str(place / "store")]
    assert main([*command, "--note", "Three iterations."]) == 0
    assert capsys.readouterr().out.startswith(f"{output}: 0.")
    manifest = feel.read(output)
    assert manifest.exported_with["weights"] == run.identity(run.load(place / latent).model)
    assert [source["archive"] for source in manifest.data] == ["drummers"]
    with pytest.raises(ManifestError, match="plays the drums of others"):
        read_model(output)
    drummer = Drummer.load(output, trio_manifest())
    state, seen = drummer.start, []
    for bar in range(3):
        hits, state = drummer.play(state, [5, 0, 4, 0, 6, 0, 4, 0] * 2, 7, 0, bar)
        seen.append(hits)
        assert [hit[:2] for hit in hits[:3]] == [(0, 0), (0, 2), (2, 2)]
    assert seen[0] != seen[1]
    card = (output.parent / "FEEL.md").read_text()
    assert not (output.parent / "CARD.md").exists()
    assert card.startswith("# feel\n")
    assert called in card.replace("An RNN", "A RNN")
    assert "| drummers | " in card
    assert "3 iterations in 0 minutes" in card
    assert "nats a hit). Three iterations.\n" in card
    assert "Split `test`; nats are a hit's." in card
    rows = re.findall(r"^\| (\w[\w ]*) \| (\d+) \| (\d+) / (\d+) \|", card, re.MULTILINE)
    human = {name: int(value) for name, _, value, _ in rows}
    assert list(human) == ["kick", "snare", "closed hat", "all"]
    assert human["closed hat"] < 40 < human["kick"] < 75
    assert human["snare"] > 105
    assert f"weights {manifest.exported_with['weights']}" in card


def trio_manifest():
    """The manifest of the shipped trio, whose drums are to be played."""
    return read_model(Path(__file__).parents[2] / "presets" / "trio" / "model.ts")


def test_without_data_the_card_says_so(place, tmp_path):
    assert main(["export", str(place / "prior"), "--output", str(tmp_path / "feel.ts")]) == 0
    assert "Not evaluated: export with --data." in (tmp_path / "FEEL.md").read_text()


@pytest.mark.parametrize("command", ["export", "evaluate"])
def test_another_store_is_refused_in_one_line(place, tmp_path, capsys, command):
    output = ["--output", str(tmp_path / "feel.ts")]
    capsys.readouterr()
    assert main([command, str(place / "prior"), "--data", str(place / "trios"), *output]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "codec is trio, expected feel" in told
    assert not (tmp_path / "feel.ts").exists()


def test_evaluate_says_how_it_plays_what_humans_played(place, capsys):
    capsys.readouterr()
    assert main(["evaluate", str(place / "prior"), "--data", str(place / "store")]) == 0
    assert "| snare | " in capsys.readouterr().out


def lively(latent: str = "prior", output: str = "gmm") -> VRNN:
    torch.manual_seed(1)
    model = VRNN(VRNNConfig(latent=latent, output=output, form="feel", features=12, units=10, z_size=3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2.0)
        model.mean.copy_(torch.tensor([0.55, -0.06]))
        model.scale.copy_(torch.tensor([0.27, 0.2]))
    return model.eval()


@pytest.mark.parametrize(("latent", "output"), [("prior", "gmm"), ("fixed", "gauss"), ("none", "gmm")])
def test_the_exported_form_is_held_against_the_model(latent, output):
    model = lively(latent, output)
    module = exported_feel.exported(model)
    assert difference(script(module), model, module.width) < LIKE
    other = lively(latent, output)
    with torch.no_grad():
        other.output.heads.bias.add_(0.05)
    assert difference(script(module), other, module.width) > LIKE


def test_a_piece_lies_on_the_grid_as_it_was_played(place):
    (rows, *_) = pieces(Store.open(place / "store"), "test")
    bars = drumming.Bars.of(rows)
    assert len(bars.places) == len(rows)
    assert (bars.places[:, 1] == rows[:, STEP]).all()
    assert bars.tokens[tuple(bars.places[:, :2].T)].tolist() == rows[:, TOKEN].tolist()
    struck = sum(int(token).bit_count() for token in bars.tokens.ravel())
    assert struck == len(rows)


class Parrot(torch.nn.Module):
    """Plays kicks as one drummer does, and all else at random: what its figures must tell apart."""

    loud: torch.Tensor
    late: torch.Tensor

    def __init__(self, rows: np.ndarray, bars: drumming.Bars) -> None:
        super().__init__()
        shape = (len(bars.tokens), 16, 9)
        loud, late = np.full(shape, 60, np.int64), np.zeros(shape, np.float32)
        where = tuple(bars.places.T)
        loud[where] = 1 + np.floor(rows[:, VELOCITY] * 127)
        late[where] = rows[:, OFFSET]
        loud[:, :, 1:] = np.random.default_rng(0).integers(1, 128, loud[:, :, 1:].shape)
        self.loud, self.late = torch.from_numpy(loud), torch.from_numpy(late)

    def begin(self) -> torch.Tensor:
        return torch.zeros(1)

    def feel(self, state, tokens, noise, temperature):
        return self.loud[int(state)], self.late[int(state)], state + 1


def test_figures_tell_a_drummer_from_chance(place):
    rows = pieces(Store.open(place / "store"), "test")[0]
    found = drumming.compare(Parrot(rows, drumming.Bars.of(rows)), 4, [rows])
    assert found["kick"]["velocity correlation"] == pytest.approx(1)
    assert found["kick"]["human velocity"] == found["kick"]["model velocity"]
    assert abs(found["snare"]["velocity correlation"]) < 0.4
    assert found["snare"]["model width"] == found["snare"]["human width"]
    assert found["snare"]["human accents"] == 1 > found["snare"]["model accents"]
    assert found["all"]["offset correlation"] == pytest.approx(1)
    assert "low tom" not in found
    assert drumming.compare(Parrot(rows, drumming.Bars.of(rows)), 4, []) == {}


class Wavering(Parrot):
    """Plays kicks as one drummer does, give or take what chance has it."""

    def feel(self, state, tokens, noise, temperature):
        loud, late, after = super().feel(state, tokens, noise, temperature)
        return (loud + 20 * noise[:, :, 0]).clamp(1, 127).long(), late + 0.2 * noise[:, :, 1], after


def test_what_a_model_expects_is_the_mean_of_what_it_plays(place):
    rows = pieces(Store.open(place / "store"), "test")[0]
    kick = drumming.compare(Wavering(rows, drumming.Bars.of(rows)), 4, [rows])["kick"]
    assert 0 < kick["velocity correlation"] + 0.1 < kick["mean velocity correlation"] < 1
