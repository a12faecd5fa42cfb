"""The voices: which channels and programs they are on, what they send, and what of it the take keeps."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine import clicks
from engine.bar import TICKS_PER_BAR
from engine.midi import DRUM_CHANNEL
from engine.scheduler import Scheduler
from engine.setup import VoiceSetup, selection
from engine.snapshot import VoiceState
from engine.take import Take


class Band:
    """Sends raw messages to `send(tick, message)`, and all but the clicks of a count-in to the take."""

    def __init__(
        self,
        voices: Sequence[VoiceSetup],
        send: Callable[[int, list[int]], None],
        shape: Callable[[int, int], int],
    ) -> None:
        """`shape` makes each note's final velocity of the one written and a human's, 0 for none."""
        self._voices = tuple(voices)
        self._send = send
        self.scheduler = Scheduler([*(v.channel for v in voices), DRUM_CHANNEL], self._emit, shape)
        self.take = Take()
        self.selected = False  # programs have been chosen

    def select(self) -> None:
        """Choose bank and program of every voice; a take begins with them anyway."""
        self.selected = True
        for raw in [raw for voice in self.voices() for raw in selection(voice)]:
            self._send(0, raw)

    def count_in(self, first: int) -> None:
        """Have every beat from tick `first` to the first bar clicked."""
        for line in range(first, 0, TICKS_PER_BAR):
            self.scheduler.place(line, clicks.click_bar(len(self._voices)))

    def set_channel(self, voice: int, channel: int, tick: int) -> None:
        """Send `voice` on `channel`, 0-15, from its next note on, and choose its program there."""
        self.scheduler.set_channel(voice, channel)
        for message in selection(self.voices()[voice]):
            if self.selected:
                self._emit(tick, voice, message)
            else:  # the take's head has the channel of before
                self.take.message(tick, voice, message)

    def end_all(self, tick: int) -> None:
        """End every note, but not in the take, which does that when it ends."""
        taking, self.take.recorder = self.take.recorder, None
        self.scheduler.end_all(tick)
        self.take.recorder = taking

    def voices(self) -> list[VoiceSetup]:
        """Return the voices on the channels that they are on now."""
        channels = enumerate(self._voices)
        return [replace(voice, channel=self.scheduler.channel(index)) for index, voice in channels]

    def states(self) -> tuple[VoiceState, ...]:
        """Return the voices as the screen shows them."""
        notes = self.scheduler
        return tuple(
            VoiceState(voice.name, voice.channel, notes.muted(index), notes.sounding(index))
            for index, voice in enumerate(self.voices())
        )

    def _emit(self, tick: int, voice: int, message: list[int]) -> None:
        self._send(tick, message)
        if voice < len(self._voices):
            self.take.message(tick, voice, message)
