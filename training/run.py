"""A run's folder: checkpoints that appear whole or not at all, and the finished model in them."""

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.atomic import whole
from training.config import Data
from training.systems import SYSTEMS

LAST, BEST = "last.pt", "best.pt"
EVALUATION = "evaluation.json"  # what `live-train evaluate` measured of it on the test split


class RunError(Exception):
    """A run folder that holds no model, or one of another shape."""


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """A trained model, ready to evaluate or export, and what is known of its making."""

    system: str
    model: Any  # of that system
    meta: Mapping[str, Any]


def machine(device: str) -> str:
    """Return what a model is trained on, in words, such as "1 thread of 2 on x86_64"."""
    if torch.device(device).type == "cuda":
        return str(torch.cuda.get_device_name(device))
    threads = torch.get_num_threads()
    return f"{threads} thread{'s' * (threads > 1)} of {os.cpu_count()} on {platform.machine()}"


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` to `path` so that an interruption leaves the old file or the new one."""
    with whole(path) as partial:
        torch.save(dict(content), partial)


def count(model: nn.Module) -> int:
    """Return the number of parameters."""
    return sum(parameter.numel() for parameter in model.parameters())


def identity(model: nn.Module) -> str:
    """Return twelve hexadecimal digits that name the weights of `model`."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.cpu().numpy().tobytes())
    return digest.hexdigest()[:12]


def same(path: Path, saved: Mapping[str, Any], present: Mapping[str, Any], key: str = "") -> None:
    """RunError unless the run at `path` was made with what is `present`; it names the first difference."""
    for name in {**saved, **present}:
        found, expected = present.get(name), saved.get(name)
        where = f"{key}{name}"
        if isinstance(found, Mapping) and isinstance(expected, Mapping):
            same(path, expected, found, f"{where}.")
        elif found != expected:
            raise RunError(f"{path}: {where} is now {found!r}, the run has {expected!r}; use another folder")


def read(path: Path, device: str) -> dict[str, Any]:
    """Return the checkpoint at `path`; RunError where there is none or it is broken."""
    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError as error:
        raise RunError(f"{path}: missing; `live-train fit` writes it as it goes") from error
    except Exception as error:  # torch raises as many kinds as there are ways for a file to be broken
        raise RunError(f"{path}: not a checkpoint: {error}") from error
    return content


def checkpoint(folder: Path, device: str) -> dict[str, Any] | None:
    """Return the last checkpoint in `folder`, None if there is none; RunError: it is none of `fit`."""
    path = folder / LAST
    if not path.exists():
        return None
    content = read(path, device)
    lacking = [key for key in ("model", "optimiser", "batches", "noise", "progress") if key not in content]
    if lacking:
        raise RunError(f"{path}: not a checkpoint of this version: no {', '.join(lacking)}")
    return content


def best_loss(folder: Path, stage: int) -> float:
    """Return the validation loss of the best model in `folder` if it is of `stage`, counted from 1."""
    if not (folder / BEST).exists():
        return float("inf")
    row = read(folder / BEST, "cpu").get("row", {})
    return float(row["loss"]) if row.get("stage") == stage else float("inf")


def noise() -> list[Tensor]:
    """Return where torch's random numbers stand, on the CPU and on every GPU."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [])]


def restore_noise(states: list[Tensor]) -> None:
    """Have the random numbers go on from `states`."""
    torch.set_rng_state(states[0].cpu())
    for index, state in enumerate(states[1:]):
        torch.cuda.set_rng_state(state.cpu(), index)


def span(folder: Path, loaded: LoadedRun) -> tuple[int, int]:
    """Return from how many semitones down to how many up the run in `folder` transposed its music.

    Runs of earlier versions say so in their last checkpoint only; without it they are taken for usual ones.
    """
    known = loaded.meta.get("transpose")
    if known is None:
        made = (checkpoint(folder, "cpu") or {}).get("made_with", {})
        known = made.get("data", {}).get("transpose", Data().transpose)
    low, high = known
    return low, high


def begin(model: nn.Module, system: str, folder: Path, device: str) -> list[dict[str, Any]]:
    """Give `model` the best weights of the run in `folder`; return what that run was, and those before it.

    RunError: a model of another system than `system`, or weights of another shape.
    """
    started = load(folder, device, system)
    try:
        model.load_state_dict(started.model.state_dict())
    except RuntimeError as error:
        reason = str(error).partition("\n\t")[2].partition("\n")[0]
        raise RunError(f"{folder}: not the shape that the configuration's [model] has: {reason}") from error
    facts = {name: started.meta.get(name) for name in ("objective", "row", "machine", "sources", "weights")}
    return [*started.meta.get("before", []), facts | {"identity": identity(started.model)}]


def load(folder: Path, device: str = "cpu", system: str = "") -> LoadedRun:
    """Return the best model of the run in `folder`; RunError where there is none, or not one of `system`."""
    content = read(folder / BEST, device)
    try:
        found = content["system"]
        kind, raw = SYSTEMS[found], content["model_config"]
        sizes = {name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
        model = kind.build(kind.sizes(**sizes)).to(device)
        model.load_state_dict(content["model"])
    except (KeyError, TypeError, RuntimeError) as error:
        raise RunError(f"{folder / BEST}: not a model of this version: {error}") from error
    if system and system != found:
        raise RunError(f"{folder}: system is {found!r}, expected {system!r}")
    return LoadedRun(found, model.eval(), {key: value for key, value in content.items() if key != "model"})
