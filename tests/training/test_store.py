"""The token store: what opens, what is refused and by which words, and what comes out of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_song import Track, midi, trio, tune

from engine.codec import HOLD, NOTE_OFF
from training.data.prepare import prepare
from training.data.songs import StoreError
from training.data.sounding import canonical
from training.data.store import Store
from training.data.view import view, widened

MANIFEST = "path,split,group\n{}\n".format(
    "\n".join(
        f"{split}{index}.mid,{split},{split}{index}"
        for split in ("train", "valid", "test")
        for index in range(2)
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store of six trios, two a split, and of one tune alone in train."""
    root = tmp_path_factory.mktemp("data")
    band, flute = root / "band", root / "flute"
    for index, split in enumerate(("train", "valid", "test")):
        for which in range(2):
            band.mkdir(exist_ok=True)
            (band / f"{split}{which}.mid").write_bytes(midi(trio(20, seed=2 * index + which)))
    (band / "MANIFEST.csv").write_text(MANIFEST)
    flute.mkdir()
    (flute / "tune.mid").write_bytes(midi([Track(tune(18, 9))]))
    (flute / "MANIFEST.csv").write_text("path,split,group\ntune.mid,train,solo\n")
    prepare([band, flute], root / "store")
    return root / "store"


def test_a_store_gives_windows_and_bars_by_split_and_source(folder):
    store = Store.open(folder)
    assert isinstance(store.rows, np.memmap)
    assert store.rows.shape == (6 * 20 + 18, 16, 3)
    trios, bars = view(store), view(store, bars=1)
    assert len(trios.of("train")) == len(trios.of("test", ["band"])) == 2 * 5
    assert len(store.windows) == 6 * 5 + 3
    assert len(trios.of("train", ["flute"])) == 0  # trios only
    assert len(trios.of(None)) == 30
    assert len(bars.of("train")) == 2 * 20 + 18
    assert len(bars.of("train", ["flute"])) == 18
    assert {store.songs[index].split for index in trios.spans[trios.of("valid"), 0]} == {"valid"}


def test_windows_are_told_apart_by_their_file(folder):
    store = Store.open(folder)
    tunes = view(store, ["melody"])
    rows = np.arange(len(tunes.spans))[::-1]
    files = tunes.files(rows)
    names = [store.songs[song].sha1 for song in tunes.spans[rows, 0]]
    assert len(set(files.tolist())) == len(set(names)) == 7
    assert len(set(zip(files.tolist(), names, strict=True))) == 7


def test_the_digest_tells_stores_apart(folder, tmp_path):
    store = Store.open(folder)
    assert store.digest() == Store.open(folder).digest()
    shutil.copytree(folder, tmp_path / "same")
    assert Store.open(tmp_path / "same").digest() == store.digest()
    others = [
        changed(folder, tmp_path / "a", "songs.json", lambda v: v[0].update(group="x")),
        changed(folder, tmp_path / "b", "store.json", lambda v: v.update(rows="other")),
        changed(folder, tmp_path / "c", "store.json", lambda v: None),
    ]
    np.save(others[2] / "windows.npy", store.windows[::-1])
    assert len({store.digest(), *(Store.open(path).digest() for path in others)}) == 4


def test_a_window_holds_the_bars_of_its_song(folder):
    store = Store.open(folder)
    trios = view(store)
    rows = trios.of("test")[[0, 3, 7]]
    windows = trios.tokens(rows)
    assert windows.shape == (3, 16, 16, 3)
    assert windows.dtype == np.int64
    for window, row in zip(windows, rows, strict=True):
        first = trios.spans[row, 1]
        assert np.array_equal(window, store.rows[first : first + 16])
    singles = view(store, bars=1)
    some = singles.of("test")[:4]
    assert np.array_equal(singles.tokens(some)[:, 0], store.rows[singles.spans[some, 1]])
    flute = next(index for index, song in enumerate(store.songs) if song.source == "flute")
    alone = singles.tokens(np.flatnonzero(singles.spans[:, 0] == flute))
    assert set(np.unique(alone[..., 1:])) == {-1}


@pytest.mark.parametrize("bars", [1, 2, 16])
def test_some_voices_have_windows_of_their_own(folder, bars):
    store = Store.open(folder)
    tunes = view(store, ["melody"], bars)
    tokens = tunes.tokens(np.arange(len(tunes.spans)))
    assert tokens.shape == (len(tunes.spans), bars, 16, 1)
    assert (tokens >= 0).all()
    sources = {store.songs[song].source for song in tunes.spans[:, 0]}
    assert sources == {"band", "flute"}  # a trio's melody is a melody
    for split in ("train", "valid", "test"):
        spelt = {window.tobytes() for window in tokens[tunes.of(split)]}
        assert len(spelt) == len(tunes.of(split)) > 0
    if bars == 2:
        assert ((tokens < NOTE_OFF).any((1, 2, 3))).all()
    drums = view(store, ["drums"], bars)
    assert {store.songs[song].source for song in drums.spans[:, 0]} == {"band"}


