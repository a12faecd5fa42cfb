"""From what a performance and its witnesses kept to the figures that are shown."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.bar import PPQN, TICKS_PER_PULSE
from engine.bench import percentiles
from engine.snapshot import Measured
from engine.tally import BINS, WIDTH
from engine.witness import Heard


def note_figures(measured: Measured, heard: Heard | None, deaf: str | None, bpm: float) -> dict[str, Any]:
    """Return lateness at the send and, where a second process heard the notes, their jitter; or why not."""
    due, sent = np.frombuffer(measured.due), np.frombuffer(measured.sent)
    notes: dict[str, Any] = {"sent": len(due)}
    figures: dict[str, Any] = {"lateness_ms": percentiles((sent - due) * 1000.0), "notes": notes}
    if heard is None:
        return figures | {"arrival_jitter_ms": None, "arrival_jitter_reason": deaf}
    times, codes = np.frombuffer(heard.times), np.frombuffer(heard.notes, np.uint16).tolist()
    pairs = list(matched(np.frombuffer(measured.notes, np.uint16).tolist(), codes))
    notes |= {"heard": len(codes), "lost": len(due) - len(pairs), "doubled": len(codes) - len(pairs)}
    notes["left on"] = heard.left_on
    if not pairs:
        return figures | {"arrival_jitter_ms": None, "arrival_jitter_reason": "no note was heard"}
    delays = np.array([times[there] - due[here] for here, there in pairs]) * 1000.0
    jitter = percentiles(np.abs(delays - np.median(delays)))
    figures |= {"arrival_jitter_ms": jitter, "arrival_delay_ms": round(float(np.median(delays)), 3)}
    return figures | clock_figures(heard, 60.0 / bpm * TICKS_PER_PULSE / PPQN, measured.stalls)


def clock_figures(heard: Heard, period: float, stalls: Sequence[tuple[float, float]] = ()) -> dict[str, Any]:
    """Return how far the pulses of the clock came from an even one of `period` seconds, while notes came.

    The even clock is the one that lies in the middle of them. `stalls`, as Measured has them, move it; the
    first pulse after each is late by all of it. The drift is by how much it runs away from the monotonic one
    from the first pulse to the last, by the line that fits them best.
    """
    times, pulses = np.frombuffer(heard.times), np.frombuffer(heard.pulses)
    pulses = pulses[(pulses >= times[0]) & (pulses <= times[-1])] if len(times) else pulses[:0]
    if len(pulses) < 2:
        return {"clock_jitter_ms": None, "clock_drift_ms": None}
    even, late = pulses.copy(), np.zeros(len(pulses))
    for resumed, seconds in stalls:
        first = int(np.searchsorted(pulses, resumed))
        even[first:] -= seconds if first else 0.0  # one before the first pulse has moved them all
        late[first : first + 1] += seconds if first else 0.0
    numbers = np.rint((even - even[0]) / period)
    off = even - numbers * period
    lost = int(numbers[-1]) + 1 - len(pulses)
    jitter = np.abs(off - np.median(off) + late) * 1000.0
    drift = 1000.0 * float(np.polyfit(numbers, off, 1)[0] * numbers[-1])
    return {
        "clock_jitter_ms": percentiles(jitter),
        "clock_drift_ms": round(drift, 3),
        "clock_pulses_lost": lost,
    }


def stall_figures(measured: Measured) -> dict[str, Any]:
    """Return how often, and how long, the music stood because the machine did."""
    stood = [1000.0 * seconds for _, seconds in measured.stalls]
    stalled = {"sum": round(sum(stood, 0.0), 1), "longest": round(max(stood, default=0.0), 1)}
    return {"stalls": len(stood), "stalled_ms": stalled}


def matched(sent: list[int], heard: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (place in `sent`, place in `heard`) of each note that was both, in order."""
    if sent == heard:
        yield from ((place, place) for place in range(len(sent)))
        return
    for here, there, size in SequenceMatcher(None, sent, heard, autojunk=False).get_matching_blocks():
        yield from ((here + offset, there + offset) for offset in range(size))


def knob_figures(measured: Measured, hand: str, sent: int) -> dict[str, Any]:
    """Return how soon the moves of the knobs were heard, of which `hand` has sent so many."""
    counts = np.frombuffer(measured.knob_to_note, np.uint32)
    return {
        "knob_to_note_ms": counted(counts, measured.knob_to_note_worst),
        "knob_to_note_n": int(counts.sum(dtype=np.int64)),
        "knob_missed_steps": measured.knob_missed_steps,
        "knob_steps": measured.knob_steps,
        "knob_moves": measured.knob_moves,
        "knob_sent": sent,
        "knob_heard": measured.knob_heard,
        "knobs_moved_by": hand,
    }


def counted(counts: NDArray[np.uint32], worst: float) -> dict[str, float] | None:
    """Return p50 and p99 to a tenth of a millisecond, and the `worst` of times that a Tally has counted."""
    so_far = np.cumsum(counts, dtype=np.int64)
    if not so_far[-1]:
        return None
    found = {"max": round(1000.0 * worst, 3)}
    for name, share in (("p99", 0.99), ("p50", 0.5)):
        place = int(np.searchsorted(so_far, share * so_far[-1]))
        longest = place == BINS - 1  # where everything longer is counted as well
        found = {name: found["max"] if longest else round(1000.0 * WIDTH * place, 1)} | found
    return found


def growth(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return by how many MiB each process has grown, None where it is not told."""
    found: dict[str, float | None] = {}
    for name, size in after.items():
        earlier = before.get(name)
        found[name] = None if size is None or earlier is None else round(size - earlier, 1)
    return found
