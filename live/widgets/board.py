"""Everything that moves on the stage, from the transport down to the status lines."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine.codec import CODECS
from engine.messages import KNOBS, MAX_TEMPERATURE, SWING_PERCENT
from engine.preset import Preset
from engine.snapshot import Snapshot
from live.widgets.control import Control
from live.widgets.dial import Dial
from live.widgets.slider import Slider
from live.widgets.status import Status
from live.widgets.trace import Trace
from live.widgets.track import Track
from live.widgets.transport import Transport

FROM_A_TO_B = "from anchor A to anchor B along the sphere"
RISK = "low plays the likeliest notes, high takes risks"
ACCENTS = "from even to strongly accented"
LATER = "every second sixteenth later: 50 % is straight, 67 % triplets"
TIGHT = "from as loose as a human drummer to on the grid, accents as written"


class Board(Vertical):
    """The instrument's panel for one preset."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(id="board")
        heat = preset.temperature / MAX_TEMPERATURE
        even, most = SWING_PERCENT
        swing = {"low": even, "scale": most - even}
        self.transport = Transport(preset.title, preset.manifest.bars, preset.bpm, preset.seed)
        self._dials = [
            Dial(name, knob.label, knob.start, knob.axis.description)
            for name, knob in zip(KNOBS, preset.knobs, strict=False)
        ]
        self._sliders = [
            Slider("interpolation", "morph", 0.0, FROM_A_TO_B, ends=("A", "B"), scale=100),
            Slider("temperature", "temperature", heat, RISK, ends=("", ""), scale=MAX_TEMPERATURE),
            Slider("dynamics", "dynamics", preset.dynamics, ACCENTS, ends=("", ""), scale=100),
            Slider("swing", "swing", preset.swing, LATER, ends=("", ""), unit="%", **swing),
        ]
        if preset.feel is not None:
            start = preset.feel.tightness
            self._sliders.append(Slider("tightness", "tightness", start, TIGHT, ends=("", ""), scale=100))
        kinds = [voice.kind for voice in CODECS[preset.manifest.codec].voices]
        self.tracks = [
            Track(index, voice.name, voice.channel, kind == "drums")
            for index, (voice, kind) in enumerate(zip(preset.voices, kinds, strict=True))
        ]
        self._traces = [Trace(number, name) for number, name in enumerate(preset.manifest.traces)]
        self.status = Status()
        self.controls: dict[str, Control] = {c.parameter: c for c in (*self._dials, *self._sliders)}

    def compose(self) -> ComposeResult:
        """Lay out transport, knobs, sliders, voices and status."""
        yield self.transport
        yield Horizontal(*self._dials, id="knobs")
        yield Horizontal(*self._sliders, id="sliders")
        yield Vertical(*self.tracks, *self._traces, id="stage")
        yield self.status

    def show(self, snapshot: Snapshot, bpm: float) -> None:
        """Take the player's word, and the tempo as asked for."""
        self.transport.show(snapshot, bpm)
        for name, control in self.controls.items():
            value = snapshot.parameters.get(name, control.value)
            bound, waiting = snapshot.bound.get(name, ""), snapshot.waiting.get(name)
            control.show(value, bound, waiting, snapshot.learning == name)
        for track in self.tracks:
            track.show(snapshot)
        for trace in self._traces:
            trace.show(snapshot)