def test_what_a_view_lacks_is_missing_in_the_trio_that_it_is_widened_to():
    wide = widened(np.array([[7], [8]]), [2])
    assert wide.tolist() == [[-1, -1, 7], [-1, -1, 8]]


columns = st.lists(st.sampled_from([60, 72, NOTE_OFF, HOLD]), min_size=64, max_size=64)


@settings(max_examples=60, deadline=None)
@given(columns, columns)
def test_nothing_from_before_the_window_is_left_in_it(melody, bass):
    tokens = np.stack([melody, bass, [0] * 64], 1).reshape(1, 4, 16, 3)
    kept = canonical(tokens).reshape(64, 3)
    for voice, column in enumerate((melody, bass)):
        first = next((step for step, token in enumerate(column) if token < NOTE_OFF), 64)
        assert kept[:first, voice].tolist() == [HOLD] * first
        assert kept[first:, voice].tolist() == column[first:]
    assert np.array_equal(canonical(canonical(tokens)), canonical(tokens))


def changed(folder, tmp_path, file, change):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    value = json.loads((copy / file).read_text())
    change(value)
    (copy / file).write_text(json.dumps(value))
    return copy


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("store.json", lambda v: v.update(version=1), r"store.json: version: found 1, expected 2"),
        ("store.json", lambda v: v.update(codec="duo"), r"store.json: codec: found duo, expected trio"),
        ("store.json", lambda v: v.pop("bars"), r"store.json: bars: found None, expected 16"),
        ("store.json", lambda v: v.pop("sources"), r"store.json: sources: found None, expected"),
        ("songs.json", lambda v: v[0].pop("split"), r"songs.json: song 0: found .* expected the fields"),
        (
            "songs.json",
            lambda v: v[1].update(split="dev"),
            r"song 1: split: found dev, expected train or valid",
        ),
        (
            "songs.json",
            lambda v: v[6].update(rows=900),
            r"song 6: rows: found 120 to 1020, expected 0 to 138",
        ),
        ("songs.json", lambda v: v[2].update(rows="x"), r"song 2: rows: found x, expected an integer"),
        (
            "songs.json",
            lambda v: v[0].update(voices=[True]),
            r"song 0: voices: found .*, expected 3 truth values",
        ),
        ("songs.json", lambda v: v[0].update(voices=5), r"song 0: voices: found 5, expected 3 truth values"),
        ("songs.json", lambda v: v[4].update(sha1=["x"]), r"song 4: sha1: found \['x'\], expected text"),
        (
            "store.json",
            lambda v: v.update(sources=["band"]),
            r"sources: found \['band'\], expected a list of",
        ),
        ("songs.json", lambda v: v.pop(), r"windows.npy: rows: found bars outside their song"),
    ],
)
def test_a_store_that_does_not_fit_is_refused_with_what_was_expected(folder, tmp_path, file, change, message):
    with pytest.raises(StoreError, match=message):
        Store.open(changed(folder, tmp_path, file, change))


def test_a_store_that_was_set_aside_when_its_replacing_was_killed_still_opens(folder, tmp_path):
    shutil.copytree(folder, tmp_path / ".copy.old")
    assert Store.open(tmp_path / "copy").digest() == Store.open(folder).digest()
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "songs.json").unlink()
    with pytest.raises(StoreError, match=r"copy/songs\.json"):  # a store that is there is the one that counts
        Store.open(tmp_path / "copy")


@pytest.mark.parametrize("file", ["store.json", "songs.json", "rows.npy", "windows.npy", "bars.npy"])
def test_a_missing_or_damaged_file_is_named(folder, tmp_path, file):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / file).write_bytes(b"\x93NUMPY rubbish")
    with pytest.raises(StoreError, match=file):
        Store.open(copy)
    (copy / file).unlink()
    with pytest.raises(StoreError, match=file):
        Store.open(copy)


def test_an_array_of_another_shape_is_named(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    np.save(copy / "rows.npy", np.zeros((4, 16, 2), np.int16))
    with pytest.raises(StoreError, match=r"int16 \(4, 16, 2\), expected int16 \(rows, 16, 3\)"):
        Store.open(copy)


def test_unknown_splits_and_sources_are_named(folder):
    store = Store.open(folder)
    with pytest.raises(StoreError, match="split: found dev, expected train or valid or test"):
        view(store).of("dev")
    with pytest.raises(StoreError, match="sources: found bend, expected band, flute"):
        view(store).of("train", ["bend"])


def test_the_reader_needs_numpy_alone():
    code = (
        "import sys, training.data.view, training.statistics; "
        "print([name for name in ('mido', 'rich', 'torch') if name in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
