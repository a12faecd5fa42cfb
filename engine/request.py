"""What player and composer say to each other: bars asked for, bars written, and how the composer is."""

from dataclasses import dataclass

Tokens = tuple[tuple[int, ...], ...]  # of one bar, (steps, columns)
# How a human plays the drums of one bar: (step, class, velocity, ticks after the step) of each hit, in order.
Hits = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class BarRequest:
    """Ask for bar `bar` of the window under `z`, from step `from_step` on.

    `prefix` (steps, columns) holds the tokens already played, rows before `from_step` only are read.
    `number` counts bars since the start of the performance and `revision` the state of the knobs;
    both come back with the reply. `temperature` has one value a voice. `z` is float32 bytes, (z_size,).
    Of a model whose bars go on from each other, `past` holds the bars just before this one, oldest first,
    that have been or will be played since the model was in `state`, float32 bytes; empty, it begins there.
    Where a feel plays the drums, its own state stands behind the model's, whose bars may stand alone.
    """

    number: int
    revision: int
    loop: int
    bar: int
    from_step: int
    prefix: Tokens
    z: bytes
    temperature: tuple[float, ...]
    seed: int
    state: bytes = b""
    past: tuple[Tokens, ...] = ()


@dataclass(frozen=True, slots=True)
class BarReply:
    """The tokens (steps, columns) of the bar asked for, prefix included, and what they cost.

    `state` is the model's after the bar, `states` are those after each bar of the request's past, and
    `traces` (traces, steps) what the bar's steps report; all are empty of a model whose bars stand alone,
    but for the state of a feel. `hits` are how that plays the bar's drums, none where there is no feel.
    """

    number: int
    revision: int
    from_step: int
    tokens: Tokens
    decode_ms: float
    state: bytes = b""
    states: tuple[bytes, ...] = ()
    traces: tuple[tuple[float, ...], ...] = ()
    hits: Hits = ()


@dataclass(frozen=True, slots=True)
class ComposerState:
    """The composer is "loading" or "ready", or `detail` says why it is "dead" until replaced or "failed"."""

    state: str
    detail: str = ""
