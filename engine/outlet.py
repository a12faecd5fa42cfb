"""Where the player's notes are heard: the MIDI port while it can be sent to, and the built-in sound."""

from collections.abc import Callable
from typing import Protocol

from engine.clock import read
from engine.delay import Delay
from engine.ledger import Ledger
from engine.messages import PORT, SOUND
from engine.midi import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON, PROGRAM
from engine.offset import Offsets
from engine.sinks import Sink

# Messages sent since the guard last saw the port, from which on it may be gone; 2,340 fill JACK's ring.
UNSEEN = 1000


class Synth(Sink, Protocol):
    """The built-in sound, or what behaves like it."""

    backend: str

    @property
    def alive(self) -> bool:
        """Whether messages are still heard."""


class Outlet:
    """A sink that passes what it is sent to whoever is to hear it, each at its own offset.

    RtMidi waits for ever for a JACK server that died with its ring full, so a port that the guard has not
    seen for UNSEEN messages is sent nothing until it is seen again.
    """

    def __init__(
        self,
        port: Sink | None,
        text: str,
        sound: Synth | None = None,
        always: bool = False,
        ledger: Ledger | None = None,
        *,
        now: Callable[[], float] = read,
    ) -> None:
        """`text` names the port. Without `always`, `sound` is heard while nobody hears the port.

        `now` returns the time in seconds.
        """
        self._port = port
        self._text = text
        self._sound = sound
        self._always = always
        self._ledger = ledger
        self._open = sound is not None and (always or port is None)
        self._heard_by: tuple[str, ...] | None = None
        self._used: set[int] = set()  # channels
        self._beat = self._unseen = 0
        self._offsets = Offsets(0.0)
        self._to_port, self._to_sound = Delay(self._tell_port, now), Delay(self._tell_sound, now)

    def keep_time(self, offsets: Offsets) -> None:
        """Hold back from either output what the music sends too soon for it, as `offsets` says."""
        self._offsets = offsets
        self._gate()

    def send(self, message: list[int]) -> None:
        """Send `message` to the port and to the built-in sound, where each is to have it."""
        self._used.add(message[0] & 0x0F)
        panic = message[0] & 0xF0 == CONTROL and message[1] in (ALL_SOUND_OFF, ALL_NOTES_OFF)
        if panic:
            self.flush()
        if self._port is not None:
            self._to_port.send(message, 0.0 if panic else self._offsets.delay(PORT))
        # A sound that waits must know its programs when its turn comes.
        if self._sound is not None and (self._open or message[0] & 0xF0 == PROGRAM):
            self._to_sound.send(message, 0.0 if panic else self._offsets.delay(SOUND))

    @property
    def deadline(self) -> float:
        """The time at which a message that is held back is due, infinity if there is none."""
        return min(self._to_port.deadline, self._to_sound.deadline)

    def turn(self, now: float) -> None:
        """Send what was held back and is due."""
        self._to_port.turn(now)
        self._to_sound.turn(now)

    def flush(self) -> None:
        """Hold nothing back any more: end what sounds, begin no note that was still to come."""
        self._to_port.flush()
        self._to_sound.flush()

    def pulse(self, message: list[int]) -> None:
        """Send a `message` of our clock, which is for the port alone."""
        self._tell_port(message)

    def heard_by(self, receivers: tuple[str, ...]) -> bool:
        """Take in who hears the port now; return whether somebody is new, who needs the programs."""
        new = not set(receivers) <= set(self._heard_by or ())
        self._heard_by = receivers
        self._gate()
        return new

    def lose_port(self, reason: str) -> None:
        """Send the port nothing any more."""
        self._port, self._text, self._heard_by = None, f"no MIDI port ({reason})", None
        self._gate()

    def lost_sound(self) -> bool:
        """Return whether the built-in sound has died since the last call; it is let go."""
        if self._sound is None or self._sound.alive:
            return False
        self._sound, self._open = None, False
        self._gate()
        return True

    @property
    def text(self) -> str:
        """Where the notes go, for the performer."""
        text = self._text
        if self._heard_by is not None:
            count = len(self._heard_by)
            text += f" -> {count} client{'s' if count > 1 else ''}" if count else " -> nobody yet"
        if self._sound is not None:
            state = f"({self._sound.backend})" if self._open else "silent"
            text += f" + built-in sound {state}"
        return text

    def _tell_port(self, message: list[int]) -> None:
        if self._port is None or not self._reachable():
            return
        kind, channel, ledger = message[0] & 0xF0, message[0] & 0x0F, self._ledger
        if ledger is not None and kind == NOTE_ON:
            ledger.mark(channel, message[1])
        self._port.send(message)
        if ledger is not None and kind == NOTE_OFF:
            ledger.clear(channel, message[1])

    def _tell_sound(self, message: list[int]) -> None:
        if self._sound is not None:
            self._sound.send(message)

    def _reachable(self) -> bool:
        if self._ledger is None:
            return True
        beat = self._ledger.beat
        if beat != self._beat or beat == 0:  # seen again, or nobody can tell
            if self._unseen > UNSEEN and self._port is not None:
                self._hush(self._port)  # ends what was to end meanwhile
            self._beat, self._unseen = beat, 0
        self._unseen += 1
        return self._unseen <= UNSEEN

    def _gate(self) -> None:
        """Let the built-in sound be heard, or end what it plays, as the receivers have it."""
        heard = self._sound is not None and (self._always or self._port is None or self._heard_by == ())
        if self._sound is not None and self._open and not heard:
            self._to_sound.flush()
            self._hush(self._sound)
        self._open = heard
        self._offsets.hear(port=self._port is not None and self._heard_by != (), sound=heard)

    def _hush(self, sink: Sink) -> None:
        for channel in self._used:
            sink.send([CONTROL | channel, ALL_NOTES_OFF, 0])
