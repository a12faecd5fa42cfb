"""One voice of the stage: its strip and its lane of the piano roll side by side."""

from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.snapshot import RollNote, Snapshot
from live.roll import level
from live.widgets.lane import Lane
from live.widgets.voice import VoiceStrip


class Track(Horizontal):
    """Passes each snapshot's part for one voice on to strip and lane."""

    def __init__(self, voice: int, name: str, channel: int, drums: bool) -> None:
        super().__init__(id=f"track-{voice}", name=name, classes=f"track -{name}")
        self._voice = voice
        self._parts = (name, channel, drums)
        self._roll: tuple[RollNote, ...] = ()
        self._notes: tuple[RollNote, ...] = ()

    def compose(self) -> ComposeResult:
        """Put the strip to the left of the lane."""
        name, channel, drums = self._parts
        yield VoiceStrip(self._voice, name, channel, drums)
        yield Lane(self._voice, drums)

    def show(self, snapshot: Snapshot) -> None:
        """Take the snapshot's part for this voice."""
        if self._voice >= len(snapshot.voices):
            return
        if snapshot.roll != self._roll:
            self._roll = snapshot.roll
            self._notes = tuple(note for note in snapshot.roll if note.voice == self._voice)
        state = snapshot.voices[self._voice]
        playing = snapshot.playing and not state.muted
        self.query_one(VoiceStrip).show(state, level(self._notes, snapshot.tick) if playing else 0.0)
        self.query_one(Lane).show(self._notes, snapshot.tick, state.muted)
