"""A small, real Link in the test's own process: it obeys commands and says so in snapshots."""

from dataclasses import replace
from pathlib import Path

from engine import messages
from engine.bar import TICKS_PER_BAR, TICKS_PER_STEP
from engine.manifest import Axis, Manifest
from engine.messages import Command
from engine.preset import AnchorPreset, KnobPreset, Preset, VoicePreset
from engine.snapshot import RollNote, Snapshot, VoiceState

NAMES = ("density", "register", "bass", "drums", "syncopation", "intervals", "colour", "drift")
EFFECTS = (
    "more notes +0.78, shorter ones +0.41",
    "melody higher +0.83",
    "bass notes a bar +0.71",
    "drum hits a bar +0.80",
    "off the beat +0.62",
    "wider leaps +0.55",
    "busier cymbals +0.31, fewer toms -0.22",
    "bass lower -0.29",
)


def toy_preset(knobs: int = 8) -> Preset:
    """Return a preset without a file behind it."""
    axes = tuple(Axis(n, (1.0, 0.0), -2.0, 2.0, e, {}) for n, e in zip(NAMES, EFFECTS, strict=True))
    manifest = Manifest(
        format=1,
        family="musicvae",
        codec="trio",
        codec_version=1,
        steps_per_bar=16,
        bars=16,
        z_size=2,
        voices=("melody", "bass", "drums"),
        weights="float32",
        latent_mean=(0.0, 0.0),
        latent_std=(1.0, 1.0),
        axes=axes,
        anchors=(),
        data=(),
        exported_with={},
    )
    voices = (
        VoicePreset("melody", 0, 4, None),
        VoicePreset("bass", 1, 33, None),
        VoicePreset("drums", 9, 0, None),
    )
    return Preset(
        name="toy",
        title="Toy",
        description="",
        folder=Path(),
        model=Path("model.ts"),
        manifest=manifest,
        bpm=112.0,
        seed=7,
        temperature=1.0,
        dynamics=0.5,
        swing=0.0,
        voices=voices,
        knobs=tuple(KnobPreset(axis, axis.name, 0.5) for axis in axes[:knobs]),
        anchors=(AnchorPreset("seed", 1), AnchorPreset("seed", 2)),
    )


def toy_bar(bar: int) -> list[RollNote]:
    """Return the notes of bar number `bar`."""
    start = bar * TICKS_PER_BAR

    def note(step: int, steps: int, voice: int, pitch: int, velocity: int) -> RollNote:
        return RollNote(start + step * TICKS_PER_STEP, steps * TICKS_PER_STEP, voice, pitch, velocity)

    root = (48, 45, 41, 43)[bar % 4]
    tune = (0, 7, 12, 16, 14, 12, 9, 7)
    notes = [note(2 * i, 2 if i % 3 else 1, 0, root + 19 + tune[(i + bar) % 8], 80 + 4 * i) for i in range(8)]
    notes += [note(s, 3, 1, root - 12 + (7 if s == 10 else 0), 90) for s in (0, 4, 6, 10, 14)]
    notes += [note(s, 1, 2, 42, 70) for s in range(0, 16, 2)] + [note(s, 1, 2, 38, 100) for s in (4, 12)]
    notes += [note(s, 1, 2, 36, 110) for s in (0, 7, 8)] + [
        note(0, 1, 2, 49, 110) for _ in range(bar % 4 == 0)
    ]
    return sorted(notes, key=lambda n: (n.tick, n.voice))


class ToyLink:
    """Answers each command with the snapshot that a player would send; `fail` breaks the pipe."""

    def __init__(self, preset: Preset) -> None:
        self.sent: list[Command] = []
        self.closed = False
        self.broken: str | None = None
        self.state = Snapshot(
            playing=True,
            bpm=preset.bpm,
            tick=0,
            window_bar=0,
            loop=0,
            seed=preset.seed,
            parameters=dict.fromkeys(messages.PARAMETERS, 0.5) | {"interpolation": 0.0, "swing": 0.0},
            bound={},
            learning=None,
            voices=tuple(VoiceState(v.name, v.channel, False, ()) for v in preset.voices),
            roll=(),
            out_port="JACK: live:toy -> 2 clients",
            in_port="live:in",
            composer="ready",
            late_bars=0,
            lateness_ms=0.2,
            decode_ms=6.4,
            recording=None,
        )
        self._new = True
        self.go(0)

    def go(self, tick: int) -> None:
        """Play on to `tick`."""
        bar = tick // TICKS_PER_BAR
        roll = tuple(n for b in range(max(0, bar - 2), bar + 4) for n in toy_bar(b))
        on = [n for n in roll if n.tick <= tick < n.tick + n.duration]
        voices = tuple(
            replace(v, sounding=tuple(n.pitch for n in on if n.voice == i and not v.muted))
            for i, v in enumerate(self.state.voices)
        )
        self.change(tick=tick, window_bar=bar % 16, loop=bar // 16, roll=roll, voices=voices)

    def change(self, **fields: object) -> None:
        """Let the next snapshot say something else."""
        self.state = replace(self.state, **fields)  # type: ignore[arg-type]  # any field of Snapshot
        self._new = True

    def send(self, command: Command) -> None:  # noqa: PLR0912 - one branch a command
        """Obey."""
        if self.broken:
            raise BrokenPipeError(self.broken)
        self.sent.append(command)
        state = self.state
        match command:
            case messages.Play():
                self.change(playing=True)
            case messages.Stop():
                self.change(playing=False)
            case messages.SetBpm(bpm):
                self.change(bpm=bpm)
            case messages.SetOffset(milliseconds):
                self.change(offset_ms=milliseconds)
            case messages.SetCountIn(bars):
                self.change(count_in=bars)
            case messages.SetSeed(seed):
                self.change(seed=seed)
            case messages.SetParameter(name, value):
                self.change(parameters=state.parameters | {name: value})
            case messages.SetMute(voice, muted):
                self._voice(voice, muted=muted)
            case messages.SetChannel(voice, channel):
                self._voice(voice, channel=channel)
            case messages.Learn(parameter):
                self.change(learning=parameter)
            case messages.Unlearn(parameter):
                self.change(bound={k: v for k, v in state.bound.items() if k != parameter})
            case messages.Record(path):
                self.change(recording=path)

    def _voice(self, voice: int, **fields: object) -> None:
        changed = replace(self.state.voices[voice], **fields)  # type: ignore[arg-type]  # any of its fields
        voices = self.state.voices
        self.change(voices=(*voices[:voice], changed, *voices[voice + 1 :]))

    def controller(self, text: str) -> None:
        """Move a controller while a parameter is being learnt."""
        assert self.state.learning is not None
        self.change(bound=self.state.bound | {self.state.learning: text}, learning=None)

    def latest(self) -> Snapshot | None:
        """Return the state once after each change."""
        if self.broken:
            raise BrokenPipeError(self.broken)
        new, self._new = self._new, False
        return self.state if new else None

    def close(self) -> None:
        """Note that the screen hung up."""
        self.closed = True
