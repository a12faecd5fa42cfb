"""A model file: TorchScript with the manifest inside; only this file scripts."""

import platform
import tomllib
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.codec import CODECS
from engine.entry import ENTRY
from engine.feel import FeelManifest
from engine.manifest import FORMAT, Manifest
from training import run
from training.latents import Latents

PROJECT = "live-vae"


def script(module: nn.Module) -> torch.jit.ScriptModule:
    """Return `module` as TorchScript, frozen into no processor's form."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the pin of torch answers it
        scripted: torch.jit.ScriptModule = torch.jit.script(module.eval())
    return scripted


def describe(
    model: nn.Module,
    facts: Mapping[str, Any],
    measured: Latents,
    data: Sequence[Mapping[str, str]],
    untrained: str = "",
) -> Manifest:
    """Return the manifest of `model`.

    `facts` are family, codec, steps_per_bar, bars, z_size, weights, and what else is not as it is by default.
    """
    codec = CODECS[facts["codec"]]
    return Manifest(
        format=FORMAT,
        codec_version=codec.version,
        voices=tuple(voice.name for voice in codec.voices),
        latent_mean=measured.mean,
        latent_std=measured.std,
        axes=measured.axes,
        anchors=measured.anchors,
        data=tuple(dict(source) for source in data),
        exported_with=made(model) | ({"untrained": untrained} if untrained else {}),
        **facts,
    )


def made(model: nn.Module) -> dict[str, str]:
    """Return with what the file of `model` is made, and what tells its weights from another's."""
    own = own_version()
    return {
        **({PROJECT: own} if own else {}),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "weights": run.identity(model),
    }


def own_version() -> str:
    """Return the version of this project, installed or in its checkout; empty if neither can be found."""
    try:
        return version(PROJECT)
    except PackageNotFoundError:
        return checkout_version(Path(__file__).parents[1] / "pyproject.toml")


def checkout_version(path: Path) -> str:
    """Return the version in this project's pyproject.toml, empty if there is none of its name at `path`."""
    if not path.is_file():
        return ""
    project = tomllib.loads(path.read_text(encoding="utf-8")).get("project", {})
    return str(project.get("version", "")) if project.get("name") == PROJECT else ""


def write(scripted: torch.jit.ScriptModule, manifest: Manifest | FeelManifest, output: Path) -> None:
    """Write the model file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(scripted, str(output), _extra_files={ENTRY: manifest.to_json()})
