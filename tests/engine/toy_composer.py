"""A composer without a model: tokens as a pure function of the request, to play the engine with."""

from collections.abc import Sequence
from multiprocessing.connection import Connection

import numpy as np

from engine.bar import STEPS_PER_BAR
from engine.codec import HOLD, NOTE_OFF
from engine.manifest import Axis, Manifest
from engine.request import BarReply, BarRequest, ComposerState
from engine.setup import Setup, VoiceSetup

Z_SIZE = 8
VOICES = (VoiceSetup("melody", 0, 0), VoiceSetup("bass", 1, 33), VoiceSetup("drums", 9, 0))


def manifest(bars: int = 4) -> Manifest:
    """Return the manifest of a model that does not exist."""
    axis = np.zeros(Z_SIZE)
    axis[0] = 1.0
    return Manifest(
        format=1,
        family="toy",
        codec="trio",
        codec_version=1,
        steps_per_bar=STEPS_PER_BAR,
        bars=bars,
        z_size=Z_SIZE,
        voices=("melody", "bass", "drums"),
        weights="float32",
        latent_mean=(0.0,) * Z_SIZE,
        latent_std=(1.0,) * Z_SIZE,
        axes=(Axis("height", tuple(axis.tolist()), -2.0, 2.0, "register", {}),),
        anchors=(),
        data=(),
        exported_with={},
    )


def setup(**changes: object) -> Setup:
    """Return a performance of the toy."""
    contract = manifest()
    fields = {"preset": "toy", "model": "", "manifest": contract, "voices": VOICES, "axes": contract.axes}
    fields["sound"] = False
    return Setup(**(fields | changes))


def decode(request: BarRequest) -> BarReply:
    """Return a bar whose notes depend on all that a real decoder's depend on."""
    z = np.frombuffer(request.z, dtype=np.float32)
    key = [request.seed % 2**64, int(abs(float(z.sum())) * 1e6) + int(request.temperature[0] * 1000)]
    bits = np.random.Philox(key=key, counter=[0, 0, request.bar, request.loop])
    draws = bits.random_raw(STEPS_PER_BAR * 3).reshape(STEPS_PER_BAR, 3)
    rows: list[Sequence[int]] = [tuple(row) for row in request.prefix[: request.from_step]]
    for step in range(request.from_step, STEPS_PER_BAR):
        melody, bass, drums = (int(draw) for draw in draws[step])
        rows.append((_note(melody, 60), _note(bass, 36), drums % 16 if drums % 3 else 0))
    return BarReply(request.number, request.revision, request.from_step, tuple(map(tuple, rows)), 1.0)


def _note(draw: int, base: int) -> int:
    return (base + draw // 8 % 13, HOLD, HOLD, NOTE_OFF, base + draw // 8 % 5, HOLD)[draw % 6]


def run(connection: Connection, *_: str) -> None:
    """Answer requests until the player is gone."""
    try:
        connection.send(ComposerState("loading"))
        connection.send(ComposerState("ready"))
        while True:
            connection.send(decode(connection.recv()))
    except (EOFError, OSError):
        pass
