"""Both reproductions of the VRNN from archive to tables and pictures, with tiny data and models."""

import csv
import io
import json
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest

from training import run
from training.configfile import load
from training.papers import CONFIGS, NAMES, vrnn_feel, vrnn_polyphony
from training.papers.job import Job
from training.papers.vrnn import fault, matched, parameters
from training.vrnn.examine import Findings, Pieces
from training.vrnn.model import VRNN
from training.vrnn.sequences import pieces

POLYPHONY = """
system = "vrnn"
[model]
features = 8
units = 8
z_size = 2
[data]
weights = {{ {source} = 1.0 }}
[[stages]]
objective = "elbo"
iterations = 3
batch = 4
length = 8
beta = 1.0
free_bits = 0.0
validate_every = 3
"""
FEEL = POLYPHONY.format(source="groove").replace("features", 'form = "feel"\noutput = "gmm"\nfeatures')


def benchmark(seed: int) -> str:
    chance = random.Random(seed)
    piece = [[chance.randrange(40, 80) for _ in range(chance.randrange(4))] for _ in range(12)]
    return json.dumps({split: [piece, piece[:5]] for split in ("train", "valid", "test")})


def drumming(seed: int) -> bytes:
    chance, track = random.Random(seed), mido.MidiTrack()
    for _ in range(70):
        note, velocity = chance.choice((36, 38, 42)), chance.randrange(1, 128)
        track.append(mido.Message("note_on", channel=9, note=note, velocity=velocity, time=100))
        track.append(mido.Message("note_off", channel=9, note=note, time=20))
    buffer = io.BytesIO()
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(file=buffer)
    return buffer.getvalue()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    with zipfile.ZipFile(tmp_path / "poly-boulanger-lewandowski.zip", "w") as archive:
        for number, each in enumerate(vrnn_polyphony.BENCHMARKS):
            archive.writestr(f"json/{each.source}.json", benchmark(number))
    for each in vrnn_polyphony.BENCHMARKS:
        (tmp_path / f"{each.config}.toml").write_text(POLYPHONY.format(source=each.source))
    (tmp_path / "vrnn-feel.toml").write_text(FEEL)
    (tmp_path / "groove.toml").write_text(FEEL.replace("free_bits = 0.0", "free_bits = 0.5"))
    with zipfile.ZipFile(tmp_path / "groove.zip", "w") as archive:
        manifest = ["path,split,group"]
        for number, split in enumerate(("train", "train", "valid", "test", "test")):
            archive.writestr(f"{number}.mid", drumming(number))
            manifest.append(f"{number}.mid,{split},{split}{number}")
        archive.writestr("MANIFEST.csv", "\n".join(manifest) + "\n")
    return Job("vrnn", tmp_path, tmp_path / "results", configs=tmp_path, report=[].append)


