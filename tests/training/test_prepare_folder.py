"""What `prepare` leaves in its folder and beside it: nothing half, and nothing of others lost."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from midi_song import folder, midi, trio

from training.data.corpus import SourceError
from training.data.prepare import midi_windows, prepare
from training.data.store import Store
from training.data.view import view

ROOT = Path(__file__).parents[2]
FILES = ["bars.npy", "report.json", "rows.npy", "songs.json", "store.json", "windows.npy"]


def test_nothing_usable_leaves_no_store_and_says_why(tmp_path):
    source = folder(tmp_path / "s", {"a.mid": b"", "b.mid": b"x"})
    with pytest.raises(SourceError, match=r"no usable file(.|\n)*1 refused: empty file"):
        prepare([source], tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_a_failed_run_leaves_the_old_store_as_it_was(tmp_path):
    prepare([folder(tmp_path / "s", {"a.mid": midi(trio(17))})], tmp_path / "store")
    before = {name: (tmp_path / "store" / name).read_bytes() for name in FILES}
    with pytest.raises(SourceError):
        prepare([folder(tmp_path / "bad", {"a.mid": b""})], tmp_path / "store")
    assert {name: (tmp_path / "store" / name).read_bytes() for name in FILES} == before


def test_a_folder_that_is_no_store_is_never_overwritten(tmp_path):
    source = folder(tmp_path / "s", {"a.mid": midi(trio(17))})
    mine = folder(tmp_path / "mine", {"letter.txt": b"dear"})
    for output in (mine, mine / "letter.txt", source):
        with pytest.raises(SourceError, match=r"holds .*, which is no part of a token store"):
            prepare([source], output)
    assert (mine / "letter.txt").read_bytes() == b"dear"


def test_what_else_lies_in_a_stores_folder_is_never_lost(tmp_path):
    source = folder(tmp_path / "s", {"a.mid": midi(trio(17))})
    prepare([source], tmp_path / "store")
    (tmp_path / "store" / "run").mkdir()
    with pytest.raises(SourceError, match="holds run, which is no part"):
        prepare([source], tmp_path / "store")
    assert (tmp_path / "store" / "run").is_dir()


def test_a_source_whose_name_is_no_text_is_printed_all_the_same(tmp_path):
    name = b"b\xffnd".decode("utf-8", "surrogateescape")
    report = prepare([folder(tmp_path / name, {"a.mid": midi(trio(17))})], tmp_path / "store")
    assert "\n".join(report.lines()).encode("utf-8").startswith(b"b\\udcffnd: 1 of 1 files")


@pytest.mark.parametrize(("cap", "twice"), [(0, False), (1, True)])
def test_senseless_arguments_are_named(tmp_path, cap, twice):
    source = folder(tmp_path / "s", {"a.mid": midi(trio(17))})
    with pytest.raises(
        SourceError, match="s: 2 sources of this name" if twice else "cap_windows: 0, expected 1 or more"
    ):
        prepare([source] * (1 + twice), tmp_path / "store", cap_windows=cap)


def test_a_killed_run_leaves_no_store_and_the_next_one_starts_cleanly(tmp_path):
    source = folder(tmp_path / "many", {f"{index:03}.mid": midi(trio(17, index)) for index in range(120)})
    code = "from pathlib import Path; from training.data.prepare import prepare; "
    code += f"prepare([Path({str(source)!r})], "
    code += f"Path({str(tmp_path / 'store')!r}), workers=1)"
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    partial = tmp_path / ".store.partial"
    while not partial.exists() and run.poll() is None:
        time.sleep(0.005)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert partial.exists()
    assert not (tmp_path / "store").exists()
    prepare([source], tmp_path / "store", workers=1)
    assert len(Store.open(tmp_path / "store").songs) == 120
    assert not partial.exists()


def test_a_store_of_any_folder_lasts_as_long_as_its_context(tmp_path):
    files = {"a.mid": midi(trio(18, 1)), "b.mid": midi(trio(18, 2)), "c.mid": b""}
    with midi_windows(folder(tmp_path / "s", files)) as (store, report):
        windows = view(store).tokens(view(store).of(None))
    assert windows.shape == (6, 16, 16, 3)
    assert (windows >= 0).all()
    assert [(refused.path, refused.reason) for refused in report.refused] == [("c.mid", "empty file")]


def test_the_name_of_a_known_archive_gives_neither_its_licence_nor_its_leave(tmp_path):
    manifest = "path,split,group\na.mid,train,drummer\nb.mid,test,drummer\n"
    files = {"a.mid": midi(trio(17, 1)), "b.mid": midi(trio(17, 2))}
    (counts,) = prepare([folder(tmp_path / "groove", files, manifest)], tmp_path / "store").sources
    assert (counts.licence, counts.refused) == ("not stated", {"group in two splits": 1})
    assert {song.licence for song in Store.open(tmp_path / "store").songs} == {"not stated"}
    assert Store.open(tmp_path / "store").meta["sources"][0]["licence"] == "not stated"


def test_the_progress_bar_is_drawn_where_no_output_is_read(tmp_path, capsys):
    prepare([folder(tmp_path / "s", {"a.mid": midi(trio(17))})], tmp_path / "store", progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "reading" in shown.err


def test_a_store_whose_replacing_was_killed_between_two_renames_is_put_back(tmp_path):
    prepare([folder(tmp_path / "s", {"a.mid": midi(trio(17))})], tmp_path / "store")
    digest = Store.open(tmp_path / "store").digest()
    (tmp_path / "store").rename(tmp_path / ".store.old")
    with pytest.raises(SourceError, match="no usable file"):
        prepare([folder(tmp_path / "bad", {"a.mid": b""})], tmp_path / "store")
    assert Store.open(tmp_path / "store").digest() == digest
    assert not (tmp_path / ".store.old").exists()
