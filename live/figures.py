"""From what a performance and its witnesses kept to the figures that are shown."""

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

import numpy as np

from engine.bar import PPQN, TICKS_PER_PULSE
from engine.bench import percentiles
from engine.messages import Measured
from engine.witness import Heard


def note_figures(measured: Measured, heard: Heard | None, deaf: str | None, bpm: float) -> dict[str, Any]:
    """Return lateness at the send and, where a second process heard the notes, their jitter; or why not."""
    due, sent = np.frombuffer(measured.due), np.frombuffer(measured.sent)
    notes: dict[str, Any] = {"sent": len(due) + measured.notes_dropped}
    figures: dict[str, Any] = {"lateness_ms": percentiles((sent - due) * 1000.0), "notes": notes}
    if heard is None:
        return figures | {"arrival_jitter_ms": None, "arrival_jitter_reason": deaf}
    times, codes = np.frombuffer(heard.times), np.frombuffer(heard.notes, np.uint16).tolist()
    pairs = list(matched(np.frombuffer(measured.notes, np.uint16).tolist(), codes))
    # Of notes beyond those that the player keeps nothing can be told.
    known = pairs[-1][1] + 1 if measured.notes_dropped and pairs else len(codes)
    notes |= {"heard": len(codes), "lost": len(due) - len(pairs), "doubled": known - len(pairs)}
    notes["left on"] = heard.left_on
    if not pairs:
        return figures | {"arrival_jitter_ms": None, "arrival_jitter_reason": "no note was heard"}
    delays = np.array([times[there] - due[here] for here, there in pairs]) * 1000.0
    jitter = percentiles(np.abs(delays - np.median(delays)))
    figures |= {"arrival_jitter_ms": jitter, "arrival_delay_ms": round(float(np.median(delays)), 3)}
    return figures | clock_figures(heard, 60.0 / bpm * TICKS_PER_PULSE / PPQN)


def clock_figures(heard: Heard, period: float) -> dict[str, Any]:
    """Return how far the pulses of the clock came from an even one of `period` seconds, while notes came.

    The even clock is the one that lies in the middle of them. The drift is by how much it runs away from the
    monotonic one from the first pulse to the last, by the line that fits them best.
    """
    times, pulses = np.frombuffer(heard.times), np.frombuffer(heard.pulses)
    pulses = pulses[(pulses >= times[0]) & (pulses <= times[-1])] if len(times) else pulses[:0]
    if len(pulses) < 2:
        return {"clock_jitter_ms": None, "clock_drift_ms": None}
    numbers = np.rint((pulses - pulses[0]) / period)
    off = (pulses - numbers * period) * 1000.0
    lost = int(numbers[-1]) + 1 - len(pulses)
    drift = float(np.polyfit(numbers, off, 1)[0] * numbers[-1])
    return {
        "clock_jitter_ms": percentiles(np.abs(off - np.median(off))),
        "clock_drift_ms": round(drift, 3),
        "clock_pulses_lost": lost,
    }


def matched(sent: list[int], heard: list[int]) -> Iterator[tuple[int, int]]:
    """Yield (place in `sent`, place in `heard`) of each note that was both, in order."""
    if sent == heard:
        yield from ((place, place) for place in range(len(sent)))
        return
    for here, there, size in SequenceMatcher(None, sent, heard, autojunk=False).get_matching_blocks():
        yield from ((here + offset, there + offset) for offset in range(size))


def knob_figures(measured: Measured, hand: str) -> dict[str, Any]:
    """Return how soon the moves of the knobs were heard."""
    waits = 1000.0 * np.frombuffer(measured.knob_to_note)
    worst = {"max": round(1000.0 * measured.knob_to_note_worst, 3)}  # also of those beyond what is kept
    found = percentiles(waits.tolist()) | worst if len(waits) else None
    return {
        "knob_to_note_ms": found,
        "knob_missed_steps": measured.knob_missed_steps,
        "knob_steps": measured.knob_steps,
        "knob_moves": measured.knob_moves,
        "knobs_moved_by": hand,
    }


def growth(before: Mapping[str, float | None], after: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return by how many MiB each process has grown, None where it is not told."""
    found: dict[str, float | None] = {}
    for name, size in after.items():
        earlier = before.get(name)
        found[name] = None if size is None or earlier is None else round(size - earlier, 1)
    return found
