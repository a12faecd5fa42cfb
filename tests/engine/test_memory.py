"""Model files whose bars go on from each other: how they are opened, asked, measured and opened with."""

from collections.abc import Callable
from dataclasses import replace
from multiprocessing import Pipe
from pathlib import Path

import numpy as np
import pytest
import torch
from concert import Concert
from torch import Tensor, nn
from toy_models import TRACES, Wanderer, manifest, save, setup

from engine import bench, errands, opening
from engine.arranger import Arranger
from engine.composer import Composer
from engine.decoder import Decoder
from engine.latent import prior
from engine.module import DecoderError
from engine.noise import gumbel
from engine.request import BarRequest
from engine.setup import Setup

WARM = (1.0,)
STEPS = 12


@pytest.fixture(scope="module", params=["window", "endless"])
def performance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Setup:
    contract = manifest("roll", request.param, STEPS)
    file = save(Wanderer("roll", STEPS), contract, tmp_path_factory.mktemp("model") / "m.ts")
    return setup(contract, file)


@pytest.fixture(scope="module")
def decoder(performance: Setup) -> Decoder:
    return Decoder.load(performance.model)


def test_it_says_what_the_module_takes(decoder: Decoder) -> None:
    assert decoder.vocabularies == (2,) * 88
    assert decoder.streams == (2,) * 88
    assert (decoder.code_size, decoder.state_size) == (8, 100)


def test_hearing_a_bar_leaves_the_state_that_writing_it_left(decoder: Decoder) -> None:
    z, silence = prior(3, 0, 8), np.zeros((STEPS, 88), np.int64)
    plan = decoder.plan(z)
    assert plan.state.shape == (100,)
    state = plan.state
    for bar in range(3):
        code, noise = plan.code(bar), gumbel(1, 0, bar, STEPS, decoder.streams)
        assert np.array_equal(code, z)
        kept = state.copy()
        written = decoder.bar(code, silence, 0, WARM, noise, state=state)
        again = decoder.bar(code, written.tokens, 5, WARM, noise, state=state)
        heard = decoder.bar(code, written.tokens, STEPS, WARM, noise, state=state)
        assert written.traces.shape == (STEPS, len(TRACES))
        assert 0 < written.tokens.sum() < written.tokens.size
        assert np.array_equal(state, kept)
        for other in (again, heard):
            assert np.array_equal(other.tokens, written.tokens)
            assert np.array_equal(other.state, written.state)
            assert np.array_equal(other.traces, written.traces)
        state = written.state


def test_what_does_not_fit_is_named(decoder: Decoder) -> None:
    z, prefix = prior(3, 0, 8), np.zeros((STEPS, 88), np.int64)
    noise, state = gumbel(1, 0, 0, STEPS, decoder.streams), np.zeros(100, np.float32)
    with pytest.raises(ValueError, match=r"state has shape \(0,\), expected \(100,\)"):
        decoder.bar(z, prefix, 0, WARM, noise)
    with pytest.raises(ValueError, match="noise has 87 streams, expected 88"):
        decoder.bar(z, prefix, 0, WARM, noise[1:], state=state)
    with pytest.raises(ValueError, match="outside its vocabulary"):
        decoder.bar(z, prefix + 2, 1, WARM, noise, state=state)
    with pytest.raises(ValueError, match=r"temperature has shape \(2,\), expected \(1,\)"):
        decoder.bar(z, prefix, 0, (1.0, 1.0), noise, state=state)


