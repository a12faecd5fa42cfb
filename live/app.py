"""The stage: shows the newest snapshot of the player and passes on what the performer does."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Footer

from engine import messages
from engine.preset import Preset
from engine.snapshot import Snapshot
from live import palette, words
from live.arrivals import Arrived, Lost
from live.dialogs import Ask, Help, Told
from live.hands import Hands
from live.keeping import Keeping
from live.keys import KEYS
from live.link import Link, Reader
from live.notices import Notices
from live.parting import PARTING, on_signals
from live.theme import STAGE
from live.widgets.board import Board
from live.widgets.control import Control
from live.widgets.voice import VoiceStrip


class Stage(App[None]):
    """The screen of one performance."""

    CSS_PATH = "app.tcss"
    TITLE = "live"
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(
        self,
        preset: Preset,
        link: Link,
        folder: Path,
        device: str | None = None,
        log: Path | None = None,
        *,
        port: str | None = None,
    ) -> None:
        """Show `preset` played over `link`; recordings begun here go to `folder`.

        Learnt controllers are kept for `device`, the offset of the output for `port`, where they were named;
        and `log` is where the processes say what went wrong.
        """
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
        self._log_file = log
        self._preset = preset
        self._board = Board(preset)
        self._reader = Reader(
            link, lambda s: self.post_message(Arrived(s)), lambda r: self.post_message(Lost(r))
        )
        self._notices = Notices()
        self._hands = Hands(
            preset, self._board, folder, self._reader.send, self._say, self._in_hand, self._ask
        )
        self._snapshot: Snapshot | None = None
        self._lost: str | None = None
        self._keeping = Keeping(
            preset.name,
            device,
            port,
            lambda what, write: self.run_worker(write, thread=True, group=what, exclusive=True),
            lambda error: self.call_from_thread(self._say, error),
        )
        self.takes: list[str] = []  # the .mid files that were recorded into
        self.gone = threading.Event()  # to be set when the screen has given the terminal back

    def compose(self) -> ComposeResult:
        """Put the board on the screen and the keys below it."""
        yield self._board
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Dress the stage, listen to the player and to the system's wish to end."""
        self.register_theme(STAGE)
        self.theme = STAGE.name
        next(iter(self._board.controls.values())).focus()
        loop = asyncio.get_running_loop()
        on_signals(
            self.hang_up,
            lambda: loop.call_soon_threadsafe(self.exit),
            self.gone,
            lambda: self.failure is None,
        )
        self._reader.start()
        self.set_interval(0.5, self._look)

    def hang_up(self, seconds: float = PARTING) -> bool:
        """Close the link after the screen has gone; True if the engine left within `seconds`."""
        return self._reader.stop(seconds)

    def settled(self, snapshot: Snapshot) -> bool:
        """Return whether every command has gone out and `snapshot` is what the stage shows."""
        return self._reader.idle() and self._snapshot == snapshot

    @property
    def failure(self) -> str | None:
        """Why the performance failed, None where it did not."""
        if self._lost is not None:
            return f"the player is gone: {self._lost}"
        if self._snapshot is not None and self._snapshot.failed:
            return f"the performance failed: {words.newest(self._snapshot)}"
        return None

    # What the player says

    def on_arrived(self, event: Arrived) -> None:
        """Show a snapshot."""
        snapshot, before = event.snapshot, self._snapshot
        self._snapshot = self._hands.snapshot = snapshot
        self._board.show(snapshot, self._hands.tempo())
        self._notices.told(snapshot.notices)
        self._keeping.look(before, snapshot)
        if snapshot.recording and snapshot.recording not in self.takes:
            self.takes.append(snapshot.recording)
        self._look()

    def on_lost(self, event: Lost) -> None:
        """Say that the player is gone; the screen stays."""
        self._lost = event.reason
        self._notices.say(f"The player is gone: {event.reason}")
        if self._snapshot is not None:
            self._snapshot = self._hands.snapshot = replace(self._snapshot, playing=False)
            self._board.transport.show(self._snapshot, self._hands.tempo())
        self._look()

    def _say(self, line: str) -> None:
        self._notices.say(line)
        self._look()

    def _look(self) -> None:
        """Bring the status lines up to date, also when nothing arrives."""
        if not self.screen_stack:  # the timer may still come while the stage is taken down
            return
        notice = partial(self._notices.line, monotonic())
        tip = str(self.focused.tooltip or "") if self.focused else ""
        kind, line = words.foremost(self._trouble(), self._hands.learning, notice, self._in_hand(), tip)
        self._board.status.show(kind, line, self._snapshot)

    def _trouble(self) -> str | None:
        return words.trouble(self._snapshot, self._lost, self._reader.silence())

    def _in_hand(self) -> Control | None:
        return self.focused if isinstance(self.focused, Control) else None

    # What the performer does

    def on_control_moved(self, event: Control.Moved) -> None:
        """Pass on a turned knob."""
        self._reader.send(messages.SetParameter(event.parameter, event.value))

    def on_control_touched(self, event: Control.Touched) -> None:
        """While learning, the parameter touched is the one to bind."""
        if self._hands.learning:
            self._reader.send(messages.Learn(event.parameter))
        self._look()

    def on_voice_strip_muted(self, event: VoiceStrip.Muted) -> None:
        """Pass on a mute."""
        self._reader.send(messages.SetMute(event.voice, event.muted))

    def on_voice_strip_channel(self, event: VoiceStrip.Channel) -> None:
        """Pass on a channel."""
        self._reader.send(messages.SetChannel(event.voice, event.channel))

    def action_do(self, what: str, first: str | float | None = None, second: float | None = None) -> None:
        """Do `what` the hands can do, with its arguments; Textual passes no more than are named."""
        getattr(self._hands, what)(*(given for given in (first, second) if given is not None))
        self._look()

    async def action_quit(self) -> None:
        """End every note at once, then the screen."""
        self._reader.send(messages.Quit())
        self.exit()

    def action_help(self) -> None:
        """Open the help."""
        self.push_screen(Help(KEYS, self._preset.title, self._preset.description))

    def action_notices(self) -> None:
        """Open the list of notices."""
        trouble = self._trouble()
        log = [f"What the player's processes print goes to {self._log_file}"] if self._log_file else []
        self.push_screen(Told([*([trouble] if trouble else []), *reversed(self._notices.all), *log]))

    def _ask(
        self, question: str, value: str, read: Callable[[str], float], use: Callable[[float], None]
    ) -> None:
        self.push_screen(Ask(question, value, read), lambda n: None if n is None else use(n))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Fill the palette."""
        return palette.entries(
            KEYS, self._board, lambda action: lambda: self.call_later(self.run_action, action)
        )
