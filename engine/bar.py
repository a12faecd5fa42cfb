"""A bar of music as notes: the one shape that every codec produces and the player plays."""

from dataclasses import dataclass

PPQN = 480  # ticks in a beat (a quarter note)
BEATS_PER_BAR = 4
STEPS_PER_BEAT = 4  # a sixteenth: the step of music as it is counted; a model may have a grid of its own
STEPS_PER_BAR = BEATS_PER_BAR * STEPS_PER_BEAT
TICKS_PER_STEP = PPQN // STEPS_PER_BEAT
TICKS_PER_BAR = PPQN * BEATS_PER_BAR
TICKS_PER_PULSE = PPQN // 24  # a pulse of MIDI clock


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """One note of one voice.

    `tick` counts from the bar line and `duration` is in ticks; a note whose end is the end of the bar
    stays open until the next bar's `held` says how far it carries. `pitch` is 0-127, `velocity` 1-127.
    Where a feel plays it, a human strikes it `lean` ticks after its own, before it where negative, and at
    velocity `touch`; 0: as written.
    """

    tick: int
    voice: int
    pitch: int
    duration: int
    velocity: int
    lean: int = 0
    touch: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """The notes that start in one bar, ordered by tick, and what becomes of those carried into it.

    `held[voice]` is the number of ticks for which notes already sounding in that voice carry on past
    the bar line; 0 ends them there, but for those that `tied` goes on with: notes from the bar line on
    that are struck only if their pitch does not sound yet.
    """

    notes: tuple[Note, ...]
    held: tuple[int, ...]
    tied: tuple[Note, ...] = ()
