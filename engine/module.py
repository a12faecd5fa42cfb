"""The module inside a model file, opened to be played by decoder.py or drummer.py, and what it must be."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from engine.modelfile import frozen, opened


class DecoderError(Exception):
    """A model file that cannot play; the message names file, field, what was found and what was expected."""


def open_module(path: Path | str, methods: Sequence[str]) -> Any:
    """Load and freeze the module at `path`, of which only `methods` are left.

    DecoderError: torch cannot load it, or it lacks one of them.

    Execution without the profiling optimiser, set at each call, costs no speed here, and spares the second
    call a recompilation many bars long.
    """
    try:
        module = opened(path)
        lacking = [name for name in methods if not hasattr(module, name)]
        if lacking:
            raise DecoderError(
                f"{path}: module: found no method {', '.join(lacking)}, expected {', '.join(methods)}"
            )
        return frozen(module, list(methods))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise DecoderError(f"{path}: torch {torch.__version__} cannot load the module: {reason}") from error


def expect_row(begun: torch.Tensor) -> None:
    """Refuse a state to `begin` with that is not one row of float32 with a ValueError."""
    if begun.dim() != 1 or begun.dtype != torch.float32:
        raise ValueError(
            f"begin gives {begun.dtype} of shape {tuple(begun.shape)}, expected float32 in one row"
        )


def expect_shape(name: str, value: NDArray[Any], shape: tuple[int, ...]) -> None:
    """Refuse a `value` of another shape with a ValueError."""
    if value.shape != shape:
        raise ValueError(f"{name} has shape {value.shape}, expected {shape}")


def last_line(error: Exception) -> str:
    """Return what torch says at the end of a long story."""
    return str(error).strip().splitlines()[-1]
