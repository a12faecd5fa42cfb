"""A voice's strip beside its lane: name, channel, mute, activity, and what it plays right now."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from engine.codec import DRUM_CLASS_OF_PITCH, DRUM_CLASSES
from engine.snapshot import VoiceState
from live.theme import ACCENT, BACKGROUND, DIM, MUTED, STOP, TEXT, TRACK, voice_colour
from live.widgets.cells import shorten
from live.widgets.paint import Canvas, Painted

NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


class VoiceStrip(Painted, can_focus=True):
    """One voice; a click or enter mutes it, up and down or the wheel change its channel."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,m", "mute", "Mute", show=False, id="voice.mute", tooltip="Mute or unmute this voice"),
        Binding(
            "up",
            "channel(1)",
            "Channel up",
            show=False,
            id="voice.channel_up",
            tooltip="The next MIDI channel",
        ),
        Binding(
            "down",
            "channel(-1)",
            "Channel down",
            show=False,
            id="voice.channel_down",
            tooltip="The MIDI channel before",
        ),
    ]

    @dataclass
    class Muted(Message):
        """The performer muted or unmuted `voice`."""

        voice: int
        muted: bool

    @dataclass
    class Channel(Message):
        """The performer sends `voice` on another channel, 0-15."""

        voice: int
        channel: int

    def __init__(self, voice: int, name: str, channel: int, drums: bool) -> None:
        super().__init__(id=f"voice-{voice}", classes="strip")
        self._voice = voice
        self._drums = drums
        self.state = VoiceState(name, channel, False, ())
        self._level = 0  # of the meter, 0 to 64
        self.tooltip = f"{name}: click or press {voice + 1} to mute, turn the wheel for its channel"

    def show(self, state: VoiceState, level: float) -> None:
        """Take the voice's state and its activity, 0 to 1."""
        if (state, round(level * 64)) != (self.state, self._level):
            self.state, self._level = state, round(level * 64)
            self.repaint()

    def action_mute(self) -> None:
        """Mute or unmute."""
        self.post_message(self.Muted(self._voice, not self.state.muted))

    def action_channel(self, amount: int) -> None:
        """Go to the next channel or the one before, staying within 1 to 16."""
        channel = min(15, max(0, self.state.channel + amount))
        if channel != self.state.channel:
            self.post_message(self.Channel(self._voice, channel))

    def on_click(self) -> None:
        """Mute with the mouse."""
        self.action_mute()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Go to the next channel."""
        event.stop()
        self.action_channel(1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Go to the channel before."""
        event.stop()
        self.action_channel(-1)

    def on_focus(self) -> None:
        """Show the focus."""
        self.repaint()

    def on_blur(self) -> None:
        """Show that the focus left."""
        self.repaint()

    def paint(self, canvas: Canvas) -> None:
        """Draw name and channel, the meter, and the notes that sound."""
        muted = self.state.muted
        colour = MUTED if muted else voice_colour(self._voice)
        for row in range(canvas.height):
            canvas.put(0, row, "▌", colour)
        name = f"{self._voice + 1} {self.state.name.upper()}"
        if self.has_focus:
            canvas.text(1, 0, f" {name} ", BACKGROUND, bold=True, behind=ACCENT)
        else:
            canvas.text(2, 0, name, DIM if muted else TEXT, bold=True)
        channel = f"ch {self.state.channel + 1}"
        canvas.text(canvas.width - len(channel) - 1, 0, channel, DIM)
        if muted:
            canvas.text(2, 1, "MUTED", STOP, bold=True)
        else:
            self._meter(canvas, colour)
        if canvas.height > 2 and not muted:
            canvas.text(2, 2, shorten(self._sounding(), canvas.width - 3), TEXT)

    def _meter(self, canvas: Canvas, colour: str) -> None:
        width = canvas.width - 3
        for cell in range(width):
            canvas.put(2 + cell, 1, "━", colour if cell * 64 < self._level * width else TRACK)

    def _sounding(self) -> str:
        pitches = sorted(set(self.state.sounding))
        if self._drums:
            return " ".join(DRUM_CLASSES[DRUM_CLASS_OF_PITCH.get(p, 0)][0] for p in pitches)
        return " ".join(f"{NAMES[p % 12]}{p // 12 - 1}" for p in pitches)
