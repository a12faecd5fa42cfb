"""The stage: shows the newest snapshot of the player and turns keys and mouse into commands."""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual.app import App, ComposeResult, SystemCommand
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from engine import messages
from engine.messages import BPM_RANGE, Command, Snapshot
from engine.preset import Preset
from live import words
from live.dialogs import Ask, Help
from live.keys import KEYS
from live.link import Link, Reader
from live.parting import PARTING, on_signals
from live.settings import controllers_file, new_take, save_controllers
from live.tempo import Taps
from live.theme import STAGE
from live.widgets.board import Board
from live.widgets.control import Control
from live.widgets.voice import VoiceStrip

NOTICE_SECONDS = 6.0
SEEDS = 2**31  # a seed that a performer can read out


@dataclass
class Arrived(Message):
    """The newest snapshot; one that was not looked at yet gives way to it."""

    snapshot: Snapshot

    def can_replace(self, message: Message) -> bool:
        """Stale snapshots collapse."""
        return isinstance(message, Arrived)


@dataclass
class Lost(Message):
    """The link to the player broke."""

    reason: str


class Stage(App[None]):
    """The screen of one performance."""

    CSS_PATH = "app.tcss"
    TITLE = "live"
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self, preset: Preset, link: Link, takes: Path) -> None:
        """Show `preset` played over `link`; recordings begun here go to the folder `takes`."""
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]
        self._preset = preset
        self._takes = takes
        self._board = Board(preset)
        self._reader = Reader(
            link, lambda s: self.post_message(Arrived(s)), lambda r: self.post_message(Lost(r))
        )
        self._snapshot: Snapshot | None = None
        self._lost: str | None = None
        self._notice = ("", 0.0)  # the newest line, and until when it shows
        self._learning = False
        self._bpm = (preset.bpm, 0.0)  # as asked for, and until when that outweighs snapshots
        self._taps = Taps()

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
        on_signals(self.hang_up, lambda: loop.call_soon_threadsafe(self.exit))
        self._reader.start()
        self.set_interval(0.5, self._look)

    def hang_up(self, seconds: float = PARTING) -> bool:
        """Close the link after the screen has gone; True if the engine left within `seconds`."""
        return self._reader.stop(seconds)

    def settled(self, snapshot: Snapshot) -> bool:
        """Return whether every command has gone out and `snapshot` is what the stage shows."""
        return self._reader.idle() and self._snapshot == snapshot

    # What the player says

    def on_arrived(self, event: Arrived) -> None:
        """Show a snapshot."""
        snapshot, before = event.snapshot, self._snapshot
        self._snapshot = snapshot
        self._board.show(snapshot, self._tempo())
        if snapshot.notices and (before is None or snapshot.notices != before.notices):
            self._say(snapshot.notices[-1])
        if before is not None and snapshot.bound != before.bound:
            self._keep(snapshot.bound)
        self._look()

    def on_lost(self, event: Lost) -> None:
        """Say that the player is gone; the screen stays."""
        self._lost = event.reason
        if self._snapshot is not None:
            self._snapshot = replace(self._snapshot, playing=False)
            self._board.transport.show(self._snapshot, self._tempo())
        self._look()

    def _keep(self, bound: dict[str, str]) -> None:
        def write() -> None:
            error = save_controllers(controllers_file(self._preset.name), bound)
            if error:
                self.call_from_thread(self._say, error)

        self.run_worker(write, thread=True, group="keep", exclusive=True)

    def _say(self, line: str) -> None:
        self._notice = (line, monotonic() + NOTICE_SECONDS)
        self._look()

    def _look(self) -> None:
        """Bring the status lines up to date, also when nothing arrives."""
        trouble = words.trouble(self._snapshot, self._lost, self._reader.silence())
        control = self._in_hand()
        if trouble:
            kind, line = "trouble", trouble
        elif self._learning:
            kind, line = "learn", words.learn(None, "", False)
            if control:
                line = words.learn(control.label, control.bound, control.learning)
        elif self._notice[0] and monotonic() < self._notice[1]:
            kind, line = "notice", self._notice[0]
        elif control:
            kind = "hint"
            line = words.hint(control.label, control.hint, control.bound, control.waiting, control.value)
        else:
            kind, line = "hint", str(self.focused.tooltip or "") if self.focused else ""
        self._board.status.show(kind, line, self._snapshot)

    def _in_hand(self) -> Control | None:
        return self.focused if isinstance(self.focused, Control) else None

    def _tempo(self) -> float:
        bpm, until = self._bpm
        return bpm if self._snapshot is None or monotonic() < until else self._snapshot.bpm

    # What the performer does

    def _send(self, command: Command) -> None:
        self._reader.send(command)

    def on_control_moved(self, event: Control.Moved) -> None:
        """Pass on a turned knob."""
        self._send(messages.SetParameter(event.parameter, event.value))

    def on_control_touched(self, event: Control.Touched) -> None:
        """While learning, the parameter touched is the one to bind."""
        if self._learning:
            self._send(messages.Learn(event.parameter))
        self._look()

    def on_voice_strip_muted(self, event: VoiceStrip.Muted) -> None:
        """Pass on a mute."""
        self._send(messages.SetMute(event.voice, event.muted))

    def on_voice_strip_channel(self, event: VoiceStrip.Channel) -> None:
        """Pass on a channel."""
        self._send(messages.SetChannel(event.voice, event.channel))

    async def action_quit(self) -> None:
        """End every note at once, then the screen."""
        self._send(messages.Quit())
        self.exit()

    def action_play(self) -> None:
        """Play or stop."""
        playing = self._snapshot is not None and self._snapshot.playing
        self._send(messages.Stop() if playing else messages.Play())

    def action_panic(self) -> None:
        """End every note."""
        self._send(messages.Panic())
        self._say("Panic: every note ended.")

    def action_bpm(self, change: float) -> None:
        """Change the tempo."""
        self._set_bpm(self._tempo() + change)

    def action_tap(self) -> None:
        """Tap the tempo."""
        bpm = self._taps.tap(monotonic())
        if bpm is not None:
            self._set_bpm(bpm)

    def _set_bpm(self, bpm: float) -> None:
        bpm = min(BPM_RANGE[1], max(BPM_RANGE[0], bpm))
        self._bpm = (bpm, monotonic() + 0.4)
        if self._snapshot is not None:
            self._board.transport.show(self._snapshot, bpm)
        self._send(messages.SetBpm(bpm))

    def action_learn(self) -> None:
        """Begin or end learning."""
        self._learning = not self._learning
        control = self._in_hand()
        self._send(messages.Learn(control.parameter if self._learning and control else None))
        self._look()

    def action_unlearn(self) -> None:
        """Forget the focused parameter's controller."""
        control = self._in_hand()
        if control is None:
            self._say("Focus a parameter to forget its controller.")
        else:
            self._send(messages.Unlearn(control.parameter))

    def action_record(self) -> None:
        """Begin or finish a recording."""
        recording = self._snapshot is not None and self._snapshot.recording
        take = new_take(self._takes, self._preset.name, datetime.now().astimezone())
        self._send(messages.Record(None if recording else str(take)))

    def action_anchor(self, anchor: str) -> None:
        """Draw a new latent for an anchor."""
        self._send(messages.SetAnchor(anchor, random.randrange(SEEDS)))

    def action_capture(self, anchor: str) -> None:
        """Keep what plays as an anchor."""
        self._send(messages.SetAnchor(anchor, None))

    def action_morph(self, amount: float) -> None:
        """Move between the anchors."""
        self._board.controls["interpolation"].action_turn(amount)

    def action_seed(self) -> None:
        """Draw the notes anew."""
        self._send(messages.SetSeed(random.randrange(SEEDS)))

    def action_mute(self, voice: int) -> None:
        """Mute or unmute voice number `voice`."""
        if voice < len(self._board.tracks):
            self._board.tracks[voice].query_one(VoiceStrip).action_mute()

    def action_hold(self, parameter: str) -> None:
        """Take a parameter in hand."""
        self._board.controls[parameter].focus()

    def action_help(self) -> None:
        """Open the help."""
        self.push_screen(Help(KEYS))

    def action_ask_bpm(self) -> None:
        """Ask for the tempo."""
        low, high = BPM_RANGE
        self._ask("Beats a minute", f"{self._tempo():g}", low, high, self._set_bpm)

    def action_ask_seed(self) -> None:
        """Ask for the seed."""
        seed = self._snapshot.seed if self._snapshot else self._preset.seed
        self._ask("Seed", str(seed), 0, 2**53, lambda answer: self._send(messages.SetSeed(int(answer))))

    def _ask(self, question: str, value: str, low: float, high: float, use: Callable[[float], None]) -> None:
        def answered(answer: float | None) -> None:
            if answer is not None:
                use(answer)

        self.push_screen(Ask(question, value, low, high), answered)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Fill the palette: every key, and every parameter to take in hand."""
        names: set[str] = set()
        for key in KEYS:
            if key.description not in names:
                names.add(key.description)
                yield SystemCommand(key.description, key.tooltip, self._runner(key.action))
        for name, control in self._board.controls.items():
            yield SystemCommand(f"Go to {control.label}", control.hint, self._runner(f"hold({name!r})"))

    def _runner(self, action: str) -> Callable[[], object]:
        return lambda: self.call_later(self.run_action, action)
