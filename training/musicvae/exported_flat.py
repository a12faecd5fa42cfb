"""The module inside the file of a flat MusicVAE: a bar goes on from the state that the one before left."""

from typing import Final

import torch
from torch import Tensor, nn

from training.musicvae.exported import ExportedEncoder, decoders, opening, warmed
from training.musicvae.model import MusicVAE

METHODS = ["begin", "bar", "logits", "encode"]  # what others may call


class ExportedFlat(nn.Module):
    """A flat MusicVAE in the form that plays: float32, or int8 but for the table and the opening.

    A state is the layers' h, h, c, c of every voice and the token that each heard last.
    """

    steps: Final[int]
    vocabularies: Final[tuple[int, ...]]
    starts: Tensor

    def __init__(self, model: MusicVAE, quantise: bool) -> None:
        super().__init__()
        config, weights = model.config, model.state_dict()
        self.steps, self.vocabularies = config.steps_per_bar, config.vocabularies
        form = torch.int8 if quantise else torch.float32
        self.encoder = ExportedEncoder(config, weights, form)
        self.opening = opening(config, weights, quantise)
        self.decoders = decoders(config, weights, quantise)
        # (voices,) the row of the table before a voice's first token
        self.register_buffer("starts", torch.tensor([v + 1 for v in config.vocabularies]).cumsum(0) - 1)

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the state (4 * voices * units + voices,) before the first bar of `z` (z_size,)."""
        return self.state(self.opened(z), self.starts)

    @torch.jit.export
    def bar(  # noqa: PLR0917  # the engine calls it so, and TorchScript has no keywords
        self,
        z: Tensor,
        state: Tensor,
        prefix: Tensor,
        from_step: int,
        temperature: Tensor,
        noise: list[Tensor],
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the tokens (steps, voices) of the bar after `state`, the state after it, and no traces.

        Rows of `prefix` (steps, voices) before `from_step` are given back and heard; every later token is
        argmax(logits / temperature + noise) with `noise` (steps, vocabulary) a voice and `temperature`
        (voices,); 0 takes the argmax of the logits.
        """
        voices = len(self.vocabularies)
        divisor, padded = warmed(temperature, noise)
        begun = self.opened(z)
        begun[:4] = state[:-voices].view(begun[:4].shape)
        inputs = torch.cat([state[-voices:].long().unsqueeze(0), prefix.clamp(min=0) + self.decoders.offsets])
        self.decoders(begun, inputs, from_step, divisor, padded)
        return inputs[1:] - self.decoders.offsets, self.state(begun, inputs[-1]), torch.zeros((self.steps, 0))

    @torch.jit.export
    def logits(self, z: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (T, vocabulary) a voice along the true `tokens` (T, voices) of `z`."""
        silent = torch.zeros((tokens.shape[0], len(self.vocabularies), max(self.vocabularies)))
        inputs = torch.cat([self.starts.unsqueeze(0), tokens.clamp(min=0) + self.decoders.offsets])
        scores = self.decoders(self.opened(z), inputs, tokens.shape[0], torch.ones((1, 1)), silent)
        return [scores[:, voice, :vocabulary] for voice, vocabulary in enumerate(self.vocabularies)]

    @torch.jit.export
    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma (B, z_size) of `tokens` (B, bars, steps, voices), -1 for a missing voice."""
        encoded: tuple[Tensor, Tensor] = self.encoder(tokens)
        return encoded

    def opened(self, z: Tensor) -> Tensor:
        """Return where the voices' recurrences begin under `z`, (8, voices, units)."""
        begun: Tensor = self.decoders.begin(self.opening(z.expand(len(self.vocabularies), -1).contiguous()))
        return begun

    def state(self, begun: Tensor, heard: Tensor) -> Tensor:
        """Return `begun` (8, voices, units) and the rows of the table `heard` (voices,) as one vector."""
        return torch.cat([begun[:4].flatten(), heard.float()])
