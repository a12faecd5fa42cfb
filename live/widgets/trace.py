"""What a model reports of its own steps, such as the KL: a line in time with the piano roll above it."""

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.bar import TICKS_PER_BAR
from engine.snapshot import Snapshot
from live.roll import PLAYHEAD, first_column, peaks
from live.theme import BACKGROUND, DIM, TEXT, blend, voice_colour
from live.widgets.cells import plain, shorten
from live.widgets.lane import ground
from live.widgets.paint import Canvas, Painted

EIGHTHS = " ▁▂▃▄▅▆▇█"
KEPT = 8  # bars, more than the widest lane shows of the past
MEANINGS = {  # in the words of the VRNN's paper, Figure 2
    "kl": "KL, nats a step: how far what was played lies from what the model expected",
    "latent change": "how far each step moved the model's latent: high where the music turns",
}
Bars = dict[int, tuple[float, ...]]


class TraceName(Painted):
    """The name of the figure and its value now, in the strip's place."""

    def __init__(self, label: str, colour: str) -> None:
        super().__init__(classes="strip")
        self._label = label
        self._colour = colour
        self._value: float | None = None

    def show(self, value: float | None) -> None:
        """Take the figure of the step that plays, None for none."""
        if value != self._value:
            self._value = value
            self.repaint()

    def paint(self, canvas: Canvas) -> None:
        """Draw both on one row."""
        for row in range(canvas.height):
            canvas.put(0, row, "▌", self._colour)
        value = "" if self._value is None else f"{self._value:.3g}"
        canvas.text(2, 0, shorten(self._label.upper(), canvas.width - len(value) - 4), DIM, bold=True)
        canvas.text(canvas.width - len(value) - 1, 0, value, TEXT, bold=True)


class TraceLane(Painted):
    """A column a step, as high as its figure beside the largest that is shown."""

    def __init__(self, colour: str) -> None:
        super().__init__(classes="lane")
        self._colour = colour
        self._bars: Bars = {}
        self._tick = 0
        self._shown: object = None

    def show(self, bars: Bars, tick: int) -> None:
        """Take the figures of each bar's steps and the moment."""
        shown = (first_column(tick, max(1, self.size.width)), bars)
        if shown != self._shown:
            self._shown, self._bars, self._tick = shown, bars, tick
            self.repaint()

    def paint(self, canvas: Canvas) -> None:
        """Draw the columns and the playhead."""
        if not canvas.width or not canvas.height:
            return
        head = int(canvas.width * PLAYHEAD)
        found = peaks(self._bars, self._tick, canvas.width)
        top = max((value for value in found if value is not None), default=0.0)
        for column, value in enumerate(found):
            behind = ground(self._tick, canvas.width, column)
            # what is past sinks back, and what is to come stands a little behind what is now
            sunk = 0.0 if column == head else 0.5 if column < head else 0.3
            colour = TEXT if column == head else blend(self._colour, BACKGROUND, sunk)
            parts = 0 if value is None or top <= 0 else round(value / top * (8 * canvas.height - 1)) + 1
            for row in range(canvas.height):
                above = 8 * (canvas.height - 1 - row)
                canvas.put(column, row, EIGHTHS[min(8, max(0, parts - above))], colour, behind)


class Trace(Horizontal):
    """One figure of a model, with its name; it keeps those of the bars that have been played."""

    def __init__(self, number: int, name: str) -> None:
        super().__init__(id=f"trace-{number}", classes="trace")
        self._trace = name
        self._colour = voice_colour(number + 1)
        self._bars: Bars = {}
        self.tooltip = Text(MEANINGS.get(name, plain(f"{name}, which the model reports of each step")))

    def compose(self) -> ComposeResult:
        """Put the name to the left of the lane."""
        yield TraceName(self._trace, self._colour)
        yield TraceLane(self._colour)

    def show(self, snapshot: Snapshot) -> None:
        """Take the snapshot's figures of the bar that plays; those of bars to come are not known."""
        number = max(0, snapshot.tick // TICKS_PER_BAR)
        steps = snapshot.traces.get(self._trace, ())
        kept = {bar: own for bar, own in self._bars.items() if number - KEPT < bar < number}
        self._bars = kept | ({number: steps} if steps else {})
        within = max(0, snapshot.tick) % TICKS_PER_BAR
        now = steps[within * len(steps) // TICKS_PER_BAR] if steps and snapshot.playing else None
        self.query_one(TraceName).show(now)
        self.query_one(TraceLane).show(self._bars, snapshot.tick)
