"""The one line that tells the performer what matters most right now."""

from collections.abc import Callable
from typing import Protocol

from engine.snapshot import Snapshot

SILENCE = 3.0  # seconds without a snapshot after which the screen says so
START = 20.0  # and before the first one, on a machine that is busy loading


class Turned(Protocol):
    """A parameter in hand: its name, what it does, its value, and its controller with where that stands."""

    label: str
    hint: str
    value: float
    bound: str
    waiting: float | None
    learning: bool


def foremost(
    trouble: str | None, learning: bool, notice: Callable[[], str], turned: Turned | None, tip: str
) -> tuple[str, str]:
    """Return the kind of line that matters most, "trouble", "learn", "notice" or "hint", and the line.

    `notice` returns the next one or nothing; it is asked only if it would be shown.
    """
    if trouble:
        return "trouble", trouble
    if learning:
        return "learn", learn(turned)
    if line := notice():
        return "notice", line
    return "hint", tip if turned is None else hint(turned)


def trouble(snapshot: Snapshot | None, lost: str | None, silent: float) -> str | None:
    """Return what is wrong with the engine in plain words, or None.

    `lost` is why the link broke, `silent` the seconds since the player was last heard.
    """
    if lost is not None:
        return f"The player is gone: {lost}. Nothing plays any more; q leaves."
    if snapshot is not None and snapshot.finished:
        what = "failed" if snapshot.failed else "ended"
        why = f": {snapshot.notices[-1]}" if snapshot.notices else "."
        return f"The performance has {what} (q leaves){why}"
    if silent > (START if snapshot is None else SILENCE):
        return f"The player has not answered for {silent:.0f} s. It may still play; q leaves."
    if snapshot is not None and snapshot.composer == "dead":
        if not snapshot.playing:
            return f"Nothing can be played, the composer has stopped: {newest(snapshot)}"
        return f"The last bar repeats, the composer has stopped: {newest(snapshot)}"
    return None


def newest(snapshot: Snapshot) -> str:
    """Return the newest notice of the player."""
    return snapshot.notices[-1] if snapshot.notices else "no reason was given"


def learn(turned: Turned | None) -> str:
    """Return what to do while learning, with the parameter in hand if there is one."""
    if turned is None:
        return "LEARN: focus a parameter, then move a control. l leaves."
    if turned.bound and not turned.learning:
        return f"LEARN: {turned.label} is on {turned.bound}. Focus the next parameter, or l to leave."
    return f"LEARN: move a control for {turned.label}, then focus the next parameter. l leaves."


def hint(turned: Turned) -> str:
    """Return what the parameter in hand is for and how its controller stands."""
    line = f"{turned.label}: {turned.hint}" if turned.hint else turned.label
    bound, waiting, value = turned.bound, turned.waiting, turned.value
    if bound and waiting is not None:
        way = "up" if waiting < value else "down"
        return f"{line}   {bound} stands at {waiting * 100:.0f}: move it {way} to {value * 100:.0f}"
    return f"{line}   {bound}" if bound else line
