"""The process that turns latents into bars ahead of time; it may die and be started anew mid-music."""

import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.codec import CODECS
from engine.decoder import NOTHING, Decoder, Plan
from engine.drummer import Drummer
from engine.hits import drums
from engine.module import DecoderError
from engine.noise import gumbel
from engine.priority import come_forward, giving_way
from engine.request import BarReply, BarRequest, ComposerState, Hits


class Composer:
    """Answers requests for bars; the plan of the last latent is kept."""

    def __init__(self, model_path: Path | str, feel_path: Path | str = "") -> None:
        """Load the model, and the feel for its drums, if any; DecoderError says why one cannot play."""
        self.decoder = Decoder.load(model_path)
        self._drummer = Drummer.load(feel_path, self.decoder.manifest) if feel_path else None
        _, self._column = drums(CODECS[self.decoder.manifest.codec]) or (0, 0)
        self._z = b""
        self._plan: Plan | None = None
        steps = self.decoder.manifest.steps_per_bar
        self._silence = [np.zeros((steps, width), np.float32) for width in self.decoder.streams]

    def reply(self, request: BarRequest) -> BarReply:
        """Return the bar asked for; a pure function of the request. ValueError names what does not fit."""
        begun = time.perf_counter()
        decoder, manifest, temperature = self.decoder, self.decoder.manifest, request.temperature
        if not 0 <= request.bar < manifest.bars:
            raise ValueError(f"bar is {request.bar}, allowed 0 to {manifest.bars - 1}")
        if self._plan is None or request.z != self._z:
            self._plan, self._z = decoder.plan(np.frombuffer(request.z, np.float32)), request.z
        code, steps = self._plan.code(request.bar), manifest.steps_per_bar
        state, feel = self._states(request.state)
        states = []
        for number, played in enumerate(request.past, request.number - len(request.past)):
            heard = np.array(played, np.int64)
            if manifest.memory != "bar":
                state = self._plan.state if manifest.begins(number) else state
                state = decoder.bar(code, heard, steps, temperature, self._silence, state=state).state
            _, feel = self._played(feel, heard, request.seed, *divmod(number, manifest.bars))
            states.append(state.tobytes() + feel.tobytes())
        if manifest.begins(request.number):
            state = self._plan.state
        prefix: NDArray[np.int64] = np.zeros((steps, len(decoder.vocabularies)), np.int64)
        if request.from_step > 0:
            prefix[: request.from_step] = request.prefix[: request.from_step]
        noise = gumbel(request.seed, request.loop, request.bar, steps, decoder.streams)
        bar = decoder.bar(code, prefix, request.from_step, temperature, noise, state=state)
        hits, feel = self._played(feel, bar.tokens, request.seed, request.loop, request.bar)
        return BarReply(
            request.number,
            request.revision,
            request.from_step,
            tuple(tuple(row) for row in bar.tokens.tolist()),
            (time.perf_counter() - begun) * 1000.0,
            bar.state.tobytes() + feel.tobytes(),
            tuple(states),
            tuple(tuple(trace) for trace in bar.traces.T.tolist()),
            hits,
        )

    def _states(self, kept: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the states of model and feel that a request brings, those before the first bar if none."""
        assert self._plan is not None
        begun = NOTHING if self._drummer is None else self._drummer.start
        if not kept:
            return self._plan.state, begun
        both = np.frombuffer(kept, np.float32)
        cut = max(0, len(both) - len(begun))
        return both[:cut], both[cut:]

    def _played(
        self, state: NDArray[np.float32], tokens: NDArray[np.int64], seed: int, loop: int, bar: int
    ) -> tuple[Hits, NDArray[np.float32]]:
        """Return how the drums of `tokens` (steps, columns) are played, if by a feel, and its state after."""
        if self._drummer is None:
            return (), NOTHING
        return self._drummer.play(state, tokens[:, self._column], seed, loop, bar)

    def in_turn(self, requests: Iterable[BarRequest]) -> Iterator[tuple[BarRequest, BarReply]]:
        """Answer `requests` for one whole bar after the other, each going on from the one before."""
        state = b""
        for request in requests:
            asked = replace(request, state=state, past=())  # what is past is in the state
            reply = self.reply(asked)
            state = reply.state
            yield asked, reply


def run(connection: Connection, model_path: Path | str, feel_path: Path | str = "") -> None:
    """Be the composer's process: say ComposerState "loading", then "ready", and answer BarRequests in order.

    Leaves when the other end of `connection` is closed, or after "failed" with its reason.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for `live`, which closes the connection
    if hasattr(signal, "SIGTSTP"):  # and Ctrl-Z for `live` alone: the music goes on
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        connection.send(ComposerState("loading"))
        try:
            composer = giving_way(Composer, model_path, feel_path)
        except DecoderError as error:
            connection.send(ComposerState("failed", str(error)))
            return
        come_forward()
        connection.send(ComposerState("ready"))
        while True:
            request = connection.recv()
            try:
                connection.send(composer.reply(request))
            except ValueError as error:
                connection.send(ComposerState("failed", f"bar {request.number}: {error}"))
                return
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    finally:
        connection.close()
