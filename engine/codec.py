"""Codecs between a Bar and the tokens that a decoder writes; one table holds them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from engine import pianoroll
from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP, Bar, Note
from engine.dynamics import BACKBEAT, CRASH, EVEN, METRE, PULSE, TICK, accent, accent_of

# Melody and bass: 0-127 strikes that pitch, 128 ends the sounding note, 129 lets things be.
NOTE_OFF = 128
HOLD = 129
MELODY_VOCABULARY = 130
# Drums: each of the nine classes is one bit, so 512 tokens are all their combinations; 0 is silence.
DRUM_VOCABULARY = 512

# The pitches of General MIDI percussion that each class stands for; the first is the one it plays.
DRUM_CLASSES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("kick", (36, 35)),
    ("snare", (38, 40, 37, 39, 27, 28, 31, 32, 33, 34, 56, 65, 66, 75, 85)),
    ("closed hat", (42, 44, 22, 54, 68, 69, 70, 71, 73, 78, 80)),
    ("open hat", (46, 26, 67, 72, 74, 79, 81)),
    ("low tom", (43, 41, 45, 29, 61, 64, 84)),
    ("mid tom", (47, 48, 60, 63, 77, 86, 87)),
    ("high tom", (50, 30, 62, 76, 83)),
    ("crash", (49, 52, 55, 57, 58)),
    ("ride", (51, 53, 59, 82)),
)
DRUM_CLASS_OF_PITCH = {pitch: index for index, (_, pitches) in enumerate(DRUM_CLASSES) for pitch in pitches}
DRUM_ACCENTS = (
    METRE,
    BACKBEAT,
    TICK,
    EVEN,
    EVEN,
    EVEN,
    EVEN,
    CRASH,
    TICK,
)  # of those classes, in their order
DRUM_PITCHES = tuple(pitches[0] for _, pitches in DRUM_CLASSES)

Tokens = Sequence[Sequence[int]]  # (steps, columns)
Column = Sequence[int]  # (steps,)


@dataclass(frozen=True, slots=True)
class Voice:
    """One stream of a codec: its name, the size of its vocabulary and its kind.

    A "melody" sounds one note at a time, "drums" strike, and the columns of a "roll" are keys held down.
    """

    name: str
    vocabulary: int  # of each of its columns
    kind: str
    lean: float = 0.0  # shades the velocities of the whole voice
    accents: tuple[float, ...] = METRE  # of each sixteenth of the bar; drums have one pattern a class
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Codec:
    """A grid of tokens, the columns of each voice side by side, written in step.

    How many steps a bar has is the model's choice; they are of equal length, a whole number of ticks.
    """

    name: str
    version: int
    voices: tuple[Voice, ...]

    @property
    def vocabularies(self) -> tuple[int, ...]:
        """The size of each column's vocabulary, (columns,)."""
        return tuple(voice.vocabulary for voice in self.voices for _ in range(voice.columns))

    def to_bar(self, tokens: Tokens) -> Bar:
        """Return the Bar that `tokens` (steps, columns) spell.

        ValueError: a shape that is no bar, or a token outside its voice's vocabulary.
        """
        width = sum(voice.columns for voice in self.voices)
        steps = len(tokens)
        if not _fits(steps) or any(not isinstance(row, Sequence) or len(row) != width for row in tokens):
            raise ValueError(
                f"codec {self.name}: a bar is steps of {width} tokens, as many as divide {TICKS_PER_BAR}"
            )
        columns = list(zip(*tokens, strict=True))
        notes, tied, held = list[Note](), list[Note](), list[int]()
        first = 0
        for index, voice in enumerate(self.voices):
            own = columns[first : first + voice.columns]
            first += voice.columns
            for column in own:
                self._check(voice, column)
            if voice.kind == "roll":
                voice_notes, carried = pianoroll.read(index, own, voice.accents, voice.lean)
                tied += carried
                held.append(0)
            else:
                read = _read_drums if voice.kind == "drums" else _read_melody
                voice_notes, voice_held = read(index, voice, own[0])
                held.append(voice_held)
            notes += voice_notes
        return Bar(tuple(sorted(notes, key=attrgetter("tick", "voice", "pitch"))), tuple(held), tuple(tied))

    def to_tokens(self, bar: Bar, steps: int = STEPS_PER_BAR) -> list[list[int]]:
        """Return the tokens (steps, columns) of a Bar on a grid of `steps`.

        Its melody voices play one note at a time. ValueError: a bar cannot have that many steps.
        """
        if not _fits(steps):
            raise ValueError(f"codec {self.name}: {steps} steps a bar, allowed what divides {TICKS_PER_BAR}")
        columns: list[list[int]] = []
        for index, voice in enumerate(self.voices):
            notes = [note for note in bar.notes if note.voice == index]
            if voice.kind == "roll":
                carried = [note for note in bar.tied if note.voice == index]
                columns += pianoroll.write([*carried, *notes], steps)
            elif voice.kind == "drums":
                columns.append(_write_drums(notes, steps))
            else:
                columns.append(_write_melody(notes, bar.held[index], steps))
        return [list(row) for row in zip(*columns, strict=True)]

    def _check(self, voice: Voice, column: Column) -> None:
        """Refuse what is no token of `voice`; a roll has thousands a bar, so they are looked at in bulk."""
        if set(map(type, column)) == {int} and min(column) >= 0 and max(column) < voice.vocabulary:
            return
        for step, token in enumerate(column):
            if type(token) is not int or not 0 <= token < voice.vocabulary:
                raise ValueError(
                    f"codec {self.name}: {voice.name} token {token!r} at step {step}, "
                    f"allowed 0 to {voice.vocabulary - 1}"
                )


