"""Codecs between a Bar and the tokens that a decoder writes; one table holds them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.bar import STEPS_PER_BAR, TICKS_PER_BAR, TICKS_PER_STEP, Bar, Note
from engine.dynamics import BACKBEAT, CRASH, EVEN, METRE, PULSE, TICK, accent

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

Tokens = Sequence[Sequence[int]]  # (steps, voices)


@dataclass(frozen=True, slots=True)
class Voice:
    """One stream of a codec: its name, vocabulary size and kind ("melody" or "drums")."""

    name: str
    vocabulary: int
    kind: str
    lean: float = 0.0  # shades the velocities of the whole voice
    accents: tuple[float, ...] = METRE  # of each step of the bar; drums have one pattern a class


@dataclass(frozen=True, slots=True)
class Codec:
    """A grid of tokens, one column a voice, written in step."""

    name: str
    version: int
    voices: tuple[Voice, ...]

    def to_bar(self, tokens: Tokens) -> Bar:
        """Return the Bar that `tokens` (steps, voices) spell.

        ValueError: a shape that is no bar, or a token outside its voice's vocabulary.
        """
        if len(tokens) != STEPS_PER_BAR or any(len(row) != len(self.voices) for row in tokens):
            raise ValueError(
                f"codec {self.name}: a bar is {STEPS_PER_BAR} steps of {len(self.voices)} tokens"
            )
        notes: list[Note] = []
        held: list[int] = []
        for index, voice in enumerate(self.voices):
            column = [int(row[index]) for row in tokens]
            for step, token in enumerate(column):
                if not 0 <= token < voice.vocabulary:
                    raise ValueError(
                        f"codec {self.name}: {voice.name} token {token} at step {step}, "
                        f"allowed 0 to {voice.vocabulary - 1}"
                    )
            read = _read_drums if voice.kind == "drums" else _read_melody
            voice_notes, voice_held = read(index, voice, column)
            notes += voice_notes
            held.append(voice_held)
        return Bar(tuple(sorted(notes)), tuple(held))

    def to_tokens(self, bar: Bar) -> list[list[int]]:
        """Return the tokens (steps, voices) of a Bar on the grid, its melody voices one note at a time."""
        columns = [
            _write_drums(notes) if voice.kind == "drums" else _write_melody(notes, bar.held[index])
            for index, voice in enumerate(self.voices)
            for notes in [[note for note in bar.notes if note.voice == index]]
        ]
        return [list(row) for row in zip(*columns, strict=True)]


def _read_melody(index: int, voice: Voice, column: list[int]) -> tuple[list[Note], int]:
    ends = [step for step, token in enumerate(column) if token != HOLD] + [STEPS_PER_BAR]
    notes = [
        Note(
            start * TICKS_PER_STEP,
            index,
            column[start],
            (end - start) * TICKS_PER_STEP,
            accent(voice.accents, start, voice.lean, end - start),
        )
        for start, end in pairwise(ends)
        if column[start] < NOTE_OFF
    ]
    return notes, ends[0] * TICKS_PER_STEP


def _write_melody(notes: list[Note], held: int) -> list[int]:
    column = [HOLD] * STEPS_PER_BAR
    if held < TICKS_PER_BAR:
        column[held // TICKS_PER_STEP] = NOTE_OFF
    for note in notes:
        end = note.tick + note.duration
        if end < TICKS_PER_BAR:
            column[end // TICKS_PER_STEP] = NOTE_OFF
    for note in notes:
        column[note.tick // TICKS_PER_STEP] = note.pitch
    return column


def _read_drums(index: int, voice: Voice, column: list[int]) -> tuple[list[Note], int]:
    notes = []
    for step, token in enumerate(column):
        for drum, pitch in enumerate(DRUM_PITCHES):
            if token >> drum & 1:
                velocity = accent(DRUM_ACCENTS[drum], step, voice.lean)
                notes.append(Note(step * TICKS_PER_STEP, index, pitch, TICKS_PER_STEP, velocity))
    return notes, 0


def _write_drums(notes: list[Note]) -> list[int]:
    column = [0] * STEPS_PER_BAR
    for note in notes:
        column[note.tick // TICKS_PER_STEP] |= 1 << DRUM_CLASS_OF_PITCH[note.pitch]
    return column


MELODY = Voice("melody", MELODY_VOCABULARY, "melody", lean=0.4)
BASS = Voice("bass", MELODY_VOCABULARY, "melody", accents=PULSE)
DRUMS = Voice("drums", DRUM_VOCABULARY, "drums", lean=0.1)

CODECS = {codec.name: codec for codec in (Codec("trio", 1, (MELODY, BASS, DRUMS)),)}
