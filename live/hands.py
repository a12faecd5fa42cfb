"""What the performer does: each key, click and entry of the palette, as commands to the player."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic

from engine import messages
from engine.messages import BPM_RANGE, OFFSET_MS, PORT, SOUND, Command
from engine.preset import Preset
from engine.snapshot import Snapshot
from live.takes import new_take
from live.tempo import Taps
from live.values import number, whole
from live.widgets.board import Board
from live.widgets.control import ECHO_SECONDS, Control
from live.widgets.voice import VoiceStrip

SEEDS = 2**31  # a seed that a performer can read out
COUNT_INS = 3  # none, one bar, two


@dataclass(slots=True, eq=False)
class Hands:
    """Both hands on `board`: `send` takes what they do, `say` a line, `in_hand` returns what is focused.

    `ask` is called with a question, the value to begin with, a reader of live.values, and who takes it.
    """

    preset: Preset
    board: Board
    takes: Path
    send: Callable[[Command], None]
    say: Callable[[str], None]
    in_hand: Callable[[], Control | None]
    ask: Callable[[str, str, Callable[[str], float], Callable[[float], None]], None]
    snapshot: Snapshot | None = None  # the newest one
    learning: bool = False
    _bpm: tuple[float, float] = (0.0, 0.0)  # as asked for, and until when that outweighs snapshots
    _offset: tuple[float, float, str] = (0.0, 0.0, "")  # likewise, in milliseconds, and of which output
    _taps: Taps = field(default_factory=Taps)

    def tempo(self) -> float:
        """Return the beats a minute to show."""
        bpm, until = self._bpm
        if monotonic() < until:
            return bpm
        return self.preset.bpm if self.snapshot is None else self.snapshot.bpm

    def play(self) -> None:
        """Play or stop."""
        playing = self.snapshot is not None and self.snapshot.playing
        self.send(messages.Stop() if playing else messages.Play())

    def panic(self) -> None:
        """End every note."""
        self.send(messages.Panic())
        self.say("Panic: every note ended.")

    def bpm(self, change: float) -> None:
        """Change the tempo."""
        self._set_bpm(self.tempo() + change)

    def tap(self) -> None:
        """Tap the tempo."""
        bpm = self._taps.tap(monotonic())
        if bpm is not None:
            self._set_bpm(bpm)

    def _set_bpm(self, bpm: float) -> None:
        bpm = min(BPM_RANGE[1], max(BPM_RANGE[0], bpm))
        self._bpm = (bpm, monotonic() + ECHO_SECONDS)
        if self.snapshot is not None:
            self.board.transport.show(self.snapshot, bpm)
        self.send(messages.SetBpm(bpm))

    def count_in(self) -> None:
        """Count in with a bar more, or with none after the most."""
        bars = ((self.snapshot.count_in if self.snapshot else 0) + 1) % COUNT_INS
        self.send(messages.SetCountIn(bars))
        if self.snapshot and self.snapshot.sync:
            return  # the player says why that cannot be
        many = ("no bar", "one bar", "two bars")[bars]
        self.say(f"Count-in: {many} before the first one, from the next start on.")

    def offset(self, change: float) -> None:
        """Let the output in use have everything later or sooner, in milliseconds."""
        self._set_offset(self._offset_ms() + change)

    def _offset_ms(self) -> float:
        milliseconds, until, of = self._offset
        if monotonic() < until and of == self._output():
            return milliseconds
        return self.snapshot.offset_ms if self.snapshot else 0.0

    def _set_offset(self, milliseconds: float) -> None:
        milliseconds = min(OFFSET_MS[1], max(OFFSET_MS[0], round(milliseconds, 3)))
        self._offset = (milliseconds, monotonic() + ECHO_SECONDS, self._output())
        self.send(messages.SetOffset(milliseconds))
        when = "on its time" if not milliseconds else f"{abs(milliseconds):g} ms "
        if milliseconds:
            when += "after its time" if milliseconds > 0 else "before its time"
        self.say(f"{'The built-in sound' if self._output() == SOUND else 'The port'} has everything {when}.")

    def _output(self) -> str:
        return PORT if self.snapshot is None else self.snapshot.offset_of

    def learn(self) -> None:
        """Begin or end learning."""
        self.learning = not self.learning
        control = self.in_hand()
        self.send(messages.Learn(control.parameter if self.learning and control else None))

    def unlearn(self) -> None:
        """Forget the focused parameter's controller."""
        control = self.in_hand()
        if control is None:
            self.say("Focus a parameter to forget its controller.")
        else:
            self.send(messages.Unlearn(control.parameter))

    def record(self) -> None:
        """Begin or finish a recording."""
        recording = self.snapshot is not None and self.snapshot.recording
        take = new_take(self.takes, self.preset.name, datetime.now().astimezone())
        self.send(messages.Record(None if recording else str(take)))

    def anchor(self, anchor: str) -> None:
        """Draw a new latent for an anchor."""
        seed = random.randrange(SEEDS)
        self.send(messages.SetAnchor(anchor, seed))
        self.say(f"Anchor {anchor}: seed {seed}.")

    def capture(self, anchor: str) -> None:
        """Keep what plays as an anchor."""
        self.send(messages.SetAnchor(anchor, None))

    def morph(self, amount: float) -> None:
        """Move between the anchors."""
        self.turn("interpolation", amount)

    def seed(self) -> None:
        """Draw the notes anew."""
        self.send(messages.SetSeed(random.randrange(SEEDS)))

    def turn(self, parameter: str, amount: float) -> None:
        """Turn a parameter by `amount`."""
        self.board.controls[parameter].action_turn(amount)

    def reset(self, parameter: str) -> None:
        """Turn a parameter back to where the preset starts."""
        self.board.controls[parameter].action_reset()

    def hold(self, parameter: str) -> None:
        """Take a parameter in hand."""
        self.board.controls[parameter].focus()

    def mute(self, voice: int) -> None:
        """Mute or unmute voice number `voice`."""
        if voice < len(self.board.tracks):
            self.board.tracks[voice].query_one(VoiceStrip).action_mute()

    def channel(self, voice: int, amount: int) -> None:
        """Send a voice on the next channel or the one before."""
        self.board.tracks[voice].query_one(VoiceStrip).action_channel(amount)

    def ask_bpm(self) -> None:
        """Ask for the tempo."""
        self.ask("Beats a minute", f"{self.tempo():g}", number("tempo", *BPM_RANGE), self._set_bpm)

    def ask_offset(self) -> None:
        """Ask for the offset of the output in use."""
        output = "the built-in sound" if self._output() == SOUND else "the port"
        question = f"Milliseconds after its time that {output} has everything"
        self.ask(question, f"{self._offset_ms():g}", number("offset", *OFFSET_MS), self._set_offset)

    def ask_seed(self) -> None:
        """Ask for the seed."""
        seed = self.snapshot.seed if self.snapshot else self.preset.seed
        self.ask("Seed", str(seed), whole("seed", 0), lambda answer: self.send(messages.SetSeed(int(answer))))
