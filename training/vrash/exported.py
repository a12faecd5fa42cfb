"""A VRASH as it plays: scriptable, bar after bar on a grid of 96 steps, free of the bar lines.

A note starts at the step that its delay says; all other steps hold. What a delay leaves beyond the bar line
is kept as the steps since the last note: the next bar draws the delay anew, out of those that reach into it.
That is the same distribution, and it lets a latent that is turned at the line be heard at once. So the state
follows from the notes alone, whoever wrote them: listening to a bar leaves what writing it leaves.
"""

from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from engine.codec import HOLD, NOTE_OFF
from training.data.notes import MEDIAN, OCTAVE, PITCHES, RATIOS, SIZES, STEPS_PER_BEAT
from training.vrash.highway import Highway, HighwayStep, LSTMStep
from training.vrash.model import MASKED, VRASH, Decoder
from training.vrash.phrases import FAMILY

STEPS = 4 * STEPS_PER_BEAT  # of a bar
PACES = (24, 16, 12, 8, 6)  # steps that a median pause may last: from a quarter to a sixteenth
PACE_UNIT = 1.5  # of z's last component, from one pace to the next: few draws of the prior leave the eighth
LONGEST = 1 << 20  # steps that are counted since a note: float32 holds them exactly
NOISE = SIZES  # widths of the noise streams of a step


