"""What a performance starts from: everything that the player's process is told before its first note."""

from dataclasses import dataclass, field

from engine.feel import Feel
from engine.manifest import Axis, Manifest
from engine.messages import KNOBS, MAX_TEMPERATURE, PARAMETERS
from engine.midi import BANK_COARSE, BANK_FINE, CONTROL, PROGRAM
from engine.opening import Opening
from engine.preset import Preset

# Where each parameter stands unless the preset or the performer says otherwise: knobs neutral, at anchor A,
# temperature 1.0, accents as written, straight, and drums as loose as a feel has them.
NEUTRAL = {name: 0.0 if name in ("interpolation", "swing", "tightness") else 0.5 for name in PARAMETERS}


@dataclass(frozen=True, slots=True)
class VoiceSetup:
    """One voice: `channel` 0-15, `program` 0-127, `bank` 0-16383; None leaves the synth as it is."""

    name: str
    channel: int
    program: int | None = None
    bank: int | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """A performance before it begins; it is pickled into the player's process.

    `axes` are what the knobs turn, in their order. `anchors` are where the latents A and B come from:
    ("model", row of `manifest.anchors`) or ("seed", the seed of a draw). `parameters` overrides
    NEUTRAL by name. `bindings` maps parameters to controllers (channel 0-15, number). `bars` ends the
    performance after that many bars, None goes on for ever.
    """

    preset: str  # names the output port
    model: str  # path of the TorchScript file
    manifest: Manifest
    voices: tuple[VoiceSetup, ...]
    axes: tuple[Axis, ...] = ()
    anchors: tuple[tuple[str, int], tuple[str, int]] = (("seed", 0), ("seed", 1))
    opening: Opening | None = None  # its first bars as the preset carries them
    feel: Feel | None = None  # what plays its drums as a human does
    bpm: float = 120.0
    seed: int = 0
    parameters: dict[str, float] = field(default_factory=dict)
    bindings: dict[str, tuple[int, int]] = field(default_factory=dict)
    play: bool = True  # begin as soon as the first bar is there; False waits for Play
    bars: int | None = None
    delay: float = 0.0  # seconds between the open port and the first note
    offset: float = 0.0  # seconds after its musical time at which the port has everything, -0.2 to 0.2
    sound_offset: float = 0.0  # likewise for the built-in sound
    count_in: int = 0  # bars of clicks before the first one, at each start
    record: str | None = None  # a .mid file that does not exist yet
    port: str | None = None  # an existing port to connect to instead of a virtual one
    api: str | None = None  # "ALSA", "JACK", "CoreMIDI", "WinMM", or None for the first that works
    control: str | None = None  # an existing input to hear a controller from, beside the virtual one
    # The built-in sound: True always, False never, None while nobody hears the port, where that can be told.
    sound: bool | None = None
    sound_device: str = "default"  # or "null": the true path without a sound card
    clock: bool = False  # send MIDI clock on the output
    sync: str = "internal"  # one of SYNCS: whose tempo it is
    headless: bool = False  # nobody looks: snapshots carry no piano roll
    measure: bool = False  # keep the time of every note and knob, and send Measured at the end

    @property
    def feel_file(self) -> str:
        """The path of the feel, "" for none."""
        return "" if self.feel is None else str(self.feel.file)


def from_preset(preset: Preset) -> Setup:
    """Return the Setup that plays `preset` as it is; vary it with `dataclasses.replace`."""
    starts = {name: knob.start for name, knob in zip(KNOBS, preset.knobs, strict=False)}
    first, second = preset.anchors
    return Setup(
        preset=preset.name,
        model=str(preset.model),
        manifest=preset.manifest,
        voices=tuple(VoiceSetup(v.name, v.channel, v.program, v.bank) for v in preset.voices),
        axes=tuple(knob.axis for knob in preset.knobs),
        opening=preset.opening,
        feel=preset.feel,
        anchors=((first.source, first.number), (second.source, second.number)),
        bpm=preset.bpm,
        seed=preset.seed,
        parameters=starts
        | {
            "temperature": preset.temperature / MAX_TEMPERATURE,
            "dynamics": preset.dynamics,
            "swing": preset.swing,
            "tightness": NEUTRAL["tightness"] if preset.feel is None else preset.feel.tightness,
        },
    )


def selection(voice: VoiceSetup) -> list[list[int]]:
    """Return the raw messages that choose bank and program of `voice` on its channel, where it names them."""
    control, program = CONTROL | voice.channel, PROGRAM | voice.channel
    messages = []
    if voice.bank is not None:
        messages += [[control, BANK_COARSE, voice.bank >> 7], [control, BANK_FINE, voice.bank & 0x7F]]
    if voice.program is not None:
        messages.append([program, voice.program])
    return messages
