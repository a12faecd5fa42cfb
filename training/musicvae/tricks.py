"""What each trick of the decoder buys on this machine: `training.musicvae.forms`, timed side by side."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.jit import optimized_execution  # type: ignore[attr-defined]  # it is there, but not in __all__

from training.musicvae.agreement import Reference, compare, reference
from training.musicvae.exported import plan
from training.musicvae.forms import Form, forms
from training.weights import open_model

COMPARED = 32  # bars, at most, on which tokens are compared; those timed are the same ones, in turn
WARM_UP = 3  # bars of each form that do not count
TURN = 5  # bars that a form decodes before the next one has its turn: all but the first find a warm cache
SELDOM = 10  # turns to one of a slow form
HUNDRED = 100  # bars from which on there is a 99th percentile
HEAD = (
    "form",
    "bars",
    "p50 ms",
    "p99 ms",
    "slowest",
    "CPU p50",
    "gain",
    "over",
    "equal steps",
    "on its own",
    "worst of warm-up",
)


class TricksError(Exception):
    """A model that has no bars to time."""


def measure(path: Path, bars: int = 60, say: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Return what every form of the model at `path` takes for a bar, on one thread, over `bars` bars.

    The forms take turns of a few bars, so that a busy moment meets them all; slow ones have a tenth of the
    bars. A line has milliseconds a bar by the clock: median, p99 where there are a hundred bars, slowest; and
    the median of the processor's own, which other programs disturb less. `gain` is that of these over the one
    of the form `beside`. Then the shares of steps whose every token is the float32 Python model's for the
    same noise, along its notes and on the form's own; and the longest of the first calls. A file's int8
    weights count as that model's: give a run to see what rounding changes.
    TricksError: a flat model; else as weights.open_model.
    """
    model, threads = open_model(path), torch.get_num_threads()
    if model.conductor is None:
        raise TricksError(f"{path}: family is 'flat', expected 'hierarchical': a flat model has no bars")
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            say("building the forms")
            known, made = reference(model, min(bars, COMPARED)), forms(model)
            say(f"timing {bars} bars in {len(made)} forms")
            first = [max(_time(form, known, bar)[0] for bar in range(WARM_UP)) for form in made]
            times: list[list[tuple[float, float]]] = [[] for _ in made]
            for turn in range(0, bars, TURN):
                for own, form in zip(times, made, strict=True):
                    if not form.seldom or turn % (SELDOM * TURN) == 0:
                        own += [_time(form, known, bar) for bar in range(turn, min(turn + TURN, bars))]
            say("comparing what they write")
            lines = _lines(made, known, first, times)
    finally:
        torch.set_num_threads(threads)
    return {"model": str(path), "bars": bars, "forms": lines}


def table(figures: Mapping[str, Any]) -> str:
    """Return the figures of `measure` as lines of text."""
    rows = [
        (
            line["form"],
            f"{line['bars']}",
            f"{line['p50_ms']:.2f}",
            "" if line["p99_ms"] is None else f"{line['p99_ms']:.2f}",
            f"{line['slowest_ms']:.2f}",
            f"{line['cpu_p50_ms']:.2f}",
            "" if line["beside"] == line["form"] else f"x {line['gain']:.2f}",
            "" if line["beside"] == line["form"] else line["beside"],
            f"{line['same_steps']:.2%}",
            f"{line['same_on_its_own']:.2%}",
            f"{line['warm_up_worst_ms']:.1f}",
        )
        for line in figures["forms"]
    ]
    widths = [max(map(len, column)) for column in zip(HEAD, *rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in (HEAD, *rows)
    ]
    return "\n".join([f"{figures['model']}: {figures['bars']} bars, one thread", "", *lines])


def _time(form: Form, known: Reference, number: int) -> tuple[float, float]:
    """Return what bar `number` takes in milliseconds, by the clock and of the processor."""
    index = number % len(known.bars)
    bar, noise = known.bars[index], [voice[index] for voice in known.noise]
    prefix, temperature = torch.zeros_like(known.tokens[index]), torch.ones(len(noise))
    with optimized_execution(form.profiling):
        begun, worked = time.perf_counter(), time.thread_time()
        if form.planned:
            code = plan(form.module, known.z[index], max(form.planned, bar + 1))[bar]
        else:
            code = known.codes[index]
        form.module.bar(code, prefix, 0, temperature, noise)
        return (time.perf_counter() - begun) * 1000.0, (time.thread_time() - worked) * 1000.0


def _lines(
    made: Sequence[Form],
    known: Reference,
    first: Sequence[float],
    times: Sequence[Sequence[tuple[float, float]]],
) -> list[dict[str, Any]]:
    """Return a line a form from the milliseconds of its bars, and the worst of those before, `first`."""
    # A gain is one of the figures that stand in the table, to their last digit.
    medians = {form.name: np.median(own, 0).round(2).tolist() for form, own in zip(made, times, strict=True)}
    agreements = {id(form.module): compare(form.module, known) for form in _distinct(made)}
    lines = []
    for form, worst, both in zip(made, first, times, strict=True):
        own = [clock for clock, _ in both]
        agreement = agreements[id(form.module)]
        lines.append(
            {
                "form": form.name,
                "beside": form.beside,
                "bars": len(own),
                "p50_ms": medians[form.name][0],
                "p99_ms": round(float(np.percentile(own, 99)), 2) if len(own) >= HUNDRED else None,
                "slowest_ms": round(max(own), 2),
                "cpu_p50_ms": medians[form.name][1],
                "gain": round(medians[form.beside][1] / medians[form.name][1], 2),
                "same_steps": round(agreement.whole[0], 4),
                "same_on_its_own": round(agreement.whole[1], 4),
                "warm_up_worst_ms": round(worst, 2),
            }
        )
    return lines


def _distinct(made: Sequence[Form]) -> list[Form]:
    return list({id(form.module): form for form in made}.values())
