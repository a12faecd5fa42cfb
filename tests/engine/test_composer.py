"""The composer in this process, and as a process of its own behind a real pipe."""

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import composer
from engine.codec import CODECS
from engine.composer import Composer
from engine.latent import prior
from engine.module import DecoderError
from engine.request import BarReply, BarRequest, ComposerState
from training.export import export_model
from training.musicvae.model import ModelConfig, MusicVAE

TINY = ModelConfig(
    embedding=6, bar_encoder=8, sequence_encoder=8, z_size=8, conductor=16, code=12, decoder=16, bars=4
)
PATIENCE = 60.0  # seconds: a deadline against hanging, not a measurement


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(4)
    model = MusicVAE(TINY).eval()
    with torch.no_grad():
        for decoder in model.decoders:
            decoder.output.weight *= 20
            decoder.initial.weight *= 4
        if model.conductor is not None:
            model.conductor.initial.weight *= 4
    path = tmp_path_factory.mktemp("model") / "tiny.ts"
    export_model(model, path)
    return path


def ask(number: int = 0, **changes: object) -> BarRequest:
    values: dict[str, object] = {
        "number": number,
        "revision": 7,
        "loop": 0,
        "bar": number % 4,
        "from_step": 0,
        "prefix": (),
        "z": prior(1, 0, 8).tobytes(),
        "temperature": (1.0, 1.0, 1.0),
        "seed": 11,
    }
    return BarRequest(**(values | changes))  # type: ignore[arg-type]  # fields by name


def test_replies_are_plain_and_pure(file: Path) -> None:
    here = Composer(file)
    first = here.reply(ask(3))
    assert (first.number, first.revision, first.from_step) == (3, 7, 0)
    assert all(type(token) is int for row in first.tokens for token in row)
    CODECS["trio"].to_bar(first.tokens)
    for other in (ask(4), ask(5, seed=12), ask(3, z=prior(2, 0, 8).tobytes()), ask(3, loop=1)):
        assert here.reply(other).tokens != first.tokens
    assert here.reply(ask(3)).tokens == first.tokens


def test_what_was_played_stays(file: Path) -> None:
    here = Composer(file)
    whole = here.reply(ask(2)).tokens
    again = here.reply(ask(2, from_step=5, prefix=whole))
    assert (again.tokens, again.from_step) == (whole, 5)
    turned = here.reply(ask(2, from_step=5, prefix=whole, z=(3 * prior(2, 0, 8)).tobytes())).tokens
    assert turned[:5] == whole[:5]
    assert turned[5:] != whole[5:]


def test_a_request_that_does_not_fit_is_named(file: Path) -> None:
    here = Composer(file)
    with pytest.raises(ValueError, match="bar is 4, allowed 0 to 3"):
        here.reply(ask(0, bar=4))
    with pytest.raises(ValueError, match="z has shape"):
        here.reply(ask(0, z=np.zeros(3, np.float32).tobytes()))
    with pytest.raises(DecoderError, match=r"none\.ts"):
        Composer(file.with_name("none.ts"))


def test_the_process_loads_answers_in_order_and_leaves_with_its_pipe(file: Path) -> None:
    process, here = started(file)
    assert received(here) == ComposerState("loading")
    assert received(here) == ComposerState("ready")
    for number in range(6):
        here.send(ask(number))
    for name in ("SIGINT", "SIGTSTP"):  # Ctrl-C and Ctrl-Z reach the whole group; the composer stays
        if hasattr(signal, name):
            os.kill(process.pid or 0, getattr(signal, name))
    replies = [received(here) for _ in range(6)]
    expected = Composer(file)
    for number, reply in enumerate(replies):
        assert isinstance(reply, BarReply)
        assert reply.number == number
        assert reply.tokens == expected.reply(ask(number)).tokens
    here.close()
    process.join(PATIENCE)
    assert process.exitcode == 0


def test_a_load_that_fails_is_told(tmp_path: Path) -> None:
    process, here = started(tmp_path / "none.ts")
    assert received(here) == ComposerState("loading")
    failed = received(here)
    assert isinstance(failed, ComposerState)
    assert failed.state == "failed"
    assert "none.ts" in failed.detail
    process.join(PATIENCE)
    assert process.exitcode == 0


def started(file: Path) -> tuple[multiprocessing.process.BaseProcess, Connection]:
    """Start the composer as the engine does; its end of the pipe is open in the child only."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=composer.run, args=(there, file), daemon=True)
    process.start()
    there.close()
    return process, here


def received(connection: Connection) -> object:
    """Return the next message; fail instead of hanging."""
    assert connection.poll(PATIENCE)
    return connection.recv()