def _fits(steps: int) -> bool:
    """Return whether a bar can have `steps` of equal length."""
    return steps > 0 and TICKS_PER_BAR % steps == 0


def _read_melody(index: int, voice: Voice, column: Column) -> tuple[list[Note], int]:
    ticks = TICKS_PER_BAR // len(column)
    ends = [step for step, token in enumerate(column) if token != HOLD] + [len(column)]
    notes = []
    for start, end in pairwise(ends):
        if column[start] < NOTE_OFF:
            tick, duration = start * ticks, (end - start) * ticks
            velocity = accent_of(voice.accents, tick, duration, voice.lean)
            notes.append(Note(tick, index, column[start], duration, velocity))
    return notes, ends[0] * ticks


def _write_melody(notes: list[Note], held: int, steps: int) -> list[int]:
    column, ticks = [HOLD] * steps, TICKS_PER_BAR // steps
    if held < TICKS_PER_BAR:
        column[held // ticks] = NOTE_OFF
    for note in notes:
        end = note.tick + note.duration
        if end < TICKS_PER_BAR:
            column[end // ticks] = NOTE_OFF
    for note in notes:
        column[note.tick // ticks] = note.pitch
    return column


def _read_drums(index: int, voice: Voice, column: Column) -> tuple[list[Note], int]:
    ticks = TICKS_PER_BAR // len(column)
    notes = []
    for step, token in enumerate(column):
        for drum, pitch in enumerate(DRUM_PITCHES):
            if token >> drum & 1:
                velocity = accent(DRUM_ACCENTS[drum], step * ticks // TICKS_PER_STEP, voice.lean)
                notes.append(Note(step * ticks, index, pitch, min(ticks, TICKS_PER_STEP), velocity))
    return notes, 0


def _write_drums(notes: list[Note], steps: int) -> list[int]:
    column, ticks = [0] * steps, TICKS_PER_BAR // steps
    for note in notes:
        column[note.tick // ticks] |= 1 << DRUM_CLASS_OF_PITCH[note.pitch]
    return column


MELODY = Voice("melody", MELODY_VOCABULARY, "melody", lean=0.4)
BASS = Voice("bass", MELODY_VOCABULARY, "melody", accents=PULSE)
DRUMS = Voice("drums", DRUM_VOCABULARY, "drums", lean=0.1)
CHORDS = Voice("chords", 2, "roll", columns=pianoroll.KEYS)

CODECS = {
    codec.name: codec
    for codec in (
        Codec("trio", 1, (MELODY, BASS, DRUMS)),
        Codec("melody", 1, (MELODY,)),
        Codec("drums", 1, (DRUMS,)),
        Codec("roll", 1, (CHORDS,)),
    )
}
