"""The performer's panel: parameters, anchors and seed as they stand, and the latent that they make."""

import numpy as np

from engine.dynamics import shape
from engine.hits import weighed
from engine.latent import Latent, anchor, draw, move, slerp
from engine.messages import KNOBS, MAX_TEMPERATURE, PARAMETERS, SHAPING
from engine.setup import NEUTRAL, Setup


class Panel:
    """What the performer moves; `revision` counts the moves that change what is to be written.

    A knob that moves a thousand times between two looks costs nothing: only its newest state is looked at.
    """

    def __init__(self, setup: Setup) -> None:
        self._manifest = setup.manifest
        self.seed = setup.seed
        self.parameters = NEUTRAL | setup.parameters
        self.anchors = {
            name: anchor(setup.manifest, *source) for name, source in zip("AB", setup.anchors, strict=True)
        }
        axes = setup.axes[: len(KNOBS)]
        vectors = np.asarray([axis.vector for axis in axes], dtype=np.float32)
        self._axes = vectors.reshape(len(axes), setup.manifest.z_size)
        self._reach = [(axis.low, axis.high) for axis in axes]
        self.revision = 0

    def set_parameter(self, name: str, value: float) -> None:
        """Move one of PARAMETERS to `value`, clamped to 0 to 1."""
        value = max(0.0, min(1.0, value))
        if name not in PARAMETERS or value == self.parameters[name]:
            return
        self.parameters[name] = value
        if name not in SHAPING:
            self.revision += 1

    def set_seed(self, seed: int) -> None:
        """Key the sampling noise on `seed`."""
        self.seed, self.revision = seed, self.revision + 1

    def set_anchor(self, name: str, seed: int | None) -> None:
        """Put the model's draw for `seed`, or what plays now, into anchor "A" or "B".

        What plays now includes knobs and morph, which therefore go to neutral and to that anchor: the
        music stays the same.
        """
        if seed is None:
            self.anchors[name] = self.z()
            self.parameters |= {knob: NEUTRAL[knob] for knob in KNOBS}
            self.parameters["interpolation"] = 0.0 if name == "A" else 1.0
        else:
            self.anchors[name] = draw(self._manifest, seed)
        self.revision += 1

    def z(self) -> Latent:
        """Return the latent under the parameters as they stand; (z_size,)."""
        knobs = [self.parameters[name] for name in KNOBS[: len(self._reach)]]
        offsets = [
            low * (1 - 2 * knob) if knob < 0.5 else high * (2 * knob - 1)
            for knob, (low, high) in zip(knobs, self._reach, strict=True)
        ]
        position = self.parameters["interpolation"]
        # At either end it is the anchor itself: the arc would round its last digits.
        ends = {0.0: "A", 1.0: "B"}
        if position in ends:
            base = self.anchors[ends[position]]
        else:
            base = slerp(self.anchors["A"], self.anchors["B"], position)
        return move(base, self._axes, np.asarray(offsets, dtype=np.float32))

    def shape(self, velocity: int, touch: int) -> int:
        """Return the velocity of a note, from the one written and a human's `touch`, 0 for none."""
        loose = weighed(velocity, touch, self.parameters["tightness"])
        return shape(loose, self.parameters["dynamics"])

    @property
    def temperature(self) -> float:
        """The temperature of every voice, 0 to MAX_TEMPERATURE."""
        return MAX_TEMPERATURE * self.parameters["temperature"]
