"""Whole runs of `prepare`: what is in the store and what is in the report."""

import io
import json
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from midi_song import Track, folder, midi, trio, tune

from training.data.prepare import prepare
from training.data.store import Store
from training.data.view import view

ROOT = Path(__file__).parents[2]
FILES = ["bars.npy", "report.json", "rows.npy", "songs.json", "store.json", "windows.npy"]


def test_every_file_is_counted_with_its_reason_and_the_good_ones_are_kept(tmp_path):
    files = {
        "good.mid": midi(trio(20)),
        "again.mid": midi(trio(20)),
        "empty.mid": b"",
        "deep/er/broken.MID": b"MThd" + b"\x00" * 40,
        "waltz.midi": midi([Track(tune(8))], metres=[(0, 3, 4)]),
        "readme.txt": b"not counted",
        "e\x1b[31mvil\u202e.mid": b"x",
        "huge.mid": b"MThd" + bytes(2 << 20),
    }
    report = prepare([folder(tmp_path / "mixed", files)], tmp_path / "store")
    (source,) = report.sources
    assert (source.files, source.used, source.songs, source.trios) == (7, 1, 1, 1)
    assert source.refused == {
        "duplicate": 1,
        "empty file": 1,
        "no beat": 1,
        "not a MIDI file": 1,
        "not in 4/4": 1,
        "too large": 1,
    }
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == FILES
    written = json.loads((tmp_path / "store" / "report.json").read_text())
    assert len(written["refused"]) == 6
    assert "\x1b" not in (tmp_path / "store" / "report.json").read_text()
    assert any("1 refused: not in 4/4" in line for line in report.lines())


def test_voices_that_are_left_out_are_in_the_report(tmp_path):
    triplets = Track([(index / 3, 1 / 3, 60 + index % 5) for index in range(240)])
    files = {"a.mid": midi([triplets, *trio(20)[1:]]), "b.mid": midi([triplets, *trio(20)[1:]])}
    report = prepare([folder(tmp_path / "s", files)], tmp_path / "store")
    # The second file is refused as a whole, which says it all.
    assert report.sources[0].voices == {"dropped: melody off the grid": 1}
    assert "  1 voice dropped: melody off the grid" in report.lines()
    (row,) = json.loads((tmp_path / "store" / "report.json").read_text())["voices"]
    assert row["path"] == "a.mid"
    assert "of 240 onsets near a sixteenth" in row["detail"]


def test_two_runs_give_the_same_bytes_with_one_process_or_two(tmp_path):
    source = folder(tmp_path / "many", {f"{index:02}.mid": midi(trio(17, index)) for index in range(70)})
    prepare([source], tmp_path / "one", workers=1)
    prepare([source], tmp_path / "two", workers=2)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_song_that_comes_twice_or_in_part_gives_its_windows_once(tmp_path):
    whole, part = trio(20, 1), trio(18, 1)
    source = folder(tmp_path / "songs", {"a.mid": midi(whole), "b.mid": midi(part)})
    manifest = "path,split,group\na.mid,train,g\nb.mid,train,g\n"
    prepare([folder(source, {}, manifest)], tmp_path / "store")
    store = Store.open(tmp_path / "store")
    assert len(store.songs) == 2
    assert len(store.windows) == 5
    assert len(store.bars) == 20


def test_a_bar_is_kept_in_each_split_that_has_it(tmp_path):
    ends = trio(17, 1)
    other = [Track([*ends[0].notes[:-1], (67, 1, 40)], 0, 80), *ends[1:]]
    files = {"a.mid": midi(ends), "b.mid": midi(other)}
    prepare(
        [folder(tmp_path / "songs", files, "path,split,group\na.mid,train,g\nb.mid,test,h\n")],
        tmp_path / "store",
    )
    store = Store.open(tmp_path / "store")
    assert len(view(store, bars=1).of("train")) == len(view(store, bars=1).of("test")) == 17
    # The window that both have stays where it came first.
    assert (len(view(store).of("train")), len(view(store).of("test"))) == (2, 1)


def test_no_group_stands_in_two_splits(tmp_path):
    one = folder(
        tmp_path / "one",
        {"a.mid": midi(trio(17, 1)), "b.mid": midi(trio(17, 2))},
        "path,split,group\na.mid,train,song\nb.mid,valid,song\n",
    )
    two = folder(
        tmp_path / "two",
        {"c.mid": midi(trio(17, 3)), "d.mid": midi(trio(17, 4))},
        "path,split,group\nc.mid,test,song\nd.mid,test,other\n",
    )
    report = prepare([one, two], tmp_path / "store")
    assert [source.refused for source in report.sources] == [{"group in two splits": 1}] * 2
    assert "song is in train, this file says valid" in report.refused[0].detail
    groups = defaultdict(set)
    for song in Store.open(tmp_path / "store").songs:
        groups[song.group].add(song.split)
    assert groups == {"song": {"train"}, "other": {"test"}}