def table(job: Job, name: str) -> list[dict[str, str]]:
    with (job.output / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_polyphony_from_archive_to_table_and_picture(job):
    chosen = vrnn_polyphony.BENCHMARKS[:1]
    vrnn_polyphony.reproduce(replace(job, name="vrnn-polyphony"), chosen)
    rows = table(job, "vrnn-polyphony")
    assert [(row["set"], row["model"]) for row in rows] == [
        ("JSB_Chorales", "RNN"),
        ("JSB_Chorales", "VRNN-I"),
        ("JSB_Chorales", "VRNN"),
        ("JSB_Chorales", "VRNN, FIVO"),
    ]
    assert all(-70 < float(row["bound"]) < -5 and row["best at"] in "123" for row in rows)
    assert rows[0]["KL, bits"] == "" != rows[2]["KL, bits"]
    assert {row["iterations"] for row in rows} == {"3"}
    assert all(int(row["best at"]) <= 3 and float(row["minutes trained"]) > 0 for row in rows)
    assert {row["temporal convolution (compare the bound)"] for row in rows} == {"-8.2"}
    apart = table(job, "vrnn-polyphony-differences")
    assert [row["models"] for row in apart] == [f"{a} - {b}" for a, b in vrnn_polyphony.COMPARED]
    assert {row["groups"] for row in apart} == {"2"}
    told, error = map(float, apart[2]["bound"].split(" +- "))
    assert told == pytest.approx(float(rows[2]["bound"]) - float(rows[1]["bound"]), abs=1e-3)
    assert error > 0
    text = (job.output / "vrnn-polyphony.md").read_text()
    assert "-11.060" in text
    assert "not from the z that was drawn (equations 5 to 7 of the VRNN's paper)" in text
    assert (job.output / "vrnn-polyphony-JSB_Chorales-latents.png").stat().st_size > 10_000
    again: list[str] = []
    vrnn_polyphony.reproduce(replace(job, name="vrnn-polyphony", report=again.append), chosen)
    assert sum("is finished" in line for line in again) == 4


def test_feel_from_archive_to_table_and_picture(job):
    vrnn_feel.reproduce(replace(job, name="vrnn-feel"))
    rows = table(job, "vrnn-feel")
    assert [row["model"] for row in rows] == [name for name, *_ in vrnn_feel.MODELS]
    assert all(-20 < float(row["bound"]) < 5 for row in rows)
    assert rows[0]["particle filter, 40"] == "" != rows[4]["particle filter, 40"]
    apart = table(job, "vrnn-feel-differences")
    assert [(row["files"], row["models"]) for row in apart] == [
        (files, f"{first} - {second}") for files in ("test", "strict") for first, second in vrnn_feel.COMPARED
    ]
    assert {row["groups"] for row in apart} == {"2"}  # sessions of the test split
    text = (job.output / "vrnn-feel.md").read_text()
    assert "the sessions are new, but their drummers are known from training" in text
    assert "Of few groups the error is rough itself" in text
    assert (job.output / "vrnn-feel-latents.png").stat().st_size > 10_000
    model = run.load(job.output / "runs" / "vrnn-gmm").model
    heard = np.concatenate(pieces(job.store("feel", "groove"), "train"))[:, :2]
    np.testing.assert_allclose(model.mean, heard.mean(0), atol=1e-5)  # what is drawn is normalised
    np.testing.assert_allclose(model.scale, heard.std(0), rtol=1e-2)


def test_the_models_of_a_set_learn_by_the_same_stages():
    base = load(CONFIGS / "vrnn-jsb.toml")
    rnn, vrnn, fivo = (
        vrnn_polyphony.variant(base, *kind)
        for kind in (("none", "elbo"), ("prior", "elbo"), ("prior", "fivo"))
    )
    assert vrnn == base
    assert base.stages[0].free_bits > 0 == base.stages[-1].free_bits  # measured by the bound itself
    assert [stage.free_bits for stage in rnn.stages] == [0.0] * len(base.stages)
    assert [stage.objective for stage in fivo.stages] == ["elbo", "fivo"]
    assert fivo.stages[0] == base.stages[0]
    assert {stage.share for stage in rnn.stages} == {stage.share for stage in fivo.stages}


def test_latents_beside_a_mixture_are_kept_and_all_learn_by_the_same_rates():
    base, kept = load(CONFIGS / "vrnn-feel.toml"), load(CONFIGS / "groove.toml").stages
    for _, latent, output, _ in vrnn_feel.MODELS:
        both = (latent, output) == ("prior", "gmm")
        assert vrnn_feel.variant(base, latent, output, kept).stages == (kept if both else base.stages)
    (whole,) = base.stages
    assert min(stage.free_bits for stage in kept) > 0 == whole.free_bits
    assert (kept[0].learning_rate, kept[-1].learning_rate_end) == (
        whole.learning_rate,
        whole.learning_rate_end,
    )
    assert sum(stage.iterations for stage in kept) == whole.iterations
    assert {(stage.batch, stage.length) for stage in kept} == {(whole.batch, whole.length)}


PAIRED = [
    *((each.config, kind, "bernoulli") for each in vrnn_polyphony.BENCHMARKS for kind in ("none", "fixed")),
    *(("vrnn-feel", latent, output) for _, latent, output, _ in vrnn_feel.MODELS),
]


@pytest.mark.parametrize(("name", "latent", "output"), PAIRED)
def test_every_baseline_has_as_many_parameters_as_the_vrnn(name, latent, output):
    base = load(CONFIGS / f"{name}.toml").model
    other = replace(base, latent=latent, output=output)
    sizes = matched(other, parameters(base))
    assert parameters(sizes) == pytest.approx(parameters(base), rel=0.02)
    assert parameters(sizes) == run.count(VRNN(sizes))
    assert replace(sizes, features=base.features) == other  # one recurrence for all


def findings(active, kl_bits, worth_bits, units=16):
    nothing = np.zeros(1)
    alone = Pieces(np.ones(1, np.int64), nothing, nothing, nothing)
    return Findings(1, 0.0, 0.0, 0.0, kl_bits, worth_bits, active, units, alone)


def test_only_latents_that_are_worth_nothing_leave_an_rnn():
    assert fault(findings(8, 3.0, 2.0)) == ""
    assert fault(findings(0, 0.0, 0.0, units=0)) == ""  # an RNN from the beginning
    assert fault(findings(8, 3.0, 0.1)) == "the posterior has collapsed, an RNN is left"
    assert fault(findings(0, 0.0, 0.0)) == "the posterior has collapsed, an RNN is left"
    assert fault(findings(1, 1.6, 7.7)) == "only 1 of 16 latent units are active"


def test_the_vrnn_itself_stays_as_it_is_configured():
    base = load(CONFIGS / "vrnn-jsb.toml")
    assert vrnn_polyphony.variant(base, "prior", "elbo") == base
    assert vrnn_polyphony.variant(base, "prior", "fivo").model == base.model


def test_the_command_knows_both():
    assert {"vrnn-polyphony", "vrnn-feel"} <= set(NAMES)
