"""What opens over the stage: the help, the notices, and a line to type a value into."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from live.theme import ACCENT, DIM, TEXT
from live.widgets.cells import plain

CONTROLS = (
    ("tab, ← →", "Go from one parameter to the next; the mouse wheel and dragging turn them too."),
    ("↑ ↓", "Turn the focused parameter; with shift a little, page up and down a lot."),
    ("home", "Back to the preset's value (or double-click)."),
    ("↑ ↓ enter", "On a voice: its channel, and mute."),
    ("ctrl+p", "The palette: every action by name."),
)


class Help(ModalScreen[None]):
    """Every key, below what the performer plays: `title` and `description` of the preset."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape,question_mark,q,space", "dismiss", "Back", id="help.back", tooltip="Back to the stage"
        )
    ]

    def __init__(self, keys: Iterable[Binding], title: str, description: str) -> None:
        super().__init__()
        self._keys = list(keys)
        self._about = (plain(title), plain(description))

    def compose(self) -> ComposeResult:
        """Show a table of keys in a box that scrolls."""
        table = Table.grid(padding=(0, 2))
        rows = [(key.key_display or key.key, key.tooltip) for key in self._keys]
        for shown, says in (*rows, *CONTROLS):
            table.add_row(Text(shown, style=f"bold {ACCENT}", justify="right"), Text(says, style=TEXT))
        title, description = self._about
        with VerticalScroll(id="help"):
            yield Static(Text(title, style=f"bold {ACCENT}"))
            yield Static(Text(f"{description}\n" if description else "", style=TEXT))
            yield Static(table)
            yield Static(Text("\nescape goes back", style=DIM))


class Told(ModalScreen[None]):
    """Lines for the performer in full, the newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i,q,space", "dismiss", "Back", id="told.back", tooltip="Back to the stage")
    ]

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__()
        self._lines = list(lines) or ["No notices so far."]

    def compose(self) -> ComposeResult:
        """Show the lines, wrapped, in a box that scrolls."""
        with VerticalScroll(id="told"):
            for line in self._lines:
                yield Static(Text(f"{plain(line)}\n", style=TEXT))
            yield Static(Text("escape goes back", style=DIM))


class Ask(ModalScreen[float | None]):
    """A question with one number as its answer; `read` is a reader of live.values."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Back", id="ask.back", tooltip="Back without an answer")
    ]

    def __init__(self, question: str, value: str, read: Callable[[str], float]) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._read = read

    def compose(self) -> ComposeResult:
        """Show the question, the line and room for what was wrong."""
        with Vertical(id="ask"):
            yield Label(self._question)
            yield Input(self._value, id="answer")
            yield Label("", id="wrong")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, or say what is allowed."""
        try:
            self.dismiss(self._read(event.value.strip()))
        except ArgumentTypeError as error:
            self.query_one("#wrong", Label).update(Text(plain(str(error))))