def test_without_a_manifest_the_content_decides_the_split_whatever_the_name(tmp_path):
    songs = [midi(trio(17, seed)) for seed in range(30)]
    prepare([folder(tmp_path / "a", {f"{i}.mid": s for i, s in enumerate(songs)})], tmp_path / "one")
    prepare([folder(tmp_path / "b", {f"x/{99 - i}.mid": s for i, s in enumerate(songs)})], tmp_path / "two")
    splits = [
        {song.sha1: song.split for song in Store.open(tmp_path / name).songs} for name in ("one", "two")
    ]
    assert splits[0] == splits[1]
    assert set(splits[0].values()) == {"train", "valid", "test"}


def test_content_other_than_the_manifest_says_and_files_it_lists_in_vain(tmp_path):
    manifest = "path,sha1,split,group\na.mid,123,train,a\nb.mid,,train,b\ngone.mid,,train,c\n"
    source = folder(tmp_path / "s", {"a.mid": midi(trio(17, 1)), "b.mid": midi(trio(17, 2))}, manifest)
    (counts,) = prepare([source], tmp_path / "store").sources
    assert counts.refused == {"listed but missing": 1, "other content": 1}
    assert counts.songs == 1


def test_windows_with_two_silent_bars_are_left_out_and_a_file_gives_at_most_its_cap(tmp_path):
    lead, bass, drums = trio(60, 1)
    gap = Track([note for note in lead.notes if not 80 <= note[0] < 88], 0, 80)  # bars 20 and 21
    source = folder(tmp_path / "s", {"a.mid": midi([gap, bass, drums])})
    prepare([source], tmp_path / "store")
    firsts = Store.open(tmp_path / "store").windows[:, 1].tolist()
    assert firsts == [bar for bar in range(45) if not {20, 21} <= set(range(bar, bar + 16))]
    prepare([source], tmp_path / "store", cap_windows=4)
    capped = Store.open(tmp_path / "store").windows[:, 1].tolist()
    assert len(capped) == 4
    assert (capped[0], capped[-1]) == (firsts[0], firsts[-1])


def test_all_melodies_of_a_file_share_one_cap_of_windows_and_bars(tmp_path):
    _, bass, drums = trio(30)
    leads = [Track(tune(30, seed), seed, 80) for seed in (2, 3, 4)]
    source = folder(tmp_path / "s", {"a.mid": midi([*leads, bass, drums]), "b.mid": midi(trio(20, 7))})
    (counts,) = prepare([source], tmp_path / "store", cap_windows=9).sources
    store = Store.open(tmp_path / "store")
    given = {"a.mid": [0, 0], "b.mid": [0, 0]}
    for which, rows in enumerate((store.windows, store.bars)):
        for song in rows[:, 0]:
            given[store.songs[song].path][which] += 1
    assert given == {"a.mid": [9, 9], "b.mid": [5, 9]}
    assert set(store.windows[:, 0]) == {0, 1, 2, 3}
    assert sum(counts.windows.values()) == 14


def test_a_zip_archive_gives_what_its_folder_gives(tmp_path):
    files = {f"{index}.mid": midi(trio(18, index)) for index in range(3)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    (tmp_path / "songs.zip").write_bytes(buffer.getvalue())
    prepare([tmp_path / "songs.zip"], tmp_path / "one")
    prepare([folder(tmp_path / "songs", files)], tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


DATA = ROOT.parent / "shared" / "data"


@pytest.mark.skipif(
    not (DATA / "openewld.zip").is_file(), reason="needs the archive openewld.zip beside the project"
)
def test_a_real_archive_keeps_its_splits(tmp_path):
    prepare([DATA / "openewld.zip"], tmp_path / "store")
    store = Store.open(tmp_path / "store")
    assert len(store.songs) > 280
    assert {song.licence for song in store.songs} == {
        "MIT; public-domain songs by the source's word, some first performed after 1930"
    }
    groups = [
        {song.group for song in store.songs if song.split == split} for split in ("train", "valid", "test")
    ]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    assert np.isin(store.rows[..., 0], range(130)).all()
