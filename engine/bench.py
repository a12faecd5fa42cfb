"""How long a bar takes to decode, beside the plain PyTorch loop if asked: an errand for `live bench`."""

import itertools
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from engine.latent import prior
from engine.noise import gumbel
from engine.request import BarRequest
from engine.setup import Setup

if TYPE_CHECKING:  # loads torch
    from engine.composer import Composer

WARM_UP = 8  # bars that do not count: the first ones pay for lazy initialisation


def requests(setup: Setup) -> Iterator[BarRequest]:
    """Yield requests for whole bars without end.

    Every window has a latent of its own, so that a bar that begins one pays for its plan, as in a performance
    whose knobs move.
    """
    manifest = setup.manifest
    for number in itertools.count():
        window, bar = divmod(number, manifest.bars)
        yield BarRequest(
            number=number,
            revision=0,
            loop=window,
            bar=bar,
            from_step=0,
            prefix=(),
            z=prior(setup.seed, window, manifest.z_size).tobytes(),
            temperature=(1.0,) * len(manifest.voices),
            seed=setup.seed,
        )


def decode(reply: Connection, setup: Setup, bars: int, against: bool = False) -> None:
    """Answer with milliseconds: loading, the slowest warm-up bar, and p50, p99, worst of `bars` bars.

    `against` decodes every bar by the plain loop as well, one right after the other.
    """
    begun = time.perf_counter()
    from engine.composer import Composer  # loads torch, which is part of loading
    from engine.module import DecoderError

    try:
        composer = Composer(setup.model, setup.feel_file)
        load = (time.perf_counter() - begun) * 1000.0
        rival = Rival(composer, setup) if against else None
    except DecoderError as error:
        reply.send(("refused", str(error)))
        return
    times, ratios = [], []
    for request, answer in itertools.islice(composer.in_turn(requests(setup)), WARM_UP + bars):
        times.append(answer.decode_ms)
        if rival is not None:
            ratios.append(rival.answer(request, answer.tokens) / answer.decode_ms)
    figures: dict[str, Any] = {
        "bars": bars,
        "load_ms": round(load, 1),
        "warm_up_worst_ms": round(max(times[:WARM_UP]), 3),
        "decode_ms_per_bar": percentiles(times[WARM_UP:], "worst"),
    }
    if rival is not None:
        figures["against"] = rival.figures(float(np.median(ratios[WARM_UP:])))
    reply.send(("done", figures))


class Rival:
    """The plain loop of the composer's own weights, and how its tokens compare."""

    def __init__(self, composer: "Composer", setup: Setup) -> None:
        from engine.modelfile import opened
        from engine.plain import PlainLoop

        decoder = composer.decoder
        self._steps, self._streams = setup.manifest.steps_per_bar, decoder.streams
        self._loop = PlainLoop(opened(setup.model), setup.manifest, decoder.vocabularies)
        self._z = b""
        self._plan: Any = None  # (bars, code)
        self._times: list[float] = []
        self._same: list[float] = []

    def answer(self, request: BarRequest, tokens: Sequence[Sequence[int]]) -> float:
        """Decode `request`, to which the composer gave `tokens`, and return milliseconds."""
        begun = time.perf_counter()
        if request.z != self._z:
            self._plan, self._z = self._loop.plan(np.frombuffer(request.z, np.float32)), request.z
        noise = gumbel(request.seed, request.loop, request.bar, self._steps, self._streams)
        own = self._loop.bar(self._plan[request.bar], request.temperature, noise)
        self._times.append((time.perf_counter() - begun) * 1000.0)
        self._same.append(float((own == np.array(tokens)).mean()))
        return self._times[-1]

    def figures(self, ratio: float) -> dict[str, Any]:
        """Return the times, `ratio`, and the share of tokens that are the same for the same noise."""
        return {
            "plain_loop_ms_per_bar": percentiles(self._times[WARM_UP:], "worst"),
            "ratio_p50": round(ratio, 2),
            "same_tokens": round(float(np.mean(self._same[WARM_UP:])), 4),
        }


def percentiles(samples: ArrayLike, last: str = "max") -> dict[str, float]:
    """Return p50, p99 and the largest, called `last`, of milliseconds, to the microsecond."""
    values = np.asarray(samples, np.float64)
    found = {"p50": np.percentile(values, 50), "p99": np.percentile(values, 99), last: values.max()}
    return {name: round(float(value), 3) for name, value in found.items()}
