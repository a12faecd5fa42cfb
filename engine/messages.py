"""What `live` says to the player: a command for each thing that the performer does, and its range."""

from dataclasses import dataclass

# The continuous parameters, each 0 to 1, that a command, a knob or a controller moves by name.
KNOBS = tuple(f"knob{number}" for number in range(1, 9))
SHAPING = ("dynamics", "swing", "tightness")  # these shape notes as they are sent: nothing is written anew
PARAMETERS = (*KNOBS, "interpolation", "temperature", *SHAPING)
MAX_TEMPERATURE = 2.0  # the parameter "temperature" at 1
SWING_PERCENT = (50.0, 75.0)  # where the second of two sixteenths lies, the parameter "swing" at 0 and 1
BPM_RANGE = (20.0, 300.0)
SYNCS = ("internal", "midi", "link")  # whose tempo: our own, a MIDI clock's, an Ableton Link session's
OFFSET_MS = (-200.0, 200.0)
PORT, SOUND = "port", "sound"  # the outputs, each of which has an offset
MAX_COUNT_IN = 4  # bars


@dataclass(frozen=True, slots=True)
class Play:
    """Start at the first bar; nothing if it plays already."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End every note and wait; the position returns to the first bar of the latent."""


@dataclass(frozen=True, slots=True)
class Panic:
    """End every note on every channel used, at once; the music goes on."""


@dataclass(frozen=True, slots=True)
class Quit:
    """End every note, close recording and ports, and leave."""


@dataclass(frozen=True, slots=True)
class SetBpm:
    """Beats per minute, clamped to BPM_RANGE; from the next event on."""

    bpm: float


@dataclass(frozen=True, slots=True)
class SetOffset:
    """Let the current output have all `milliseconds` after its musical time, or before; within OFFSET_MS.

    That is the port while somebody hears it, or where nobody can tell, else the built-in sound.
    """

    milliseconds: float


@dataclass(frozen=True, slots=True)
class SetCountIn:
    """Count `bars` in before the first one, 0 to MAX_COUNT_IN, from the next Play on."""

    bars: int


@dataclass(frozen=True, slots=True)
class SetParameter:
    """Move one of PARAMETERS to `value`, 0 to 1."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class SetMute:
    """Silence a voice (its sounding notes end) or let it sound again."""

    voice: int
    muted: bool


@dataclass(frozen=True, slots=True)
class SetChannel:
    """Send a voice on `channel`, 0-15, from its next note on."""

    voice: int
    channel: int


@dataclass(frozen=True, slots=True)
class SetAnchor:
    """Put a new latent into anchor "A" or "B": the model's draw for `seed`, or what plays now if None."""

    anchor: str
    seed: int | None


@dataclass(frozen=True, slots=True)
class SetSeed:
    """Key the sampling noise on `seed`; the latents stay."""

    seed: int


@dataclass(frozen=True, slots=True)
class Learn:
    """Bind the next controller that moves to `parameter` in place of the old one; None leaves learning."""

    parameter: str | None


@dataclass(frozen=True, slots=True)
class Unlearn:
    """Forget the controller bound to `parameter`."""

    parameter: str


@dataclass(frozen=True, slots=True)
class Record:
    """Record into the .mid file at `path` from now on, or finish the recording if None."""

    path: str | None


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The last snapshot was taken; the player may send the next: a slow screen never blocks it."""


Command = (
    Play
    | Stop
    | Panic
    | Quit
    | SetBpm
    | SetOffset
    | SetCountIn
    | SetParameter
    | SetMute
    | SetChannel
    | SetAnchor
    | SetSeed
    | Learn
    | Unlearn
    | Record
    | Acknowledge
)
