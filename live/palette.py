"""The palette: every action by name, whether its widget has the focus or not."""

import re
from collections.abc import Callable, Iterable, Iterator

from textual.app import SystemCommand
from textual.binding import Binding
from textual.markup import escape

from live.widgets.board import Board
from live.widgets.control import Control
from live.widgets.voice import VoiceStrip

Runner = Callable[[str], Callable[[], object]]


def entries(keys: Iterable[Binding], board: Board, runner: Runner) -> Iterator[SystemCommand]:
    """Yield every key, then each parameter to take in hand, then what the keys of a widget do to each one.

    `runner` makes of an action what runs it. The last are found by typing only, not listed at first.
    """
    names: set[str] = set()
    for key in keys:
        if key.description not in names:
            names.add(key.description)
            yield SystemCommand(key.description, key.tooltip, runner(key.action))
    for name, control in board.controls.items():
        yield SystemCommand(
            f"Go to {escape(control.label)}",
            escape(control.hint or control.label),
            runner(f"do('hold', {name!r})"),
        )
    for name, control in board.controls.items():
        yield from _of(Control.BINDINGS, control.label, repr(name), runner)
    for index, track in enumerate(board.tracks):
        yield from _of(VoiceStrip.BINDINGS, track.name or str(index + 1), str(index), runner)


def _of(bindings: Iterable[object], label: str, owner: str, runner: Runner) -> Iterator[SystemCommand]:
    for binding in bindings:
        if isinstance(binding, Binding):
            # turn(0.02) of the widget is do('turn', OWNER, 0.02) of the stage
            action = re.match(r"(\w+)(?:\((.*)\))?$", binding.action)
            assert action is not None
            arguments = ", ".join(filter(None, (repr(action[1]), owner, action[2])))
            name = f"{escape(label)}: {binding.description.lower()}"
            yield SystemCommand(name, binding.tooltip, runner(f"do({arguments})"), discover=False)
