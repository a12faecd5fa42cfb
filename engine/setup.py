"""What a performance starts from: everything that the player's process is told before its first note."""

from dataclasses import dataclass, field

from engine.manifest import Manifest
from engine.messages import PARAMETERS

# Where each parameter stands unless the preset or the performer says otherwise: knobs neutral, at anchor A,
# temperature 1.0, accents as written.
NEUTRAL = {name: 0.0 if name == "interpolation" else 0.5 for name in PARAMETERS}


@dataclass(frozen=True, slots=True)
class VoiceSetup:
    """One voice of the preset: `channel` is 0-15, `program` General MIDI 0-127 or None to send none."""

    name: str
    channel: int
    program: int | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """A performance before it begins; it is pickled into the player's process.

    `anchors` picks the latents A and B: rows of `manifest.anchors`, or None for the prior's own draw
    under `seed`. `parameters` overrides NEUTRAL by name. `bindings` maps parameters to controllers
    (channel 0-15, number). `bars` ends the performance after that many bars, None goes on for ever.
    """

    preset: str  # names the output port
    model: str  # path of the TorchScript file
    manifest: Manifest
    voices: tuple[VoiceSetup, ...]
    bpm: float = 120.0
    seed: int = 0
    parameters: dict[str, float] = field(default_factory=dict)
    anchors: tuple[int | None, int | None] = (0, 1)
    bindings: dict[str, tuple[int, int]] = field(default_factory=dict)
    play: bool = True  # begin as soon as the first bar is there; False waits for Play
    bars: int | None = None
    delay: float = 0.0  # seconds between the open port and the first note
    record: str | None = None  # a .mid file that does not exist yet
    port: str | None = None  # an existing port to connect to instead of a virtual one
    api: str | None = None  # "ALSA", "JACK", "COREMIDI", "WINDOWS", or None for the first that works
    sound: bool = False  # the built-in sound even when there is a MIDI port
    sound_device: str = "default"  # or "null": the true path without a sound card
    headless: bool = False  # nobody looks: snapshots carry no piano roll
