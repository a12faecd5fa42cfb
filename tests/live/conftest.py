"""What several tests of the instrument start from."""

import zipfile
from pathlib import Path

import pytest
from toy_link import toy_preset


@pytest.fixture
def settings_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have everything that is kept for a user written to the folder of the test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    """Return the folder of a preset whose model has a manifest and nothing else."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "preset.toml").write_text('schema = 1\ntitle = "My own"\n')
    with zipfile.ZipFile(folder / "model.ts", "w") as archive:
        archive.writestr("model/extra/manifest.json", toy_preset().manifest.to_json())
    return folder
