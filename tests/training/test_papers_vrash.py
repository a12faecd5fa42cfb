"""What the paper's figures need, from archives to pictures, on tiny tunes."""

import csv

import pytest
from vrash_parts import CONFIGURED, TINY

from training.papers.vrash import reproduce, verdict
from training.papers.vrash_plan import BASELINES, MODELS, OURS, UNTRAINED, Plan


def test_the_paper_is_reproduced_from_archives_to_pictures(tunes_job, tunes):
    plan = Plan(CONFIGURED, TINY.sources, limit=20, samples=3, draws=12, latents=12)
    reproduce(tunes_job, plan)
    with (tunes_job.output / "vrash-cross-entropy.csv").open() as file:
        table = list(csv.DictReader(file))
    assert [row["model"] for row in table] == ["untrained", *MODELS]
    for row in table:
        assert 0 < float(row["cross-entropy, nats a note"]) < 9
        if row["model"].startswith("V"):
            parts = float(row["cross-entropy, nats a note"]) + float(row["KL"])
            assert parts == pytest.approx(float(row["bound"]))
    assert [row["published"] for row in table] == ["", "", "2.34", "", "", "2.11", ""]
    for name in ("-elements.csv", "-samples.csv", "-cross-entropy.png", "-t-sne.png", ".md"):
        assert (tunes_job.output / f"vrash{name}").stat().st_size > 100
    with (tunes_job.output / "vrash-samples.csv").open() as file:
        samples = list(csv.DictReader(file))
    assert [row["model"] for row in samples] == ["data", "untrained", *MODELS]
    for row in samples:
        mean, error = map(float, row["repeated notes"].split(" +- "))
        assert 0 <= mean <= 1
        assert 0 <= error < 0.5  # twelve phrases of a model that has learnt nothing may repeat none
    text = (tunes_job.output / "vrash.md").read_text()
    likelihoods = {row["model"]: float(row["cross-entropy, nats a note"]) for row in table}
    better = min(("LM, highway", "LM, LSTM"), key=likelihoods.__getitem__)
    assert f"VRASH, highway, against the better language model, {better}, nats a note: " in text
    assert f"{likelihoods['VRASH, highway'] - likelihoods[better]:+.3f} in cross-entropy" in text
    assert "the nearest other one that is not the same note for note is of the same source" in text
    before = (tunes_job.output / "runs" / "lm-lstm" / "best.pt").stat().st_mtime_ns
    reproduce(tunes_job, plan)  # finished runs are used again
    assert (tunes_job.output / "runs" / "lm-lstm" / "best.pt").stat().st_mtime_ns == before


def examined(above, told, repeats, error):
    """Return what is examined of models, `above` the language models' nats as they are and with z `told`."""

    def results(nats, bound, repeated):
        likelihood = {"cross_entropy": nats, "bound": bound, "importance_sampled": bound}
        prior = {"statistics": {"repeated notes": repeated}, "data": {"repeated notes": 0.16}}
        prior["errors"] = {whose: {"repeated notes": error} for whose in ("model", "data")}
        return {"all": likelihood, "prior": prior | {"overlap": {"repeated notes": 0.5, "range": 0.9}}}

    found = {name: results(2.4, 2.4, 0.18) for name in BASELINES}
    return found | {UNTRAINED: results(7.0, 7.0, 0.01), OURS: results(2.4 + above, 2.4 + told, repeats)}


@pytest.mark.parametrize(
    ("above", "told", "words"),
    [
        (-0.1, 0.03, ("likelier", "less likely")),
        (-0.1, -0.03, ("likelier", "likelier")),
        (0.1, 0.2, ("less likely", "less likely")),
    ],
)
def test_whether_notes_are_likelier_goes_by_the_sign(above, told, words):
    text = verdict(examined(above, told, 0.17, 0.01))
    assert f"{above:+.3f} in cross-entropy" in text
    assert f"given z its notes are {words[0]} than under the language model" in text
    assert f"with what it costs to tell z they are {words[1]}." in text


@pytest.mark.parametrize(
    ("repeats", "error", "word"),
    [
        (0.175, 0.005, "level within the error"),
        (0.150, 0.005, "fewer"),
        (0.210, 0.005, "more"),
        (0.166, 0.005, "level within the error"),  # beyond twice its own error, not that of the difference
        (0.150, None, "level within the error"),
    ],
)
def test_fewer_notes_are_repeated_only_beyond_the_error(repeats, error, word):
    text = verdict(examined(-0.1, 0.03, repeats, error))
    beside = "" if error is None else f" +- {error:.3f}"
    assert (
        f"Repeated notes: {word}, {repeats:.3f}{beside} against 0.180{beside}, the data has 0.160{beside};"
        in text
    )
    overlaps = "; ".join(f"{name} 0.700" for name in (*BASELINES, UNTRAINED, OURS))
    assert text.endswith(f"Mean overlap with the data: {overlaps}.")
