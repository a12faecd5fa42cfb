"""A composer without a model that strikes on every step, to measure how late a player's notes are."""

from multiprocessing.connection import Connection

from engine.bar import STEPS_PER_BAR
from engine.codec import CODECS, HOLD
from engine.manifest import Manifest
from engine.midi import DRUM_CHANNEL
from engine.request import BarReply, ComposerState
from engine.setup import Setup, VoiceSetup

BPM = 240.0  # sixteen steps a second
CLOSED_HAT = 1 << 2  # the token of one drum, the third of the codec's classes


def setup() -> Setup:
    """Return a performance that waits for Play, and measures itself."""
    codec = CODECS["trio"]
    manifest = Manifest(
        format=1,
        family="metronome",
        codec=codec.name,
        codec_version=codec.version,
        steps_per_bar=STEPS_PER_BAR,
        bars=1,
        z_size=1,
        voices=tuple(voice.name for voice in codec.voices),
        weights="none",
        latent_mean=(0.0,),
        latent_std=(1.0,),
        axes=(),
        anchors=(),
        data=(),
        exported_with={},
    )
    voices = tuple(VoiceSetup(voice.name, DRUM_CHANNEL) for voice in codec.voices)
    return Setup("doctor", "", manifest, voices, bpm=BPM, play=False, sound=False, measure=True)


def run(connection: Connection, *_: str) -> None:
    """Be the composer's process: answer every BarRequest with a stroke on every step."""
    tokens = ((HOLD, HOLD, CLOSED_HAT),) * STEPS_PER_BAR
    try:
        connection.send(ComposerState("ready"))
        while True:
            request = connection.recv()
            reply = BarReply(request.number, request.revision, request.from_step, tokens, 0.0)
            connection.send(reply)
    except (EOFError, OSError):
        return
