"""The manifest: what is foreign in it is named, whatever JSON has made of it."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import toy_composer

from engine.bar import TICKS_PER_STEP
from engine.entry import ManifestError
from engine.manifest import Manifest, parse, read

Raw = dict[str, Any]


def changed(change: Callable[[Raw], object]) -> str:
    """Return the text of the toy's manifest after `change`."""
    raw = json.loads(toy_composer.manifest().to_json())
    raw["anchors"] = [[0.0] * toy_composer.Z_SIZE]
    change(raw)
    return json.dumps(raw)


def archive(path: Path, text: bytes, packing: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a file with `text` where a model has its manifest."""
    with zipfile.ZipFile(path, "w", packing) as file:
        file.writestr("m/extra/manifest.json", text)
    return path


def test_a_broken_or_hostile_file_is_one_line(tmp_path: Path) -> None:
    whole = archive(tmp_path / "m.ts", toy_composer.manifest().to_json().encode())
    assert read(whole) == toy_composer.manifest()
    content = bytearray(whole.read_bytes())
    start = content.index(b"manifest.json") + len("manifest.json")
    content[start : start + 40] = b"\xff" * 40
    (tmp_path / "corrupt.ts").write_bytes(content)
    locked = bytearray(whole.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        locked[locked.index(mark) + offset] |= 1  # the bit that says it is encrypted
    (tmp_path / "locked.ts").write_bytes(locked)
    archive(tmp_path / "huge.ts", b" " * ((16 << 20) + 1))
    archive(tmp_path / "latin.ts", b"\xe9")
    for name in ("corrupt", "locked", "huge", "latin"):
        with pytest.raises(ManifestError, match=rf"{name}\.ts: "):
            read(tmp_path / f"{name}.ts")


def test_a_manifest_comes_back_as_it_was() -> None:
    contract = toy_composer.manifest()
    assert parse(contract.to_json(), "m.ts") == contract


def test_what_a_manifest_leaves_out_is_that_of_the_models_before_it() -> None:
    raw = json.loads(toy_composer.manifest().to_json())
    for name in ("memory", "noise", "traces"):
        del raw[name]
    contract = parse(json.dumps(raw), "m.ts")
    assert contract == toy_composer.manifest()
    assert (contract.memory, contract.streams, contract.traces) == ("bar", (130, 130, 512), ())
    assert contract.ticks_per_step == TICKS_PER_STEP
    assert all(contract.begins(number) for number in range(9))


def test_a_manifest_says_how_its_bars_hang_together() -> None:
    def read(memory: str) -> Manifest:
        return parse(
            changed(lambda raw: raw.update(memory=memory, noise=[88, 3], traces=["kl"], steps_per_bar=40)),
            "m",
        )

    window, endless = read("window"), read("endless")
    assert parse(window.to_json(), "m") == window
    assert (window.streams, window.traces, window.ticks_per_step) == ((88, 3), ("kl",), 48)
    assert [number for number in range(9) if window.begins(number)] == [0, 4, 8]
    assert [number for number in range(9) if endless.begins(number)] == [0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda raw: raw.update(steps_per_bar=7), "steps_per_bar is 7, expected what divides 1920"),
        (lambda raw: raw.update(steps_per_bar=0), "steps_per_bar is 0, expected what divides 1920"),
        (lambda raw: raw.update(steps_per_bar=16.0), "steps_per_bar is 16.0, expected a whole number"),
        (lambda raw: raw.update(memory="song"), "memory is 'song', expected bar, window, endless"),
        (lambda raw: raw.update(memory=["bar"]), r"memory is \['bar'\], expected"),
        (lambda raw: raw.update(noise=3), "noise is 3, expected a list"),
        (lambda raw: raw.update(noise=[2, 0]), r"noise\[1\] is 0, expected 1 to 65536"),
        (lambda raw: raw.update(noise=[True]), r"noise\[0\] is True, expected"),
        (lambda raw: raw.update(noise=[10**9]), r"noise\[0\] is 1000000000, expected"),
        (lambda raw: raw.update(traces="kl"), "traces is 'kl', expected a list"),
        (
            lambda raw: raw.update(memory="window", traces=["kl", "kl"]),
            r"traces\[1\] is 'kl', expected a name",
        ),
        (lambda raw: raw.update(memory="window", traces=[""]), r"traces\[0\] is '', expected a name"),
        (lambda raw: raw.update(traces=["kl"]), r"traces are \['kl'\], expected none where memory is 'bar'"),
        (lambda raw: raw.update(z_size="8"), "z_size is '8', expected a whole number"),
        (lambda raw: raw.update(bars=True), "bars is True, expected a whole number"),
        (lambda raw: raw.update(bars=0), "bars is 0, expected a whole number from 1"),
        (lambda raw: raw.update(codec=["trio"]), "codec is"),
        (lambda raw: raw.update(axes=None), "axes is None, expected a list"),
        (lambda raw: raw.update(axes=["height"]), r"axes\[0\] is 'height', expected an object"),
        (lambda raw: raw["axes"][0].update(low="-2"), r"axes\[0\].low is '-2', expected a number"),
        (lambda raw: raw["axes"][0].update(high=None), r"axes\[0\].high is None, expected a number"),
        (lambda raw: raw["axes"][0].update(effect=[]), r"axes\[0\].effect is \[\], expected an object"),
        (lambda raw: raw["axes"][0].update(effect={"density": "x"}), r"axes\[0\].effect.density is 'x'"),
        (lambda raw: raw["axes"][0].update(vector=["1"] * 8), r"axes\[0\].vector\[0\] is '1'"),
        (lambda raw: raw["axes"][0].update(vector="12345678"), r"axes\[0\].vector has str components"),
        (lambda raw: raw.update(anchors=3), "anchors is 3, expected a list"),
        (lambda raw: raw["anchors"][0].__setitem__(2, None), r"anchors\[0\]\[2\] is None"),
        (lambda raw: raw["latent_mean"].__setitem__(0, float("nan")), r"latent_mean\[0\] is nan"),
        (lambda raw: raw["latent_mean"].__setitem__(0, 10**400), r"latent_mean\[0\] is 1"),
        (lambda raw: raw.update(bars=10**400), "bars is 1"),
        (lambda raw: raw.update(data=["lakh"]), r"data\[0\] is 'lakh', expected an object"),
        (lambda raw: raw.update(exported_with="torch"), "exported_with is 'torch', expected an object"),
    ],
)
def test_what_is_foreign_is_named_with_what_was_expected(change: Callable[[Raw], object], named: str) -> None:
    with pytest.raises(ManifestError, match=f"m.ts: {named}"):
        parse(changed(change), "m.ts")
