"""The status lines: what to do or know now, and how ports, composer and clock fare."""

from dataclasses import dataclass

from engine.snapshot import Snapshot
from live.theme import DIM, GO, LEARN, STOP, TEXT
from live.widgets.cells import shorten, width
from live.widgets.paint import Canvas, Painted

MORE = " (i: all)"
ALARM = "#8c1d1d"  # behind trouble
LATE_MS = 10.0  # lateness that a listener may notice


@dataclass(frozen=True, slots=True)
class StatusState:
    """What the status lines show; `kind` of the first line is "hint", "learn", "notice" or "trouble"."""

    kind: str
    line: str
    out_port: str
    in_port: str
    composer: str
    late_bars: int
    lateness_ms: float
    decode_ms: float
    recording: str | None
    sync: str


class Status(Painted):
    """Two lines: words, then figures; a third with the input and the recording where there is room."""

    def __init__(self) -> None:
        super().__init__(id="status")
        self._state: StatusState | None = None

    def show(self, kind: str, line: str, snapshot: Snapshot | None) -> None:
        """Take the line of words, and the figures of `snapshot`."""
        if snapshot is None:
            state = StatusState(kind, line, "", "", "", 0, 0.0, 0.0, None, "")
        else:
            state = StatusState(
                kind,
                line,
                snapshot.out_port,
                snapshot.in_port,
                snapshot.composer,
                snapshot.late_bars,
                round(snapshot.lateness_ms, 1),
                round(snapshot.decode_ms, 1),
                snapshot.recording,
                snapshot.sync,
            )
        if state != self._state:
            self._state = state
            self.repaint()

    def paint(self, canvas: Canvas) -> None:
        """Draw the lines."""
        state = self._state
        if state is None:
            return
        line = _fitting(state.kind, state.line, canvas.width - 2)
        if state.kind == "trouble":
            canvas.text(0, 0, " " * canvas.width, behind=ALARM)
            canvas.text(1, 0, line, TEXT, bold=True, behind=ALARM)
        else:
            colour = {"hint": DIM, "learn": LEARN, "notice": TEXT}[state.kind]
            canvas.text(1, 0, line, colour, bold=state.kind != "hint")
        if not state.composer:
            canvas.text(1, 1, "Waiting for the player …", DIM)
            return
        wide = canvas.width >= 120
        health: tuple[tuple[str, str], ...] = (
            (f"● composer {state.composer}" if wide else f"● {state.composer}", _colour(state.composer)),
            (f"{state.decode_ms:.1f} ms{' decode' if wide else ''}", DIM),
            (f"{state.late_bars} late{' bars' if wide else ''}", STOP if state.late_bars else DIM),
            (
                f"{'clock ' if wide else ''}+{state.lateness_ms:.1f} ms",
                STOP if state.lateness_ms > LATE_MS else DIM,
            ),
        )
        if state.sync:
            sync = state.sync if wide else state.sync.partition(",")[0]
            health = ((f"⇄ {sync}", _colour(sync.partition(" ")[0])), *health)
        room = sum(width(text) + 2 for text, _ in health)
        x = canvas.width - room
        for text, colour in health:
            x = canvas.text(x, 1, text, colour) + 2
        free = canvas.width - room - 2
        ports, heard = f"▸ {state.out_port}", f"   ◂ {state.in_port}" if state.in_port else ""
        if canvas.height > 2:
            details = [heard.strip()] if heard else []
            details += [f"● {state.recording}"] if state.recording else []
            canvas.text(1, 2, shorten("   ".join(details), canvas.width - 2), DIM)
        elif width(ports + heard) <= free:
            ports += heard
        canvas.text(1, 1, shorten(ports, free), TEXT if state.out_port else DIM)


def _fitting(kind: str, line: str, room: int) -> str:
    """Return `line` cut to `room` cells; where that cuts off words, the key that shows them all."""
    if width(line) <= room or kind not in ("notice", "trouble"):
        return shorten(line, room)
    return shorten(line, room - len(MORE)) + MORE


def _colour(state: str) -> str:
    """Return the colour of what is well, what is on its way, and what is not well."""
    colours = {"ready": GO, "locked": GO, "Link": GO, "loading": DIM, "locking": LEARN, "waiting": LEARN}
    return colours.get(state, STOP)
