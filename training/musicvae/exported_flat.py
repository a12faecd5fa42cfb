"""The module inside the file of a flat MusicVAE: a bar goes on from the state that the one before left."""

from typing import Final

import torch
from torch import Tensor, nn

from training.musicvae.bottoms import bottoms
from training.musicvae.exported import ExportedEncoder
from training.musicvae.model import MusicVAE

METHODS = ["begin", "bar", "logits", "encode"]  # what others may call


class ExportedFlat(nn.Module):
    """A flat MusicVAE in the form that plays: float32, or int8 but for what Bottoms keep finer.

    Its state is, voice by voice, the layers' h, h, c, c and the row of the table that it heard last.
    """

    steps: Final[int]

    def __init__(self, model: MusicVAE, quantise: bool) -> None:
        super().__init__()
        config, weights = model.config, model.state_dict()
        self.steps = config.steps_per_bar
        self.encoder = ExportedEncoder(config, weights, torch.int8 if quantise else torch.float32)
        self.bottoms = bottoms(config, weights, quantise)

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return the state (voices * (4 * units + 1),) before the first bar of `z` (z_size,)."""
        return torch.cat([remembered(part.opened(z), part.starts) for part in self.bottoms])

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
        columns: list[Tensor] = []
        states: list[Tensor] = []
        at = 0
        for part in self.bottoms:
            own = state[at : at + part.remembered]
            at += part.remembered
            begun = part.opened(z)
            begun[:4] = own[:-1].view(begun[:4].shape)
            inputs = part(begun, own[-1:].long(), prefix, from_step, temperature, noise)
            columns.append(part.tokens(inputs))
            states.append(remembered(begun, inputs[-1]))
        return torch.cat(columns, 1), torch.cat(states), torch.zeros((self.steps, 0))

    @torch.jit.export
    def logits(self, z: Tensor, tokens: Tensor) -> list[Tensor]:
        """Return the logits (T, vocabulary) a voice along the true `tokens` (T, voices) of `z`."""
        scores: list[Tensor] = []
        for part in self.bottoms:
            scores.extend(part.logits(z, tokens))
        return scores

    @torch.jit.export
    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mu and sigma (B, z_size) of `tokens` (B, bars, steps, voices), -1 for a missing voice."""
        encoded: tuple[Tensor, Tensor] = self.encoder(tokens)
        return encoded


def remembered(begun: Tensor, heard: Tensor) -> Tensor:
    """Return the states in `begun` (8, voices, units) and the rows of the table `heard` (voices,), flat."""
    return torch.cat([begun[:4].flatten(), heard.float()])