class Crooked(nn.Module):
    """A module that gives something of a shape that it should not have."""

    fault: str

    def __init__(self, fault: str) -> None:
        super().__init__()
        self.fault = fault

    @torch.jit.export
    def begin(self, z: Tensor) -> Tensor:
        """Return a state."""
        return torch.zeros(2, 3) if self.fault == "begin" else torch.zeros(3)

    @torch.jit.export
    def bar(  # noqa: PLR0917 - what the engine calls
        self, z: Tensor, state: Tensor, prefix: Tensor, from_step: int, heat: Tensor, noise: list[Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return a bar."""
        tokens = prefix[1:] if self.fault == "tokens" else prefix
        after = torch.zeros(4) if self.fault == "state" else state
        return tokens, after, torch.zeros(prefix.shape[0], 1 if self.fault == "traces" else 2)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("begin", r"begin gives torch.float32 of shape \(2, 3\), expected float32 in one row"),
        ("tokens", r"codec's bar: bar: tokens has shape \(11, 1\), expected \(12, 1\)"),
        ("state", r"codec's bar: bar: the state after it has shape \(4,\), expected \(3,\)"),
        ("traces", r"codec's bar: bar: traces has shape \(12, 1\), expected \(12, 2\)"),
    ],
)
def test_a_module_of_another_form_is_refused(tmp_path: Path, fault: str, message: str) -> None:
    file = save(Crooked(fault), manifest("melody", "endless", STEPS), tmp_path / "crooked.ts")
    with pytest.raises(DecoderError, match=rf"crooked\.ts: .*{message}"):
        Decoder.load(file)


def test_a_module_that_lacks_what_its_memory_takes_is_refused(tmp_path: Path) -> None:
    contract = replace(manifest("melody", "endless", STEPS), memory="bar", traces=())
    file = save(Wanderer("melody", STEPS), contract, tmp_path / "m.ts")
    with pytest.raises(DecoderError, match=r"m\.ts: module: found no method plan, expected begin, plan, bar"):
        Decoder.load(file)


def ask(performance: Setup, number: int, **changes: object) -> BarRequest:
    return replace(Arranger(performance).request(number), **changes)


def test_a_composer_hears_the_past_that_it_is_told(performance: Setup) -> None:
    composer = Composer(performance.model)
    replies = [reply for _, reply in composer.in_turn(ask(performance, number) for number in range(2))]
    told = composer.reply(ask(performance, 1, past=(replies[0].tokens,)))
    assert (told.tokens, told.state, told.traces) == (replies[1].tokens, replies[1].state, replies[1].traces)
    assert told.states == (replies[0].state,)
    assert [len(values) for values in told.traces] == [STEPS, STEPS]
    anew = composer.reply(ask(performance, 1))
    assert anew.tokens != told.tokens
    with pytest.raises(ValueError, match="prefix has shape"):
        composer.reply(ask(performance, 1, past=(replies[0].tokens[1:],)))
    with pytest.raises(ValueError, match=r"state has shape \(2,\)"):
        composer.reply(ask(performance, 1, state=bytes(8)))


def errand(do: Callable[..., None], *arguments: object) -> tuple[str, object]:
    """Run an errand and return its answer."""
    near, far = Pipe()
    do(far, *arguments)
    kind, answer = near.recv()
    return kind, answer


def test_its_opening_is_written_and_goes_beyond_a_window(performance: Setup, tmp_path: Path) -> None:
    assert errand(errands.opening, performance, 5, str(tmp_path)) == ("done", str(tmp_path / opening.FILE))
    carried = opening.read(tmp_path, performance.manifest)
    assert carried is not None
    assert len(carried.bars) == 5
    plain, opened = (
        Concert(
            decode=Composer(performance.model).reply,
            bars=7,
            manifest=performance.manifest,
            voices=performance.voices,
            opening=begun,
        )
        for begun in (None, carried)
    )
    plain.run()
    opened.run()
    assert [sent.message for sent in opened.notes()] == [sent.message for sent in plain.notes()]
    assert [request.number for request in opened.asked] == [5, 6]
    assert errand(errands.opening, replace(performance, opening=carried), 2, str(tmp_path))[0] == "done"
    again = opening.read(tmp_path, performance.manifest)
    assert again == replace(carried, bars=carried.bars[:2])


def test_it_is_timed_and_not_against_another_familys_loop(performance: Setup) -> None:
    kind, figures = errand(bench.decode, performance, 5)
    assert kind == "done"
    assert isinstance(figures, dict)
    assert figures["bars"] == 5
    kind, reason = errand(bench.decode, performance, 5, True)
    assert (kind, reason) == ("refused", "no plain loop of family 'toy', only of 'musicvae-hierarchical'")
