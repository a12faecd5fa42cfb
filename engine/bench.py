"""How long a bar takes to decode: an errand for `live bench`."""

import time
from multiprocessing.connection import Connection

import numpy as np

from engine.latent import prior
from engine.messages import BarRequest
from engine.setup import Setup

WARM_UP = 8  # bars that do not count: the first ones pay for lazy initialisation


def decode(reply: Connection, setup: Setup, bars: int) -> None:
    """Answer with milliseconds: loading, the slowest warm-up bar, and p50, p99, worst of `bars` bars.

    Every window has a latent of its own, so that a bar that begins one pays for its plan, as in a performance
    whose knobs move.
    """
    begun = time.perf_counter()
    from engine.composer import Composer  # loads torch, which is part of loading
    from engine.decoder import DecoderError

    try:
        composer = Composer(setup.model)
    except DecoderError as error:
        reply.send(("refused", str(error)))
        return
    load = (time.perf_counter() - begun) * 1000.0
    manifest = setup.manifest
    times = []
    for number in range(WARM_UP + bars):
        window = number // manifest.bars
        request = BarRequest(
            number=number,
            revision=0,
            loop=window,
            bar=number % manifest.bars,
            from_step=0,
            prefix=(),
            z=prior(setup.seed, window, manifest.z_size).tobytes(),
            temperature=(1.0,) * len(manifest.voices),
            seed=setup.seed,
        )
        times.append(composer.reply(request).decode_ms)
    warm, cold = np.array(times[WARM_UP:]), times[:WARM_UP]
    figures = {
        "load_ms": load,
        "warm_up_worst_ms": max(cold),
        "bars": bars,
        "p50_ms": float(np.percentile(warm, 50)),
        "p99_ms": float(np.percentile(warm, 99)),
        "worst_ms": float(warm.max()),
    }
    reply.send(("done", {name: round(value, 3) for name, value in figures.items()}))
