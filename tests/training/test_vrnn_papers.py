"""Both reproductions of the VRNN from archive to tables and pictures, with tiny data and models."""

import csv
import io
import json
import random
import zipfile
from pathlib import Path

import mido
import numpy as np
import pytest

from training import run
from training.papers import NAMES, vrnn_feel, vrnn_polyphony
from training.papers.job import Job
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
    with zipfile.ZipFile(tmp_path / "groove.zip", "w") as archive:
        manifest = ["path,split,group"]
        for number, split in enumerate(("train", "train", "valid", "test", "test")):
            archive.writestr(f"{number}.mid", drumming(number))
            manifest.append(f"{number}.mid,{split},{split}{number}")
        archive.writestr("MANIFEST.csv", "\n".join(manifest) + "\n")
    return Job(tmp_path, tmp_path / "results", report=[].append)


def table(job: Job, name: str) -> list[dict[str, str]]:
    with (job.output / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_polyphony_from_archive_to_table_and_picture(job):
    chosen = vrnn_polyphony.BENCHMARKS[:1]
    vrnn_polyphony.reproduce(job, job.data, chosen)
    rows = table(job, "vrnn-polyphony")
    assert [(row["set"], row["model"]) for row in rows] == [
        ("JSB_Chorales", "RNN"),
        ("JSB_Chorales", "VRNN-I"),
        ("JSB_Chorales", "VRNN"),
        ("JSB_Chorales", "VRNN, FIVO"),
    ]
    assert all(-70 < float(row["bound"]) < -5 and row["iterations"] in "123" for row in rows)
    assert rows[0]["KL, bits"] == "" != rows[2]["KL, bits"]
    assert "-11.060" in (job.output / "results.md").read_text()
    assert (job.output / "vrnn-JSB_Chorales-latents.png").stat().st_size > 10_000
    again: list[str] = []
    vrnn_polyphony.reproduce(Job(job.data, job.output, report=again.append), job.data, chosen)
    assert sum("is finished" in line for line in again) == 4


def test_feel_from_archive_to_table_and_picture(job):
    vrnn_feel.reproduce(job, job.data)
    rows = table(job, "vrnn-feel")
    assert [row["model"] for row in rows] == [name for name, *_ in vrnn_feel.MODELS]
    assert all(-20 < float(row["bound"]) < 5 for row in rows)
    assert rows[0]["particle filter, 40"] == "" != rows[4]["particle filter, 40"]
    assert (job.output / "vrnn-feel-latents.png").stat().st_size > 10_000
    model = run.load(job.output / "runs" / "vrnn-gmm").model
    heard = np.concatenate(pieces(job.store("feel", "groove"), "train"))[:, :2]
    np.testing.assert_allclose(model.mean, heard.mean(0), atol=1e-5)  # what is drawn is normalised
    np.testing.assert_allclose(model.scale, heard.std(0), rtol=1e-2)


def test_the_command_knows_both():
    assert {"vrnn-polyphony", "vrnn-feel"} <= set(NAMES)
