"""From a score to tokens: which parts are melody, bass and drums, and their columns on the grid.

Rules (MusicVAE, Roberts et al. 2018, section 5 and appendix A, leaves the details open):
- A part is near-monophonic if two or more of its notes sound for at most a tenth of the time in which
  any does. Melodies are such parts outside bass, drums and effects; parts named MELODY go first, then those
  that overlap for less than a twentieth, then those struck in the most bars; the first three become songs.
- The bass is the part of bass programs (or named BASS) that is struck in the most bars; the drums are
  everything on channel 10.
- Onsets of melody and bass must lie on the grid, moved as a whole by up to half a step where a part
  lags: at least 65 % within 0.15 of a step. Chance gives 30 to 40 %, straight playing above 90 %, triplets
  34 to 60 %. The lag is taken out. Drums are exempt: their microtiming is human, and rounding absorbs it.
- Nor is a bass lost that is played as loosely as its drums: beside drums and a melody on the grid it is
  rounded like them, without a lag, if half of its onsets are near. Arrangers' software gives both one
  shuffle and one jitter, so that rounding both alike keeps them together (9 of 877 pop909-mma-trio files).
- A song is whole bars: before another time signature a bar that is cut short is left out, and the one in
  which the music ends is filled up with rest.
"""

import numpy as np
from numpy.typing import NDArray

from engine.bar import BEATS_PER_BAR, STEPS_PER_BAR, STEPS_PER_BEAT
from engine.codec import DRUM_CLASS_OF_PITCH, HOLD, NOTE_OFF
from training.data.midi import Part, Score, UnusableError
from training.data.songs import MISSING, VOICES, Piece, Remark

DRUMS = VOICES.index("drums")
OVERLAP = 0.1  # of the sounding time
MELODIES = 3  # songs that one file may give
FIT = 0.65  # of the onsets within TOLERANCE of the grid
LOOSE_FIT = 0.5  # the same of a bass that is rounded
TOLERANCE = 0.15  # of a step
LAGS = np.arange(-11, 13) / 24  # of a step
FEWEST_NOTES = {"melody": 8, "bass": 4, "drums": 4}
FEWEST_PITCHES = 3  # of a melody

Notes = NDArray[np.int64]  # (notes, 4): onset tick from the region's start, end tick, pitch, velocity


def pieces_of(score: Score) -> tuple[list[Piece], list[Remark]]:
    """Return the songs in `score`, trios where all three voices are there, else each voice alone.

    The remarks tell of voices that were left out of them or rounded. UnusableError: no voice that can be
    used; the reason is that of the longest region of 4/4.
    """
    pieces: list[Piece] = []
    remarks: list[Remark] = []
    refusals: list[tuple[int, UnusableError]] = []
    for start, end in score.regions:
        try:
            pieces += _region(score, start, end, remarks)
        except UnusableError as error:
            refusals.append((start - end, error))
    if not pieces:
        raise max(refusals, key=lambda refusal: refusal[0])[1]
    return pieces, remarks


def _region(score: Score, start: int, end: int, remarks: list[Remark]) -> list[Piece]:
    step = score.ticks_per_beat / STEPS_PER_BEAT
    parts = [Part(part.name, part.kind, _cut(part.notes, start, end)) for part in score.parts]
    melodies, basses, drums = _melodies(parts, step), _basses(parts, step), _drums(parts)
    if not (melodies or basses or len(drums)):
        raise UnusableError("no usable voice", "no near-monophonic melody, no bass, no drums")
    melodies = _on_grid("melody", melodies, step, remarks)
    basses = _on_grid("bass", basses, step, remarks, rounded=bool(melodies) and len(drums) > 0)[:1]
    # Where a time signature follows, in 4/4 or not, what is left of a bar before it is no bar of 4/4.
    bars = (end - start) / (score.ticks_per_beat * BEATS_PER_BAR)
    limit = int(np.ceil(bars)) + 1 if end == score.end else int(bars)
    if melodies and basses and len(drums):
        return [piece for melody in melodies if (piece := _piece([melody, basses[0], drums], step, limit))]
    alone = [[melody, None, None] for melody in melodies] + [[None, bass, None] for bass in basses]
    alone += [[None, None, drums]] if len(drums) else []
    if not alone:
        raise UnusableError("off the grid", f"under {FIT:.0%} of the onsets near a sixteenth")
    pieces = [piece for voices in alone if (piece := _piece(voices, step, limit))]
    if not pieces:
        raise UnusableError("too short", "no whole bar of 4/4")
    return pieces


def _cut(notes: Notes, start: int, end: int) -> Notes:
    inside = notes[(notes[:, 0] >= start) & (notes[:, 0] < end)].copy()
    inside[:, :2] = np.minimum(inside[:, :2], end) - start
    return inside


def _melodies(parts: list[Part], step: float) -> list[Notes]:
    ranked = []
    for index, part in enumerate(parts):
        notes = part.notes
        if part.kind != "melody" or len(notes) < FEWEST_NOTES["melody"]:
            continue
        shared = overlap(notes)
        if shared <= OVERLAP and len(np.unique(notes[:, 2])) >= FEWEST_PITCHES:
            ranked.append((part.name != "MELODY", round(shared, 1), -_struck_bars(notes, step), index))
    return [parts[index].notes for *_, index in sorted(ranked)[:MELODIES]]


