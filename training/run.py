"""A run's folder: checkpoints that appear whole or not at all, and the finished model in them."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.musicvae import ModelConfig, MusicVAE

LAST, BEST = "last.pt", "best.pt"


class RunError(Exception):
    """A run folder that holds no model, or one of another shape."""


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A trained model, ready to evaluate or export, and what is known of its making."""

    model: MusicVAE
    meta: Mapping[str, Any]


def machine(device: str) -> str:
    """Return what a model is trained on, in words, such as "1 thread of 2 on x86_64"."""
    if torch.device(device).type == "cuda":
        return str(torch.cuda.get_device_name(device))
    threads = torch.get_num_threads()
    return f"{threads} thread{'s' * (threads > 1)} of {os.cpu_count()} on {platform.machine()}"


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to `path` so that an interruption leaves the old file or the new one."""
    temporary = path.with_suffix(".partial")
    torch.save(dict(content), temporary)
    temporary.replace(path)


def read(path: Path, device: str) -> dict[str, Any]:
    """Return the checkpoint at `path`; RunError where there is none or it is broken."""
    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise RunError(f"{path}: missing; `live-train fit` writes it as it goes") from error
    except Exception as error:  # torch raises as many kinds as there are ways for a file to be broken
        raise RunError(f"{path}: not a checkpoint: {error}") from error
    return content


def load(folder: Path, device: str = "cpu") -> LoadedRun:
    """Return the best model of the run in `folder`; RunError where there is none."""
    content = read(folder / BEST, device)
    raw = content["model_config"]
    model = MusicVAE(ModelConfig(**raw | {"vocabularies": tuple(raw["vocabularies"])})).to(device)
    model.load_state_dict(content["model"])
    return LoadedRun(model.eval(), {key: value for key, value in content.items() if key != "model"})
