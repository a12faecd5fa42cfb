"""What the player says to `live`: about 30 snapshots a second, the latest wins, and what it measured."""

from dataclasses import dataclass, field

from engine.messages import PORT


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