def _basses(parts: list[Part], step: float) -> list[Notes]:
    basses = [part.notes for part in parts if part.kind == "bass" and len(part.notes) >= FEWEST_NOTES["bass"]]
    return sorted(basses, key=lambda notes: -_struck_bars(notes, step))


def _struck_bars(notes: Notes, step: float) -> int:
    return len(np.unique(notes[:, 0] // (step * STEPS_PER_BAR)))


def _drums(parts: list[Part]) -> Notes:
    drums = np.concatenate(
        [part.notes for part in parts if part.kind == "drums"] or [np.zeros((0, 4), np.int64)]
    )
    drums = drums[np.isin(drums[:, 2], list(DRUM_CLASS_OF_PITCH))]
    return drums if len(drums) >= FEWEST_NOTES["drums"] else drums[:0]


def overlap(notes: Notes) -> float:
    """Return the share of the sounding time in which two or more notes sound."""
    latest = np.maximum.accumulate(notes[:, 1])[:-1]
    shared = np.clip(np.minimum(notes[1:, 1], latest) - notes[1:, 0], 0, None).sum()
    sounding = (notes[:, 1] - notes[:, 0]).sum() - shared
    return float(shared / sounding)


def _on_grid(
    voice: str, parts: list[Notes], step: float, remarks: list[Remark], rounded: bool = False
) -> list[Notes]:
    """Return the parts that keep to the grid; if none does and `rounded`, the first that nearly does."""
    aligned = [_aligned(notes, step) for notes in parts]
    kept = [notes for notes, fit in aligned if fit >= FIT]
    loose = [index for index, (_, fit) in enumerate(aligned) if LOOSE_FIT <= fit < FIT]
    saved = loose[0] if rounded and loose and not kept else None
    for index, (_, fit) in enumerate(aligned):
        if fit < FIT:
            what = f"rounded: {voice} near the grid" if index == saved else f"dropped: {voice} off the grid"
            remarks.append(Remark(what, f"{fit:.0%} of {len(parts[index])} onsets near a sixteenth"))
    return kept if saved is None else [parts[saved]]


def _aligned(notes: Notes, step: float) -> tuple[Notes, float]:
    """Return `notes` without their constant lag behind the grid, and the share of onsets then near it."""
    onsets = notes[:, 0] / step - LAGS[:, None]  # (lags, notes)
    near = (np.abs(onsets - np.round(onsets)) <= TOLERANCE).mean(1)
    best = min(range(len(LAGS)), key=lambda index: (-near[index], abs(LAGS[index])))
    aligned = notes.copy()
    aligned[:, :2] = np.maximum(aligned[:, :2] - round(LAGS[best] * step), 0)
    return aligned, float(near[best])


def _piece(voices: list[Notes | None], step: float, limit: int) -> Piece | None:
    """Return the voices as tokens of at most `limit` bars, or None where that leaves no note."""
    grids: list[Notes | None] = []
    for voice, notes in enumerate(voices):
        if notes is None:
            grids.append(None)
            continue
        onset = np.floor(notes[:, 0] / step + 0.5).astype(np.int64)
        end = np.maximum(np.floor(notes[:, 1] / step + 0.5).astype(np.int64), onset + 1)
        end = onset + 1 if voice == DRUMS else end
        grids.append(np.stack([onset, end, notes[:, 2]], 1)[onset < limit * STEPS_PER_BAR])
    there = [grid for grid in grids if grid is not None]
    if not all(len(grid) for grid in there):
        return None
    bars = min(limit, int(-(-max(grid[:, 1].max() for grid in there) // STEPS_PER_BAR)))
    tokens = np.full((bars * STEPS_PER_BAR, len(VOICES)), MISSING, np.int16)
    for voice, grid in enumerate(grids):
        if grid is not None:
            write = _write_drums if voice == DRUMS else _write_line
            write(tokens[:, voice], grid, highest=voice == 0)
    present = (grids[0] is not None, grids[1] is not None, grids[2] is not None)
    return Piece(tokens.reshape(bars, STEPS_PER_BAR, len(VOICES)), present)


def _write_line(column: NDArray[np.int16], grid: Notes, highest: bool) -> None:
    """Write one note at a time: the next onset cuts, and of equal onsets the highest or the lowest stays."""
    order = np.lexsort((grid[:, 2] if highest else -grid[:, 2], grid[:, 0]))
    grid = grid[order]
    grid = grid[np.append(grid[1:, 0] != grid[:-1, 0], True)]  # the last of equal onsets
    following = np.append(grid[1:, 0], len(column))
    column[:] = HOLD
    column[grid[:, 1][grid[:, 1] < following]] = NOTE_OFF
    column[grid[:, 0]] = grid[:, 2]


def _write_drums(column: NDArray[np.int16], grid: Notes, highest: bool) -> None:
    column[:] = 0
    bits = np.array([1 << DRUM_CLASS_OF_PITCH[int(pitch)] for pitch in grid[:, 2]], np.int16)
    np.bitwise_or.at(column, grid[:, 0], bits)
