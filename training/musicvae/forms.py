"""A decoder in every form between the loop that one writes first and the one that ships, to be timed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from training.musicvae.bottoms import batch, layers
from training.musicvae.exported import METHODS, ExportedMusicVAE
from training.musicvae.model import BottomDecoder, MusicVAE
from training.musicvae.streaming import Recurrence
from training.packing import script

# The loop of engine.plain and of `live bench --against`: what one writes first, unless one takes nn.LSTM.
PLAIN = "plain loop of cells, one-hot, eager"
SHIPPED = "+ int8: what ships"


@dataclass(frozen=True, slots=True)
class Form:
    """A way to decode: `module` has the METHODS of ExportedMusicVAE, `beside` is the form to compare."""

    name: str
    beside: str
    module: Any
    seldom: bool = False  # slow enough to be timed in every tenth turn only
    planned: int = 0  # bars whose codes are spelt out at once, for each bar anew; with 0 its code is given
    profiling: bool = False  # TorchScript's profiling executor, which the engine switches off


class Cells(nn.Module):
    """A two-layer nn.LSTM as two cells: that one packs its weights anew at every call, a step at a time."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        parts = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.lower = nn.LSTMCell(lstm.input_size, lstm.hidden_size)
        self.upper = nn.LSTMCell(lstm.hidden_size, lstm.hidden_size)
        for layer, cell in enumerate((self.lower, self.upper)):
            cell.load_state_dict({part: getattr(lstm, f"{part}_l{layer}") for part in parts})

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the output and the next state for one step, shaped as nn.LSTM has them."""
        h, c = state
        h0, c0 = self.lower(x[0], (h[0], c[0]))
        h1, c1 = self.upper(h0, (h[1], c[1]))
        return h1.unsqueeze(0), (torch.stack([h0, h1]), torch.stack([c0, c1]))


class OneHotVoice(nn.Module):
    """A bottom decoder as a two-layer LSTM fed the previous token, one-hot, beside the code, step by step.

    It has two methods of an ExportedMusicVAE of one voice, and can be scripted like it.
    """

    vocabulary: Final[int]

    def __init__(self, bottom: BottomDecoder, cells: bool = False) -> None:
        super().__init__()
        self.vocabulary, width = bottom.start, bottom.embedding.embedding_dim
        self.initial, self.output = bottom.initial, bottom.output
        weights = bottom.lstm.state_dict()
        from_token, from_code = weights["weight_ih_l0"].tensor_split([width], 1)
        first = torch.cat([from_token @ bottom.embedding.weight.detach().T, from_code], 1)
        lstm = nn.LSTM(first.shape[1], bottom.units, num_layers=2, batch_first=True)
        lstm.load_state_dict(weights | {"weight_ih_l0": first})
        self.lstm = Cells(lstm) if cells else lstm

    @torch.jit.export
    def bar(
        self, plan_row: Tensor, prefix: Tensor, from_step: int, temperature: Tensor, noise: list[Tensor]
    ) -> Tensor:
        """Return the tokens (steps, 1) of the bar of code `plan_row` (code,), as ExportedMusicVAE.bar."""
        tokens = prefix.clone()
        self.run(plan_row, tokens, from_step, temperature, noise[0])
        return tokens

    @torch.jit.export
    def logits(self, plan_row: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (steps, vocabulary) along the true `tokens` (steps, 1)."""
        silent = torch.zeros((tokens.shape[0], self.vocabulary))
        return [self.run(plan_row, tokens, tokens.shape[0], torch.ones(1), silent)]

    def run(self, code: Tensor, tokens: Tensor, from_step: int, temperature: Tensor, noise: Tensor) -> Tensor:
        """Return logits / `temperature` + `noise`; from `from_step` on `tokens` takes their argmax."""
        h, c = torch.tanh(self.initial(code)).view(2, 2, 1, -1).unbind(0)
        state, token, scores = (h, c), torch.tensor(self.vocabulary), torch.empty_like(noise)
        for step in range(noise.shape[0]):
            heard = F.one_hot(token, self.vocabulary + 1).to(code.dtype)
            out, state = self.lstm(torch.cat([heard, code]).view(1, 1, -1), state)
            scores[step] = self.output(out[0, 0]) / temperature + noise[step]
            if step >= from_step:
                tokens[step, 0] = scores[step].argmax()
            token = tokens[step, 0]
        return scores


