"""A small feel with habits of its own and a small model of a trio, in files as the engine opens them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
import toy_composer
import toy_models
from torch import Tensor, nn

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS, HOLD, NOTE_OFF
from engine.feel import Feel, FeelManifest
from engine.noise import gumbel
from engine.setup import Setup

WIDTH = 2
STREAM = 2**32  # of a feel's noise
Hits = list[tuple[int, int, int, int]]


class Habit(nn.Module):
    """Strikes by chance and by what it struck before; its state says how much that was and how late."""

    @torch.jit.export
    def begin(self) -> Tensor:
        """Return the state before the first bar."""
        return torch.zeros(2)

    @torch.jit.export
    def feel(
        self, state: Tensor, tokens: Tensor, noise: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return velocities, offsets and the state after the bar."""
        velocities, offsets = torch.zeros((16, 9), dtype=torch.int64), torch.zeros((16, 9))
        late, much = state[0], state[1]
        for step in range(16):
            struck = (tokens[step] >> torch.arange(9)) & 1
            offsets[step] = 0.5 * torch.tanh(temperature * (noise[step, :, 0] - 0.5) - late) * struck
            loud = (127 * torch.sigmoid(temperature * noise[step, :, 1] - much)).long()
            velocities[step] = loud.clamp(1, 127) * struck
            late = 0.7 * late + 0.4 * offsets[step].sum()
            much = 0.8 * much + 0.1 * struck.sum()
        return velocities, offsets, torch.stack([late, much])


class Loop(nn.Module):
    """A trio whose bars stand alone, each by its latent and by chance."""

    sizes: Final[list[int]]
    likely: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(8)
        self.sizes = list(CODECS["trio"].vocabularies)
        self.head = nn.Linear(toy_composer.Z_SIZE, sum(self.sizes))
        tune = torch.full((130,), -30.0)
        tune[60:67], tune[HOLD], tune[NOTE_OFF] = 0.0, 1.0, 0.0
        kit = torch.full((512,), -30.0)
        kit[:16], kit[0] = 0.0, 1.0
        self.register_buffer("favoured", torch.cat([tune, tune, kit]))

    favoured: Tensor

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return what comes before the first code."""
        return z

    @torch.jit.export
    def plan(self, state: Tensor, bars: int) -> tuple[Tensor, Tensor]:
        """Return the latent as the code of each bar."""
        return state.unsqueeze(0).repeat(bars, 1), state

    @torch.jit.export
    def bar(
        self, code: Tensor, prefix: Tensor, from_step: int, temperature: Tensor, noise: list[Tensor]
    ) -> Tensor:
        """Return the tokens of a bar."""
        scores = (3 * self.head(code) + self.favoured).split(self.sizes)
        columns = [(scores[i] + temperature[i] * noise[i]).argmax(1) for i in range(len(noise))]
        return torch.cat([prefix[:from_step], torch.stack(columns, 1)[from_step:]])


def manifest(**changes: object) -> FeelManifest:
    """Return what the file of the feel says of it."""
    fields: dict[str, object] = {
        "format": 1,
        "family": "vrnn-feel",
        "codec": "drums",
        "codec_version": 1,
        "steps_per_bar": 16,
        "noise": WIDTH,
        "data": ({"archive": "groove", "licence": "CC-BY-4.0"},),
        "exported_with": {"weights": "abc"},
    }
    return FeelManifest(**(fields | changes))  # type: ignore[arg-type]  # fields by name


def save(path: Path, module: nn.Module | None = None) -> Path:
    """Write a file of a feel, of the one with habits unless told otherwise."""
    scripted = torch.jit.script((module or Habit()).eval())
    text = manifest().to_json()
    torch.jit.save(scripted, str(path), _extra_files={"manifest.json": text})
    return path


def setup(folder: Path, codec: str = "trio", memory: str = "bar", **changes: object) -> Setup:
    """Return a performance of a small model whose drums are played by the feel, both in files in `folder`."""
    file, felt = folder / f"{codec}-{memory}.ts", folder / "feel.ts"
    if codec == "trio":
        contract, module = toy_composer.manifest(2), Loop()
    else:
        contract, module = toy_models.manifest(codec, memory, STEPS_PER_BAR), toy_models.Wanderer(codec, 16)
    if not file.exists():
        toy_models.save(module, contract, file)
    if not felt.exists():
        save(felt)
    fields: dict[str, object] = {"feel": Feel(felt, manifest())}
    if codec == "trio":
        fields |= {"voices": toy_composer.VOICES}
    return toy_models.setup(contract, file, **(fields | changes))


@torch.inference_mode()
def by_hand(tokens: Sequence[int], state: Tensor, seed: int, loop: int, bar: int) -> tuple[Hits, Tensor]:
    """Return the hits of a bar of drums and the state after it, by the Python module."""
    (noise,) = gumbel(seed, loop, bar, 16, (9 * WIDTH,), first=STREAM)
    velocities, offsets, after = Habit().feel(
        state, torch.tensor(tokens), torch.from_numpy(noise).view(16, 9, WIDTH), 1.0
    )
    hits = [
        (step, drum, int(velocities[step, drum]), round(120 * float(offsets[step, drum])))
        for step, token in enumerate(tokens)
        for drum in range(9)
        if token >> drum & 1
    ]
    return hits, after
