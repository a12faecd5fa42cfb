"""Small models with random weights whose bars go on from each other, in files as the engine opens them."""

from pathlib import Path
from typing import Final

import numpy as np
import torch
import toy_composer
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.codec import CODECS, HOLD, NOTE_OFF
from engine.manifest import Manifest
from engine.noise import gumbel
from engine.setup import Setup, VoiceSetup

UNITS = 12
TRACES = ("pull", "change")


class Wanderer(nn.Module):
    """A recurrent net that hears each row that it has played; its state is the net's and that row."""

    units: Final[int]
    steps: Final[int]
    columns: Final[int]
    vocabulary: Final[int]
    likely: Tensor
    echo: Tensor

    def __init__(self, codec: str, steps: int) -> None:
        super().__init__()
        voice = CODECS[codec].voices[0]
        self.units, self.steps = UNITS, steps
        self.columns, self.vocabulary = voice.columns, voice.vocabulary
        torch.manual_seed(steps)
        self.initial = nn.Linear(toy_composer.Z_SIZE, UNITS)
        self.guide = nn.Linear(toy_composer.Z_SIZE, UNITS)
        self.hear = nn.Linear(self.columns, UNITS)
        self.turn = nn.Linear(UNITS, UNITS)
        self.head = nn.Linear(UNITS, self.columns * self.vocabulary)
        likely, echo = lively(codec, self.columns, self.vocabulary)
        self.register_buffer("likely", likely)
        self.register_buffer("echo", echo)

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the state before the first bar."""
        return torch.cat([torch.tanh(3 * self.initial(z)), torch.zeros(self.columns)])

    @torch.jit.export
    def bar(  # noqa: PLR0917 - what the engine calls
        self,
        z: Tensor,
        state: Tensor,
        prefix: Tensor,
        from_step: int,
        temperature: Tensor,
        noise: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a bar, the state after it and two figures a step."""
        h, row = state[: self.units], state[self.units :]
        chance = torch.cat(noise, 1).view(self.steps, self.columns, self.vocabulary)
        tokens, traces = prefix.clone(), torch.zeros(self.steps, 2)
        for step in range(self.steps):
            scores = 3 * self.head(h).view(self.columns, self.vocabulary) + self.likely
            scores = scores + self.echo * row.unsqueeze(1)
            if step >= from_step:
                if temperature[0] > 0:
                    scores = scores / temperature[0] + chance[step]
                tokens[step] = scores.argmax(1)
            before, row = h, tokens[step].float()
            h = torch.tanh(2 * self.turn(h) + self.hear(row) / 10 + self.guide(z))
            traces[step, 0], traces[step, 1] = h.mean(), (h - before).abs().sum()
        return tokens, torch.cat([h, row]), traces


def lively(codec: str, columns: int, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Return what to add to the scores so that it sounds like something: always, and where keys are down."""
    likely, echo = torch.zeros(columns, vocabulary), torch.zeros(columns, vocabulary)
    if codec == "melody":
        likely[:] = -30.0
        likely[:, 60:72] = 0.0
        likely[:, HOLD], likely[:, NOTE_OFF] = 2.0, 1.0
    elif codec == "roll":
        likely[:, 1] = -30.0
        likely[36:48, 1] = -2.0
        echo[:, 1] = 3.0
    return likely, echo


def manifest(codec: str, memory: str, steps: int, bars: int = 2, **changes: object) -> Manifest:
    """Return what the file of such a model says of it."""
    raw = toy_composer.manifest(bars)
    fields = {name: getattr(raw, name) for name in Manifest.__dataclass_fields__}
    voices = tuple(voice.name for voice in CODECS[codec].voices)
    fields |= {"codec": codec, "voices": voices, "steps_per_bar": steps}
    fields |= {"memory": memory, "traces": TRACES}
    return Manifest(**(fields | changes))


def save(module: nn.Module, contract: Manifest, path: Path) -> Path:
    """Write a model file."""
    scripted = torch.jit.script(module.eval())
    torch.jit.save(scripted, str(path), _extra_files={"manifest.json": contract.to_json()})
    return path


def setup(contract: Manifest, path: Path, **changes: object) -> Setup:
    """Return a performance of the model in the file at `path`."""
    voices = tuple(VoiceSetup(name, channel, 0) for channel, name in enumerate(contract.voices))
    fields = {"manifest": contract, "model": str(path), "voices": voices, "axes": contract.axes}
    return toy_composer.setup(**(fields | changes))


class Player:
    """Writes bars with the Python module, one after the other, apart from everything in the engine."""

    def __init__(self, module: Wanderer, contract: Manifest, seed: int = 0) -> None:
        self._module = module.eval()
        self._contract = contract
        self._seed = seed
        self.states: dict[int, Tensor] = {}  # after each bar
        self.rows: dict[int, list[list[int]]] = {}  # of each bar

    @torch.inference_mode()
    def write(self, number: int, z: NDArray[np.float32], temperature: float, from_step: int = 0) -> None:
        """Write bar `number` after the one before it, from a step on if it is there already."""
        contract, latent = self._contract, torch.from_numpy(z)
        loop, bar = divmod(number, contract.bars)
        begins = number == 0 or (contract.memory == "window" and bar == 0)
        state = self._module.begin(latent) if begins else self.states[number - 1]
        columns = len(CODECS[contract.codec].vocabularies)
        heard = torch.tensor(self.rows.get(number, [[0] * columns] * contract.steps_per_bar))
        noise = gumbel(self._seed, loop, bar, contract.steps_per_bar, contract.streams)
        chance = [torch.from_numpy(block) for block in noise]
        tokens, after, _ = self._module.bar(
            latent, state, heard, from_step, torch.tensor([temperature]), chance
        )
        self.rows[number], self.states[number] = tokens.tolist(), after


def events(codec: str, bars: dict[int, list[list[int]]], ends: int) -> list[tuple[int, str, int]]:
    """Return (tick, "on" or "off", pitch) of `bars` as their rows read one after the other; `ends` is a tick.

    Of a roll, what is down at a step sounds in it; of a melody, what was struck last and has not been ended.
    """
    found, sounding = [], set()
    for number, rows in sorted(bars.items()):
        for step, row in enumerate(rows):
            tick = number * 1920 + step * 1920 // len(rows)
            if codec == "roll":
                now = {21 + key for key, down in enumerate(row) if down}
                ended, struck = sounding - now, now - sounding
            else:
                ended = set() if row[0] == HOLD else sounding
                struck = {row[0]} if row[0] < NOTE_OFF else set()
                now = sounding - ended | struck
            found += [(tick, "off", pitch) for pitch in sorted(ended)]
            found += [(tick, "on", pitch) for pitch in sorted(struck)]
            sounding = now
    return found + [(ends, "off", pitch) for pitch in sorted(sounding)]
