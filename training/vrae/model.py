"""VRAE (Fabius & van Amersfoort 2015): one latent vector for an excerpt of a piano roll.

Excerpts are (B, T, pitches) of 0 and 1, and below 0 in the frames after an excerpt's end. The paper's
decoder hears its own outputs, the probabilities; it can hear the notes themselves instead, those of the
data in training and its own draws in playing, and it can be an LSTM (section 4).
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from training.loss import Posterior


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes of a VRAE, the excerpts that it learns, and how it plays; defaults are the paper's 20-d model."""

    z_size: int = 20
    units: int = 500  # of the encoder and of the decoder (section 3.2)
    steps: int = 40  # frames of an excerpt
    bar: int = 40  # frames after which the decoder's state leans towards z, in excerpts and in playing
    hop: int = 20  # frames from one excerpt to the next; 1 is a data point at every step (section 4)
    reverse: bool = False  # the encoder reads the last frame first (section 4)
    cell: str = "rnn"  # of tanh, or "lstm" (section 4)
    feedback: str = "outputs"  # the decoder hears its probabilities, or "notes"
    lowest: int = 36  # pitch of the first output; notes beyond the outputs are heard an octave nearer
    pitches: int = 49  # outputs: as many of the 88 as the songs use (section 3.1)
    songs: tuple[str, ...] = ()  # training songs and folders/ to know by heart; none: all there are
    lean: float = 0.5  # of the way back to the state that z gives, gone as each bar but the first starts
    hold: int = 10  # frames that a draw of chance lasts in playing


class VRAE(nn.Module):
    """Encoder and decoder, each one recurrent layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config, self.lstm = config, config.cell == "lstm"
        layer = nn.LSTM if self.lstm else nn.RNN
        self.encoder = layer(config.pitches, config.units, batch_first=True)
        self.mu = nn.Linear(config.units, config.z_size)
        self.log_sigma = nn.Linear(config.units, config.z_size)
        self.initial = nn.Linear(config.z_size, config.units * (2 if self.lstm else 1))
        self.decoder = layer(config.pitches, config.units, batch_first=True)
        self.output = nn.Linear(config.units, config.pitches)

    def posterior(self, excerpts: Tensor) -> Posterior:
        """Return q(z|x) from the encoder's state after the last frame of `excerpts` (section 2.2)."""
        lengths = (excerpts[..., 0] >= 0).sum(1, keepdim=True)  # (B, 1)
        order = torch.arange(excerpts.shape[1], device=excerpts.device).expand(len(excerpts), -1)
        if self.config.reverse:
            order = (lengths - 1 - order).clamp(min=0)
        frames = excerpts.clamp(min=0).gather(1, order.unsqueeze(-1).expand(-1, -1, excerpts.shape[2]))
        outputs = self.encoder(frames.to(self.output.weight.dtype))[0]  # (B, T, units)
        last = (lengths - 1).clamp(min=0).unsqueeze(-1).expand(-1, -1, outputs.shape[2])
        end = outputs.gather(1, last).squeeze(1)
        return Posterior(self.mu(end).float(), self.log_sigma(end).float().exp())

    def opening(self, z: Tensor) -> Tensor:
        """Return the decoder's first state (B, states) for `z` (B, z_size); an LSTM's h, then its c."""
        return torch.tanh(self.initial(z))

    def heard(self, state: Tensor) -> Tensor:
        """Return the logits (B, pitches) of the frame that `state` (B, states) gives."""
        logits: Tensor = self.output(state[:, : self.config.units])
        return logits

    def following(self, state: Tensor, frame: Tensor) -> Tensor:
        """Return the state (B, states) after the decoder has heard `frame` (B, pitches)."""
        weights = cast(list[Tensor], self.decoder.all_weights[0])
        if self.lstm:
            h, c = state.chunk(2, dim=1)
            return torch.cat(torch.lstm_cell(frame, (h.contiguous(), c.contiguous()), *weights), dim=1)
        return torch.rnn_tanh_cell(frame, state, *weights)

    def logits(self, z: Tensor, excerpts: Tensor) -> Tensor:
        """Return logits (B, T, pitches) of the frames of `excerpts` given `z` (B, z_size).

        A decoder that hears its own outputs hears nothing of `excerpts` but how long they are. The paper's
        excerpt is one bar; in longer ones the state leans as in playing, and so learns to go on from there.
        """
        bar, first = self.config.bar, self.opening(z)
        state, logits = first, []
        for begin in range(0, excerpts.shape[1], bar):
            if begin:
                state = torch.lerp(state, first, self.config.lean)
            found, state = self.run(state, excerpts[:, begin : begin + bar])
            logits.append(found)
        return torch.cat(logits, dim=1)

    def run(self, state: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, T, pitches) of `frames` from `state` (B, states) on, and the state after them."""
        if self.config.feedback == "outputs":
            logits = []
            for _ in range(frames.shape[1]):
                logits.append(self.heard(state))
                state = self.following(state, torch.sigmoid(logits[-1]))
            return torch.stack(logits, dim=1), state
        told = frames.clamp(min=0).to(state.dtype)
        parts = [part.unsqueeze(0).contiguous() for part in state.split(self.config.units, dim=1)]
        outputs, after = self.decoder(told, tuple(parts) if self.lstm else parts[0])
        before = torch.cat([parts[0].transpose(0, 1), outputs[:, :-1]], dim=1)
        return self.output(before), torch.cat([*after], dim=-1)[0] if self.lstm else after[0]

    @torch.no_grad()
    def play(self, z: Tensor, bars: int, temperature: float = 1.0, noise: Tensor | None = None) -> Tensor:
        """Return frames (B, bars * bar, pitches), uint8, of `z` (B, z_size) or (bars, B, z_size).

        1 is a pitch that sounds. The state runs on without end and leans, as each bar starts, towards the one
        that the bar's z gives. `noise` (bars, B, draws, pitches) is logistic noise, drawn here if None, each
        draw for `hold` frames; a pitch sounds where logits + temperature * noise is above 0, which at
        temperature 1 is an exact draw.
        """
        path = z if z.dim() == 3 else z.expand(bars, *z.shape)
        steps, hold = self.config.bar, self.config.hold
        if noise is None:
            shape = (bars, path.shape[1], -(-steps // hold), self.config.pitches)
            noise = torch.logit(torch.rand(shape, device=z.device).clamp(1e-7, 1 - 1e-7))
        state, frames = self.opening(path[0]), []
        for bar in range(bars):
            if bar:
                state = torch.lerp(state, self.opening(path[bar]), self.config.lean)
            for step in range(steps):
                logits = self.heard(state)
                drawn = logits + temperature * noise[bar, :, step // hold] > 0
                frames.append(drawn.to(torch.uint8))
                told = drawn.to(logits.dtype) if self.config.feedback == "notes" else torch.sigmoid(logits)
                state = self.following(state, told)
        return torch.stack(frames, dim=1)
