"""The transport: playing or not, where in the music, the beat, the tempo, the loop and the recording."""

from dataclasses import dataclass

from textual import events

from engine.bar import BEATS_PER_BAR, STEPS_PER_BEAT, TICKS_PER_STEP
from engine.snapshot import Snapshot
from live.theme import ACCENT, BACKGROUND, DIM, GO, STOP, TEXT, TRACK
from live.widgets import digits
from live.widgets.cells import shorten, width
from live.widgets.paint import Canvas, Painted


@dataclass(frozen=True, slots=True)
class TransportState:
    """What the transport shows; `step` counts sixteenths since the first note, negative before it.

    `offset_ms` is that of the output in use and `count_in` the bars counted at each start.
    """

    playing: bool
    bpm: float
    step: int
    window_bar: int
    window_bars: int
    loop: int
    seed: int
    recording: bool
    offset_ms: float = 0.0
    count_in: int = 0


class Transport(Painted):
    """Large enough to read from afar; its parts answer the mouse."""

    def __init__(self, title: str, window_bars: int, bpm: float, seed: int) -> None:
        super().__init__(id="transport")
        self._title = title
        self._state = TransportState(False, bpm, 0, 0, window_bars, 0, seed, False)
        self._regions: list[tuple[int, int, str]] = []  # first and last column, what it does
        self.tooltip = "Click to play, stop or record; turn the wheel over the tempo"

    def show(self, snapshot: Snapshot, bpm: float) -> None:
        """Take the player's word, and the tempo as asked for."""
        state = TransportState(
            snapshot.playing,
            bpm,
            snapshot.tick // TICKS_PER_STEP,
            snapshot.window_bar,
            self._state.window_bars,
            snapshot.loop,
            snapshot.seed,
            snapshot.recording is not None,
            snapshot.offset_ms,
            snapshot.count_in,
        )
        if state != self._state:
            self._state = state
            self.repaint()

    async def on_click(self, event: events.Click) -> None:
        """Play, stop, record or tap where the mouse is."""
        action = self._at(event.x)
        if action:
            await self.app.run_action(f"do({action!r})")

    async def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Raise the tempo."""
        if self._at(event.x) == "tap":
            await self.app.run_action("do('bpm', 1)")

    async def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Lower the tempo."""
        if self._at(event.x) == "tap":
            await self.app.run_action("do('bpm', -1)")

    def _at(self, x: int) -> str:
        return next((action for first, last, action in self._regions if first <= x <= last), "")

    def paint(self, canvas: Canvas) -> None:
        """Draw from the left: state, position, beats and loop, tempo, recording and seed."""
        state = self._state
        tall = canvas.height >= 5
        top = 1 if tall else 0
        gap = max(1, (canvas.width - 76) // 4)
        back, word = (GO, "▶ PLAY") if state.playing else (TRACK, "■ STOP")
        block = 9 if not tall else 11
        for row in range(canvas.height):
            canvas.text(0, row, " " * block, behind=back)
        front = BACKGROUND if state.playing else TEXT
        canvas.text((block - 6) // 2, canvas.height // 2, word, front, bold=True)
        if state.count_in:
            canvas.text(1, 0, f"count {state.count_in}", front)
        if state.offset_ms:
            canvas.text(1, canvas.height - 1, f"{state.offset_ms:+.4g} ms", front)
        x = block + gap
        if tall:
            canvas.text(x, 0, "BAR . BEAT . STEP", DIM)
        digits.draw(canvas, x, top, position(state.step), TEXT)
        x += 26 + gap
        self._beats(canvas, x, top, tall)
        x += 16 + gap
        if tall:
            canvas.text(x, 0, "BPM", DIM)
        bpm = f"{state.bpm:.1f}".removesuffix(".0")
        end = digits.draw(canvas, x, top, bpm, ACCENT)
        if not tall:
            canvas.text(end, top + 2, "BPM", DIM)
        right = canvas.width - 11
        self._regions = [(0, block - 1, "play"), (x, end + 2, "tap"), (right, canvas.width, "record")]
        if tall:
            name = shorten(self._title.upper(), 24)
            canvas.text(canvas.width - width(name) - 1, 0, name, ACCENT, bold=True)
        if state.recording:
            canvas.text(right, top, " ● REC ", BACKGROUND, bold=True, behind=STOP)
        else:
            canvas.text(right, top, " ○ rec", DIM)
        canvas.text(right, top + 1, shorten(f" seed {state.seed}", 11), DIM)
        canvas.text(right, top + 2, f" loop {state.loop + 1}", DIM)

    def _beats(self, canvas: Canvas, x: int, top: int, tall: bool) -> None:
        state = self._state
        if tall:
            canvas.text(x, 0, "BEAT", DIM)
        beat = state.step // STEPS_PER_BEAT % BEATS_PER_BAR
        for light in range(BEATS_PER_BAR):
            lit = light == beat and state.playing
            colour = (GO if light == 0 else TEXT) if lit else TRACK
            for row in range(2 if tall else 1):
                canvas.text(x + 4 * light, top + row, "███", colour)
        loop = f"{state.window_bar + 1:>2}/{state.window_bars}"
        canvas.text(x, top + 2, loop, DIM)
        room = 15 - len(loop) - 1
        filled = round((state.window_bar + 1) / max(1, state.window_bars) * room)
        for cell in range(room):
            canvas.put(x + len(loop) + 1 + cell, top + 2, "━", ACCENT if cell < filled else TRACK)


def position(step: int) -> str:
    """Return bar, beat and sixteenth of a step as a performer counts them: bar -1 leads to bar 1."""
    per_bar = BEATS_PER_BAR * STEPS_PER_BEAT
    bar, beat, cell = step // per_bar, step % per_bar // STEPS_PER_BEAT, step % STEPS_PER_BEAT
    number = bar % 1000 + 1 if bar >= 0 else max(bar, -99)
    return f"{number}.{beat + 1}.{cell + 1}"
