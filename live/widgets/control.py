"""What a dial and a slider have in common: a value from 0 to 1, keys, mouse, and their part in learning."""

import re
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from live.theme import DIM, LEARN
from live.widgets.cells import plain
from live.widgets.paint import Painted

FINE, STEP, COARSE = 0.01, 0.02, 0.1
ECHO_SECONDS = 0.4  # how long what was asked for outweighs snapshots that do not know of it yet


class Control(Painted, can_focus=True):
    """One parameter of the performance as something to turn.

    Posts Moved when the performer turns it; `show` takes what the player says.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "turn(0.02)", "Turn up", show=False, id="control.up", tooltip="Up by 2"),
        Binding("down", "turn(-0.02)", "Turn down", show=False, id="control.down", tooltip="Down by 2"),
        Binding("shift+up", "turn(0.01)", "Up a little", show=False, id="control.up_fine", tooltip="Up by 1"),
        Binding(
            "shift+down",
            "turn(-0.01)",
            "Down a little",
            show=False,
            id="control.down_fine",
            tooltip="Down by 1",
        ),
        Binding("pageup", "turn(0.1)", "Up a lot", show=False, id="control.up_coarse", tooltip="Up by 10"),
        Binding(
            "pagedown", "turn(-0.1)", "Down a lot", show=False, id="control.down_coarse", tooltip="Down by 10"
        ),
        Binding(
            "home", "reset", "Back to its start", show=False, id="control.reset", tooltip="The preset's value"
        ),
    ]

    @dataclass
    class Moved(Message):
        """The performer turned `parameter` to `value`, 0 to 1."""

        parameter: str
        value: float

    @dataclass
    class Touched(Message):
        """The performer put a hand or the focus on `parameter`."""

        parameter: str

    def __init__(self, parameter: str, label: str, start: float, hint: str) -> None:
        super().__init__(id=parameter)
        self.parameter = parameter
        self.label = plain(label)
        self.start = start
        self.hint = plain(hint)
        self.value = start
        self.bound = ""  # the controller, such as "ch 1 CC 74"
        self.waiting: float | None = None  # where the controller stands until it meets the value
        self.learning = False
        self._held_until = 0.0
        self.tooltip = Text(self.hint)  # no markup

    def show(self, value: float, bound: str, waiting: float | None, learning: bool) -> None:
        """Take the player's word, unless the performer's hand is on the control right now."""
        if monotonic() < self._held_until and abs(value - self.value) > 1e-6:
            value = self.value
        now = (value, bound, waiting, learning)
        if now != (self.value, self.bound, self.waiting, self.learning):
            self.value, self.bound, self.waiting, self.learning = now
            self.repaint()

    def controller(self, room: int) -> tuple[str, str]:
        """Return what to show of the controller within `room` cells, and the colour to show it in."""
        if self.learning:
            return "LEARN", LEARN
        if self.bound and self.waiting is not None:
            return f"{'▲' if self.waiting < self.value else '▼'} pick up", LEARN
        # "ch 10 CC 102" becomes "ch10 CC102" on a small screen
        return (self.bound if len(self.bound) <= room else re.sub(r" (\d)", r"\1", self.bound)), DIM

    def move(self, value: float) -> None:
        """Turn to `value`, kept within 0 to 1, and say so."""
        value = min(1.0, max(0.0, round(value, 4)))
        self._held_until = monotonic() + ECHO_SECONDS
        if value != self.value:
            self.value = value
            self.repaint()
            self.post_message(self.Moved(self.parameter, value))

    def action_turn(self, amount: float) -> None:
        """Turn by `amount`."""
        self.move(self.value + amount)

    def action_reset(self) -> None:
        """Turn back to where the preset starts."""
        self.move(self.start)

    def on_focus(self) -> None:
        """Say that this parameter is the one in hand."""
        self.repaint()
        self.post_message(self.Touched(self.parameter))

    def on_blur(self) -> None:
        """Lose the mark of the focus."""
        self.repaint()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold."""
        self.capture_mouse()
        self.grasp(event)

    def on_mouse_up(self) -> None:
        """Let go."""
        self.release_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Turn while held."""
        if self.app.mouse_captured is self:
            self.drag(event)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Turn up."""
        event.stop()
        self.move(self.value + STEP)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Turn down."""
        event.stop()
        self.move(self.value - STEP)

    def on_click(self, event: events.Click) -> None:
        """Go back to the start on a double click."""
        if event.chain == 2:
            self.action_reset()

    def grasp(self, event: events.MouseDown) -> None:
        """Answer the first touch of the mouse; a slider jumps there, a dial does not."""

    def drag(self, event: events.MouseMove) -> None:
        """Answer the mouse while it is held down."""
