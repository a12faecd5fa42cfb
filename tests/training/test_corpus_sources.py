"""From folders and archives, with what their manifests say, to lists of files, splits and licences."""

import zipfile
from pathlib import Path

import pytest

from training.data.archives import FIRST_WORDS, MANIFESTS, licence_of, recognise, restated
from training.data.corpus import MAX_MANIFEST, SourceError, open_source, read_files, split_of


def test_a_source_lists_its_files_in_order_with_what_the_manifest_says(tmp_path: Path):
    archive = tmp_path / "songs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("b/two.MID", "a/one.midi", "notes.txt", "z.mid"):
            file.writestr(name, b"x")
        file.writestr(
            "MANIFEST.csv", "path,sha1,split,group\nz.mid,,test,g\ngone.mid,,train,h\nnotes.txt,,train,\n"
        )
    source = open_source(archive)
    assert source.name == "songs"
    assert [entry.path for entry in source.entries] == ["a/one.midi", "b/two.MID", "z.mid"]
    assert [entry.split for entry in source.entries] == ["", "", "test"]
    assert source.absent == ("gone.mid",)
    folder = tmp_path / "folder"
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    assert [entry.path for entry in open_source(folder).entries] == [entry.path for entry in source.entries]
    assert list(read_files(folder, ["z.mid"])) == list(read_files(archive, ["z.mid"])) == [b"x"]


def test_a_manifest_in_the_folder_that_wraps_a_data_set_is_honoured(tmp_path: Path):
    archive = tmp_path / "songs.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("ds/", "ds/a/one.mid", "ds/two.mid", "outside.mid"):
            file.writestr(name, b"")
        file.writestr("ds/MANIFEST.csv", "path,split\na/one.mid,valid\ntwo.mid,test\ngone.mid,train\n")
        file.writestr("ds/notes/MY-MANIFEST.csv", "not one")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path / "songs")
    for source in (open_source(archive), open_source(tmp_path / "songs")):
        splits = {entry.path: entry.split for entry in source.entries}
        assert splits == {"ds/a/one.mid": "valid", "ds/two.mid": "test", "outside.mid": ""}
        assert source.absent == ("ds/gone.mid",)
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr("other/MANIFEST.csv", "path,split\n")
    with pytest.raises(
        SourceError, match=r"2 manifests \('ds/MANIFEST.csv', 'other/MANIFEST.csv'\), expected"
    ):
        open_source(archive)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b"path,group\nx.mid,g\n", r"MANIFEST.csv: columns .* expected path, split and group"),
        (b"path,split\nx.mid,dev\n", r"MANIFEST.csv line 2: split 'dev', expected train or valid or test"),
        (b"path,split\nx.mid,test\nx.mid,train\n", r"line 3: path 'x.mid' a second time"),
        (b"\xff\xfe", "expected UTF-8"),
    ],
)
def test_a_malformed_manifest_is_named_with_its_line(tmp_path: Path, manifest, message):
    (tmp_path / "MANIFEST.csv").write_bytes(manifest)
    with pytest.raises(SourceError, match=message):
        open_source(tmp_path)


def test_a_manifest_that_cannot_be_read_is_one_error_that_names_it(tmp_path: Path):
    damaged, locked = tmp_path / "damaged.zip", tmp_path / "locked.zip"
    for archive in (damaged, locked):
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("MANIFEST.csv", "path,split\n" + "x.mid,train\n" * 50)
    data = damaged.read_bytes()
    start = 30 + len("MANIFEST.csv")  # of what is compressed, after the header and the name
    damaged.write_bytes(data[:start] + b"\xff" * 8 + data[start + 8 :])
    data = bytearray(locked.read_bytes())
    for flags in (6, data.index(b"PK\x01\x02") + 8):  # both headers say that the member is encrypted
        data[flags] |= 1
    locked.write_bytes(data)
    for archive, reason in ((damaged, "error"), (locked, "encrypted")):
        with pytest.raises(SourceError, match=f"{archive.name}: MANIFEST.csv: unreadable: .*{reason}"):
            open_source(archive)
    folder = tmp_path / "folder"
    folder.mkdir()
    with (folder / "MANIFEST.csv").open("wb") as file:
        file.truncate(MAX_MANIFEST + 1)
    with pytest.raises(SourceError, match=f"folder: MANIFEST.csv: too large: more than {MAX_MANIFEST} bytes"):
        open_source(folder)


def test_a_source_that_is_nothing_readable_says_so(tmp_path: Path):
    with pytest.raises(SourceError, match="no such file"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(SourceError, match="neither a folder nor a readable zip archive"):
        open_source(tmp_path / "bad.zip")


DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.parametrize("name", sorted(MANIFESTS.values()))
def test_a_known_archive_is_recognised_by_its_manifest(name, tmp_path: Path):
    if not (DATA / f"{name}.zip").is_file():
        pytest.skip(f"needs the archive {name}.zip beside the project")
    with zipfile.ZipFile(DATA / f"{name}.zip") as archive:
        manifest = archive.read("MANIFEST.csv")
    assert recognise(manifest) == name
    renamed = tmp_path / "songs"
    renamed.mkdir()
    (renamed / "MANIFEST.csv").write_bytes(manifest)
    (renamed / "mine.mid").write_bytes(b"")
    source = open_source(renamed)
    assert [(entry.path, entry.archive) for entry in source.entries] == [("mine.mid", "")]
    assert source.absent


@pytest.mark.parametrize(
    ("path", "licence"),
    [
        ("openmsx/a.mid", "GPL-2 (OpenMSX)"),
        ("wrapping/openmsx/a.mid", "GPL-2 (OpenMSX)"),
        ("wrapping/a.mid", "not stated"),
        ("liquidwar-data/colossus.mid", "GPL-2+ (Liquid War)"),
        ("freedink-data/105.mid", "free replacements, licences not stated in the archive (FreeDink)"),
        ("wrapping/freedink-data/love.mid", "zlib-like, Seth A. Robinson (FreeDink)"),
        ("easyrpg-rtp/Town 1.mid", "CC BY 4.0, Juan Manuel Nigretti (EasyRPG RTP)"),
        ("easyrpg-rtp/Boss 3.mid", "CC0, Someoneman (EasyRPG RTP)"),
        ("tannerhelland/Fate.mid", "CC BY 4.0, Tanner Helland"),
    ],
)
def test_a_file_has_the_licence_of_its_folder_or_its_own(path, licence):
    assert licence_of("free-games", path) == licence


def test_what_older_runs_say_of_an_archive_is_put_in_todays_words():
    assert restated("groove", "CC BY 4.0") == "CC BY 4.0, Google Magenta (Groove MIDI Dataset)"
    assert restated("groove", "my own") == "my own"
    assert restated("drums", "CC BY 4.0") == "CC BY 4.0"
    ((first,),) = [[licence for name, licence in FIRST_WORDS if name == "free-games"]]
    games = restated("free-games", first)
    assert "GPL-2+ (Liquid War)" in games
    assert "CC BY 4.0, Tanner Helland" in games
    assert "zlib" not in games


def test_the_split_by_hash_is_near_eighty_ten_ten():
    splits = [split_of(str(index)) for index in range(4000)]
    assert 0.77 < splits.count("train") / 4000 < 0.83
    assert 0.08 < splits.count("valid") / 4000 < 0.12
