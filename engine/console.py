"""The performer's side of the player: commands and controllers."""

from collections.abc import Callable
from math import inf

from engine.mapping import Mapping
from engine.messages import (
    MAX_COUNT_IN,
    PARAMETERS,
    Acknowledge,
    Command,
    Learn,
    Panic,
    Play,
    Quit,
    Record,
    SetAnchor,
    SetBpm,
    SetChannel,
    SetCountIn,
    SetMute,
    SetOffset,
    SetParameter,
    SetSeed,
    Stop,
    Unlearn,
)
from engine.midi import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL
from engine.performance import Performance
from engine.recorder import RecordError
from engine.report import Report
from engine.setup import Setup
from engine.sync import Sync

ECHO = 0.5  # seconds


class Console:
    """Carries out what the performer asks for; `finish` takes the journal of each take that ends."""

    def __init__(
        self,
        setup: Setup,
        performance: Performance,
        report: Report,
        finish: Callable[[str], None],
        sync: Sync | None = None,
    ) -> None:
        self._setup = setup
        self._performance = performance
        self._report = report
        self._finish = finish
        self.sync = sync
        self.mapping = Mapping(setup.bindings)
        self._panicked = -inf  # when every note was ended last
        self.quit = False

    def control(self, message: list[int], now: float) -> None:
        """Let a controller's raw `message` move the parameter that it is bound to, if any, or be a panic.

        A panic is answered with messages like it. They would go round for ever where the output is connected
        to the input: for ECHO seconds others are not listened to.
        """
        if len(message) == 3 and message[0] & 0xF0 == CONTROL:
            if message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF):
                if now - self._panicked > ECHO:
                    self._panic(now)
                return
            panel = self._performance.panel
            moved = self.mapping.control(message[0] & 0x0F, message[1], message[2], panel.parameters)
            if moved is not None:
                panel.set_parameter(*moved)

    def obey(self, command: Command, now: float) -> None:  # noqa: PLR0912 - one branch a command
        """Carry out a command of the performer."""
        performance, panel = self._performance, self._performance.panel
        voices = range(len(self._setup.voices))
        match command:
            case Acknowledge():
                self._report.acknowledge()
            case Play() if self.sync is not None:
                self.sync.play(now)
            case Play():
                performance.play()
            case Stop() if self.sync is not None:
                self.sync.stop(now)
            case Stop():
                performance.stop(now)
            case Panic():
                self._panic(now)
            case Quit():
                self.quit = True
            case SetBpm(bpm) if self.sync is not None:
                self._report.notice(self.sync.set_bpm(bpm, now))
            case SetBpm(bpm):
                performance.set_bpm(bpm, now)
            case SetOffset(milliseconds):
                performance.course.offset.set(milliseconds / 1000.0, now, at_once=not performance.playing)
            case SetCountIn() if self.sync is not None:
                self._report.notice("no count-in: others say when it begins; to count in, leave --sync out")
            case SetCountIn(bars) if bars in range(MAX_COUNT_IN + 1):
                performance.count_in = bars
            case SetParameter(name, value):
                panel.set_parameter(name, value)
            case SetMute(voice, muted) if voice in voices:
                performance.scheduler.mute(performance.tick(now), voice, muted)
            case SetChannel(voice, channel) if voice in voices and channel in range(16):
                performance.band.set_channel(voice, channel, performance.tick(now))
            case SetAnchor(anchor, seed) if anchor in panel.anchors:
                panel.set_anchor(anchor, seed)
            case SetSeed(seed):
                panel.set_seed(seed)
            case Learn(parameter) if parameter is None or parameter in PARAMETERS:
                self.mapping.learn(parameter)
            case Unlearn(parameter):
                self.mapping.unlearn(parameter)
            case Record(path):
                self.finish_take(now)
                if path is not None:
                    self.record(path, now)
            case _:
                self._report.notice(f"not done, out of range: {command}")

    def _panic(self, now: float) -> None:
        self._panicked = now
        self._performance.scheduler.panic(self._performance.tick(now))

    def record(self, path: str, now: float) -> None:
        """Start a take for the .mid file at `path`, or say why that cannot be."""
        performance = self._performance
        voices, tick = performance.band.voices(), performance.tick(now)
        try:
            performance.take.begin(path, self._setup.preset, voices, performance.transport, tick)
        except RecordError as error:
            self._report.notice(str(error))

    def finish_take(self, now: float) -> None:
        """End the take, if there is one."""
        taking = self._performance.take.recorder
        journal = self._performance.take.end(self._performance.tick(now))
        if taking is not None and taking.broken:
            self._report.notice(f"the recording {taking.path} broke off: {taking.broken}")
        if journal is not None:
            self._finish(journal)

    def end_broken_take(self, now: float) -> None:
        """End a take that the disk has refused to go on with, as far as it went."""
        if self._performance.take.recorder is not None and self._performance.take.recorder.broken:
            self.finish_take(now)