class ExportedVRASH(nn.Module):
    """Writes bars of one column of melody tokens; `z` ends with the pace, the state with the last note.

    The label of its tracks is fixed: (source, family of programs), -1 where it is not told.
    """

    units: Final[int]
    state_size: Final[int]
    steps: Final[int]
    z_size: Final[int]
    octave: Final[int]
    pitches: Final[int]
    median: Final[int]
    hold: Final[int]
    note_off: Final[int]
    unit: Final[float]
    longest: Final[int]
    masked: Final[float]
    constant: Tensor
    of_z: Tensor
    initial: Tensor
    initial_bias: Tensor
    heard0: Tensor
    heard1: Tensor
    heard2: Tensor
    pitch_by_delay: Tensor
    octave_by_delay: Tensor
    octave_by_pitch: Tensor
    landings: Tensor
    log_ratios: Tensor
    log_paces: Tensor

    def __init__(self, model: VRASH, label: tuple[int, int]) -> None:
        super().__init__()
        decoder, config = model.decoder, model.config
        cell: Any = decoder.cell
        highway = isinstance(cell, Highway)
        self.units, self.state_size, self.steps = config.units, cell.state_size, STEPS
        self.z_size = config.z_size if decoder.latent else 0
        self.octave, self.pitches, self.median, self.masked = OCTAVE, PITCHES, MEDIAN, MASKED
        self.hold, self.note_off, self.unit, self.longest = HOLD, NOTE_OFF, PACE_UNIT, LONGEST
        self.step = HighwayStep(cell) if highway else LSTMStep(cell)
        weight = (cell.heard.weight if highway else cell.lstm.weight_ih_l0).detach()
        bias = (cell.heard.bias if highway else cell.lstm.bias_ih_l0).detach()
        empty = torch.zeros(cell.state_size, 0), torch.zeros(cell.state_size)  # of a language model
        first = (decoder.initial.weight, decoder.initial.bias) if decoder.initial else empty
        self.register_buffer("initial", first[0].detach())
        self.register_buffer("initial_bias", first[1].detach())
        labels, notes = decoder.labels.width, decoder.embedding.width if decoder.history else 0
        of_label, of_z, of_notes = weight.split([labels, self.z_size, notes], 1)
        told = decoder.labels(torch.tensor(label)).detach()
        self.register_buffer("constant", of_label @ told + bias)
        self.register_buffer("of_z", of_z.contiguous())
        tables = [cast(nn.Embedding, table).weight.detach() for table in decoder.embedding.tables]
        for k, table in enumerate(tables):  # its last row is what is not told
            column = of_notes[:, k * config.embedding : (k + 1) * config.embedding]
            self.register_buffer(
                f"heard{k}", table @ column.T if notes else torch.zeros(len(table), len(weight))
            )
        self._heads(decoder, config.units, tables)
        paces = torch.tensor(PACES, dtype=torch.float64)
        landings = (paces[:, None] * torch.tensor(RATIOS, dtype=torch.float64) + 0.5).floor().clamp(min=1)
        self.register_buffer("landings", landings.long())
        self.register_buffer("log_ratios", torch.tensor(RATIOS).log())
        self.register_buffer("log_paces", paces.float().log())

    def _heads(self, decoder: Decoder, units: int, tables: list[Tensor]) -> None:
        """Take over what draws the elements: one product for all, tables for what the first ones add."""
        layers = cast(list[nn.Linear], list(decoder.hidden))
        hidden = [(layer.weight.detach(), layer.bias.detach()) for layer in layers]
        self.hidden = nn.Linear(units, sum(len(bias) for _, bias in hidden))
        weight, bias = torch.cat([w[:, :units] for w, _ in hidden]), torch.cat([b for _, b in hidden])
        self.hidden.load_state_dict({"weight": weight, "bias": bias})
        by_delay, (from_delay, from_pitch) = hidden[1][0][:, units:], hidden[2][0][:, units:].chunk(2, 1)
        self.register_buffer("pitch_by_delay", tables[0] @ by_delay.T)
        self.register_buffer("octave_by_delay", tables[0] @ from_delay.T)
        self.register_buffer("octave_by_pitch", tables[1] @ from_pitch.T)
        self.output = decoder.output

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the state before the first note of `z` (z_size + 1,)."""
        first = torch.tanh(self.initial @ z[: self.z_size] + self.initial_bias)
        return torch.cat([first, torch.tensor([-1.0, -1.0, -1.0, 0.0])])

    @torch.jit.export
    def bar(  # noqa: PLR0917 (TorchScript knows no keyword-only arguments)
        self,
        z: Tensor,
        state: Tensor,
        prefix: Tensor,
        from_step: int,
        temperature: Tensor,
        noise: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return tokens (96, 1), the state after the bar, and no traces.

        Notes of `prefix` (96, 1) before `from_step` are heard and given back; the first of all counts as
        one after a median pause. Elements are argmax(logits / temperature + noise), with `noise` (96, size)
        each and `temperature` (1,); 0 takes the likeliest. The noise of a note is that of the step after the
        note before it, or of the bar's first: it does not depend on `from_step`.
        """
        pace = int(torch.round(z[-1] / self.unit)) + self.landings.shape[0] // 2
        pace = max(0, min(pace, self.landings.shape[0] - 1))
        told = self.constant + self.of_z @ z[: self.z_size]
        cell = state[: self.state_size]
        delay, pitch, octave = int(state[-4]), int(state[-3]), int(state[-2])
        last = -int(state[-1])  # step of the last note, from this bar line
        tokens = torch.full((self.steps, 1), self.hold)
        tokens[:from_step] = prefix[:from_step]
        for step in range(from_step):
            token = int(prefix[step, 0])
            if token >= 0 and token < self.note_off:
                cell = self.step(told + self.heard(delay, pitch, octave), cell)
                delay = self.read(step - last, pace) if delay >= 0 else self.median
                pitch, octave, last = token % self.octave, token // self.octave, step
        heat = float(temperature[0])
        begun = delay >= 0
        following = last + 1 if begun else 0
        while max(from_step, following) < self.steps:
            earliest, row = max(from_step, following), max(0, following)
            ahead = self.step(told + self.heard(delay, pitch, octave), cell)
            hidden = self.hidden(ahead[: self.units]).view(3, -1)
            step, drawn = earliest, self.median
            if begun:
                landings = last + self.landings[pace]
                reached = landings >= earliest
                if bool(reached.any()):
                    scores = self.output[0](hidden[0].tanh()).masked_fill(~reached, self.masked)
                    step = int(landings[self.choose(scores, heat, noise[0][row])])
                if step >= self.steps:
                    break
                drawn = self.read(step - last, pace)
            scores = self.output[1]((hidden[1] + self.pitch_by_delay[drawn]).tanh())
            pitch = self.choose(scores, heat, noise[1][row])
            scores = self.output[2](
                (hidden[2] + self.octave_by_delay[drawn] + self.octave_by_pitch[pitch]).tanh()
            )
            highest = (self.pitches - 1 - pitch) // self.octave
            scores[highest + 1 :] = self.masked
            octave = self.choose(scores, heat, noise[2][row])
            tokens[step, 0] = octave * self.octave + pitch
            cell, delay, last, begun = ahead, drawn, step, True
            following = step + 1
        since = float(min(self.steps - last, self.longest)) if begun else 0.0
        after = torch.cat([cell, torch.tensor([float(delay), float(pitch), float(octave), since])])
        return tokens, after, torch.zeros((self.steps, 0))

    def heard(self, delay: int, pitch: int, octave: int) -> Tensor:
        """Return what the note before gives to the cell; -1 is none, the last row of each table."""
        return self.heard0[delay] + self.heard1[pitch] + self.heard2[octave]

    def read(self, steps: int, pace: int) -> int:
        """Return the delay nearest to `steps`, by proportion."""
        off = (torch.log(torch.tensor(float(steps))) - self.log_paces[pace] - self.log_ratios).abs()
        return int(off.argmin())

    def choose(self, scores: Tensor, heat: float, noise: Tensor) -> int:
        """Return the element drawn from the logits `scores` (size,)."""
        if heat > 0:
            scores = scores / heat + noise
        return int(scores.argmax())


def exported(model: VRASH, source: str = "", program: int = -1) -> nn.Module:
    """Return the module that torch.jit.script takes; its latents have one component more, the pace.

    It plays like tracks of `source`, one of the model's, and of General MIDI's `program`; without them the
    latent alone tells the style. Its manifest: memory "endless", codec "melody", STEPS a bar, noise of the
    widths NOISE, no traces.
    """
    sources = model.config.sources
    label = sources.index(source) if source in sources else -1
    return ExportedVRASH(model, (label, program // FAMILY)).eval()