class Bfloat16Product(nn.Module):
    """products.Product with weights, inputs and outputs in bfloat16."""

    stride: Final[int]
    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.stride = weight.shape[1]
        self.register_buffer("weight", weight.detach().bfloat16())
        self.register_buffer("bias", bias.detach().unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the rows of each voice for `x` (voices, columns)."""
        products = torch.bmm(x.to(torch.bfloat16).unsqueeze(1), self.weight.transpose(1, 2))
        return products.float() + self.bias


class Apart:
    """Voices decoded one after the other, each by a module of its own; `planner` spells the codes out."""

    def __init__(self, planner: Any, voices: Sequence[Any]) -> None:
        self.begin, self.plan, self.voices = planner.begin, planner.plan, voices

    def bar(
        self, code: Tensor, prefix: Tensor, from_step: int, temperature: Tensor, noise: list[Tensor]
    ) -> Tensor:
        """Return tokens (steps, voices) as ExportedMusicVAE.bar."""
        given = zip(self.voices, prefix.split(1, 1), temperature.split(1), noise, strict=True)
        columns = [module.bar(code, heard, from_step, warm, [own]) for module, heard, warm, own in given]
        return torch.cat(columns, 1)

    def logits(self, code: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (steps, vocabulary) of each voice as ExportedMusicVAE.logits."""
        given = zip(self.voices, tokens.split(1, 1), strict=True)
        return [module.logits(code, column)[0] for module, column in given]


def forms(model: MusicVAE) -> list[Form]:
    """Return the forms of `model`: a ladder, one trick more each, and what ships with one exchanged."""
    exact, shipped = (ExportedMusicVAE(model, quantise) for quantise in (False, True))
    whole, plays = frozen(exact), frozen(shipped)
    packed = [OneHotVoice(voice) for voice in model.bottoms]
    cells = [OneHotVoice(voice, cells=True) for voice in model.bottoms]
    ladder = {
        PLAIN: Apart(whole, cells),
        "+ scripted": Apart(whole, [script(voice) for voice in cells]),
        "+ tables, code hoisted": script(exact),
        "+ frozen": whole,
        SHIPPED: plays,
    }
    names = list(ladder)
    anew = "ships, new latent: all codes planned"
    return [
        *(
            Form(name, names[max(0, index - 1)], ladder[name], seldom=index < 2)
            for index, name in enumerate(names)
        ),
        Form("plain loop, but of nn.LSTM", PLAIN, Apart(whole, packed), seldom=True),
        Form("ships, but voices batched", SHIPPED, frozen(ExportedMusicVAE(model, True, together=True))),
        Form("ships, but bfloat16", SHIPPED, frozen(in_bfloat16(model)), seldom=True),
        Form("ships, but eager", SHIPPED, shipped, seldom=True),
        Form("ships, but profiling executor", SHIPPED, plays, profiling=True),
        Form(anew, SHIPPED, plays, planned=model.config.bars),
        Form("ships, new latent: planned to the bar", anew, plays, planned=1),
    ]


def in_bfloat16(model: MusicVAE) -> ExportedMusicVAE:
    """Return what ships, but with bfloat16 products in its bottom decoders."""
    module, weights = ExportedMusicVAE(model, quantise=True), model.state_dict()
    for voice, bottoms in enumerate(module.bottoms):
        name, int8 = f"decoders.{voice}", bottoms.decoders
        both = layers(weights, f"{name}.lstm", f"{name}.output", max(bottoms.vocabularies))
        lower, upper = (Bfloat16Product(*batch([part])) for part in both)
        bottoms.decoders = Recurrence(int8.table, lower, upper, int8.offsets, int8.units)
    return module


def frozen(module: nn.Module) -> Any:
    """Return `module` scripted and frozen, as the engine loads it."""
    return torch.jit.freeze(script(module), METHODS)
