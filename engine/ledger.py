"""What outlives the player: its sounding notes in shared memory, and its words with the guard."""

from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory

_NOTES = 16 * 128  # a byte for each channel and pitch, 1 while it sounds
_CHANNELS = _NOTES  # then a byte for each channel ever used
_CLEAN = _CHANNELS + 16  # then 1 when the player has ended everything itself
_HUNG = _CLEAN + 1  # then 1 when the player has given its composer up
_WRITING = _HUNG + 1  # then 1 while the guard writes a take
_PROGRESS = _WRITING + 1  # then how far it is with that, counted round and round
_BEAT = _PROGRESS + 1  # then the guard's looks at the port, counted likewise from 1; 0 while nobody looks
_TEXTS = _BEAT + 1  # then texts, each in a field of its own
_TEXT_SIZE = {"api": 32, "port": 512, "ties": 4096, "journal": 4096, "heard": 4096}
SIZE = _TEXTS + sum(_TEXT_SIZE.values())


@dataclass(frozen=True, slots=True)
class Receivers:
    """Guard to player: the names of the ports that hear the player's output now."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PortLost:
    """Guard to player: the output, or the MIDI system that it is on, is gone; sending to it may hang."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Player to guard: turn the journal at `journal` into the .mid file that it is for."""

    journal: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Guard to player: a line for the performer."""

    text: str


@dataclass(frozen=True, slots=True)
class Alone:
    """To the player, on the guard's pipe: there is no guard any more; `journals` it had not written yet."""

    reason: str
    journals: tuple[str, ...]


class Ledger:
    """The notes that sound at the port, kept where they survive the player's death; opened by name.

    A note is marked before its note on is sent and cleared after its note off, so that a player killed
    between the two leaves a mark too many, never one too few.
    """

    def __init__(self, name: str | None = None) -> None:
        """Open the ledger called `name`, or make one; whoever makes it must `unlink` it."""
        self._memory = SharedMemory(name, create=name is None, size=SIZE)
        assert self._memory.buf is not None  # it is, until the memory is closed
        self._bytes: memoryview[int] = self._memory.buf
        self.name = self._memory.name

    def mark(self, channel: int, pitch: int) -> None:
        """Note that a pitch is about to sound."""
        self._bytes[channel * 128 + pitch] = 1
        self._bytes[_CHANNELS + channel] = 1

    def clear(self, channel: int, pitch: int) -> None:
        """Note that a pitch has ended."""
        self._bytes[channel * 128 + pitch] = 0

    def sounding(self) -> Iterator[tuple[int, int]]:
        """Yield (channel, pitch) of each note that sounds."""
        for index in range(_NOTES):
            if self._bytes[index]:
                yield divmod(index, 128)

    def channels(self) -> list[int]:
        """Return the channels ever used."""
        return [channel for channel in range(16) if self._bytes[_CHANNELS + channel]]

    @property
    def clean(self) -> bool:
        """Whether the player has ended everything itself."""
        return bool(self._bytes[_CLEAN])

    @clean.setter
    def clean(self, clean: bool) -> None:
        self._bytes[_CLEAN] = clean

    @property
    def hung(self) -> bool:
        """Whether the player has given its composer up, which has not been replaced yet."""
        return bool(self._bytes[_HUNG])

    @hung.setter
    def hung(self, hung: bool) -> None:
        self._bytes[_HUNG] = hung

    @property
    def writing(self) -> bool:
        """Whether the guard is writing a take."""
        return bool(self._bytes[_WRITING])

    @writing.setter
    def writing(self, writing: bool) -> None:
        self._bytes[_WRITING] = writing

    @property
    def progress(self) -> int:
        """A number that changes while the guard gets on with a take."""
        return self._bytes[_PROGRESS]

    def get_on(self) -> None:
        """Change `progress`."""
        self._bytes[_PROGRESS] = (self._bytes[_PROGRESS] + 1) % 256

    @property
    def beat(self) -> int:
        """A number that changes with each look at a port that is there; 0 while nobody looks."""
        return self._bytes[_BEAT]

    def seen(self, seen: bool) -> None:
        """Change `beat` because the port was seen, or set it to 0: nobody can tell any more."""
        self._bytes[_BEAT] = self._bytes[_BEAT] % 255 + 1 if seen else 0

    def write(self, field: str, text: str) -> None:
        """Keep `text` in a field; "" for none.

        The fields are "api", "port" (address of the output), "ties" (as engine.ties has them), "journal" and
        "heard" (names of the receivers lately seen, one a line).
        """
        start, size = _place(field)
        raw = text.encode()[: size - 1]
        self._bytes[start : start + size] = raw + bytes(size - len(raw))

    def read(self, field: str) -> str:
        """Return the text in `field`."""
        start, size = _place(field)
        return bytes(self._bytes[start : start + size]).rstrip(b"\0").decode(errors="replace")

    def close(self) -> None:
        """Let go of the memory in this process."""
        self._bytes.release()
        self._memory.close()

    def unlink(self) -> None:
        """Remove the memory once every process has let go of it."""
        self._memory.unlink()


def _place(field: str) -> tuple[int, int]:
    start = _TEXTS
    for name, size in _TEXT_SIZE.items():
        if name == field:
            return start, size
        start += size
    raise KeyError(field)
