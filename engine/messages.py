"""What the processes say to each other: commands to the player, its snapshots, and the composer's bars."""

from dataclasses import dataclass, field

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


# Commands: `live` to the player.


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


# Snapshots: the player to `live`, about 30 a second, the latest wins.


@dataclass(frozen=True, slots=True)
class VoiceState:
    """One voice as the screen shows it; `sounding` holds the pitches on right now, `channel` is 0-15."""

    name: str
    channel: int
    muted: bool
    sounding: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RollNote:
    """A note for the piano roll; `tick` counts from the start of the performance."""

    tick: int
    duration: int
    voice: int
    pitch: int
    velocity: int
    tied: bool = False  # struck only if its pitch does not sound already


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the screen shows, at one moment of the player."""

    playing: bool
    bpm: float
    tick: int  # since the first note, negative before it, in 1/PPQN of a beat; straight, whatever the swing
    window_bar: int  # bar within the latent's window
    loop: int
    seed: int
    parameters: dict[str, float]  # PARAMETERS by name
    bound: dict[str, str]  # parameter -> controller, such as "ch 1 CC 74"
    learning: str | None
    voices: tuple[VoiceState, ...]
    roll: tuple[RollNote, ...]  # the last bars played and the next ones known
    out_port: str  # such as "JACK: live:trio -> 2 clients"
    in_port: str
    composer: str  # "loading", "ready", "dead"
    late_bars: int
    lateness_ms: float  # worst send of the last second
    decode_ms: float  # last bar
    recording: str | None
    notices: tuple[str, ...] = field(default=())  # lines for the performer, newest last
    finished: bool = False  # the player is leaving; no more snapshots come
    # Soft takeover: parameter -> where its controller stands (0 to 1), until that meets the parameter.
    waiting: dict[str, float] = field(default_factory=dict)
    # The player ends because of an error or was killed, or there is nothing to play and never will be.
    failed: bool = False
    sync: str = ""  # how keeping time with others goes; "" while the tempo is our own
    offset_ms: float = 0.0  # of the current output, from musical time; where it is to be
    offset_of: str = PORT  # which output that is: PORT or SOUND
    count_in: int = 0  # bars, from the next start on
    # What the steps of the bar that plays report: the manifest's traces by name, one value a step.
    traces: dict[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """What a player whose Setup says `measure` kept of itself; it comes once, before the last snapshot.

    Times are seconds of the engine's clock, samples the bytes of arrays: `due` and `sent` float64 for each
    note on, `notes` uint16, channel * 128 + pitch. `knob_to_note` counts, uint32 as engine.tally has them,
    the moves of knobs by how long each took from its arrival to the nominal time of the first step that
    reflects it. A step is missed if it does not reflect a move that came 20 ms or more before; `knob_steps`
    are those that had one to reflect.
    """

    due: bytes
    sent: bytes
    notes: bytes
    stalls: tuple[tuple[float, float], ...]  # (when the music went on, by how many seconds it was moved)
    knob_to_note: bytes
    knob_to_note_worst: float
    knob_heard: int  # messages that were to move a knob, at the player's input
    knob_moves: int  # that changed the music
    knob_moves_dropped: int  # while nothing played
    knob_steps: int
    knob_missed_steps: int


# Bars: between player and composer.

Tokens = tuple[tuple[int, ...], ...]  # of one bar, (steps, columns)
# How a human plays the drums of one bar: (step, class, velocity, ticks after the step) of each hit, in order.
Hits = tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class BarRequest:
    """Ask for bar `bar` of the window under `z`, from step `from_step` on.

    `prefix` (steps, columns) holds the tokens already played, rows before `from_step` only are read.
    `number` counts bars since the start of the performance and `revision` the state of the knobs;
    both come back with the reply. `temperature` has one value a voice. `z` is float32 bytes, (z_size,).
    Of a model whose bars go on from each other, `past` holds the bars just before this one, oldest first,
    that have been or will be played since the model was in `state`, float32 bytes; empty, it begins there.
    Where a feel plays the drums, its own state stands behind the model's, whose bars may stand alone.
    """

    number: int
    revision: int
    loop: int
    bar: int
    from_step: int
    prefix: Tokens
    z: bytes
    temperature: tuple[float, ...]
    seed: int
    state: bytes = b""
    past: tuple[Tokens, ...] = ()


@dataclass(frozen=True, slots=True)
class BarReply:
    """The tokens (steps, columns) of the bar asked for, prefix included, and what they cost.

    `state` is the model's after the bar, `states` are those after each bar of the request's past, and
    `traces` (traces, steps) what the bar's steps report; all are empty of a model whose bars stand alone,
    but for the state of a feel. `hits` are how that plays the bar's drums, none where there is no feel.
    """

    number: int
    revision: int
    from_step: int
    tokens: Tokens
    decode_ms: float
    state: bytes = b""
    states: tuple[bytes, ...] = ()
    traces: tuple[tuple[float, ...], ...] = ()
    hits: Hits = ()


@dataclass(frozen=True, slots=True)
class ComposerState:
    """The composer is "loading" or "ready", or `detail` says why it is "dead" until replaced or "failed"."""

    state: str
    detail: str = ""
