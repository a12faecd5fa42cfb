"""The bars around the one that plays: as they are written, what each goes on from, and what a late one is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from engine.bar import TICKS_PER_BAR, Bar
from engine.codec import CODECS
from engine.hits import drums, joined, played
from engine.manifest import Manifest
from engine.request import Hits, Tokens
from engine.snapshot import RollNote

BEHIND = 2  # bars kept before the one that plays
PAST = 8  # and at most, while the state after those since is not known
NOTHING = 0  # the edition that a bar goes on from which begins anew


@dataclass(frozen=True, slots=True)
class Written:
    """A bar as it will play or has played; `revision` is the state of the knobs that it was written under.

    `edition` is another one for each bar that is written, and `origin` that of the bar which it goes on from;
    a bar that plays again is of the same edition. `state` is the model's after it, and that of a feel, None
    until it is known. `hits` are how a feel plays its drums.
    """

    tokens: Tokens  # (steps, columns)
    bar: Bar
    revision: int
    edition: int
    origin: int
    state: bytes | None
    traces: tuple[tuple[float, ...], ...]  # (traces, steps)
    hits: Hits
    roll: tuple[RollNote, ...]  # the bar's notes for the screen, made once because they are shown often


class Score:
    """Keeps the bars of a performance by number, each with what the next needs in order to go on from it."""

    def __init__(self, manifest: Manifest, keep: int = PAST, *, felt: bool = False) -> None:
        """`keep` bars behind the one that plays are kept at most.

        Where a feel plays the drums, each bar goes on from the one before, even if the model's stand alone.
        """
        self._manifest = manifest
        self._codec = CODECS[manifest.codec]
        self._felt = felt
        self._keep = max(keep, PAST)
        self._bars: dict[int, Written] = {}
        self._editions = count(NOTHING + 1)
        self.current = 0  # the bar that plays, or is to play first
        self.late = 0  # bars that were not there when they were to play

    def get(self, number: int) -> Written | None:
        """Return bar `number`, None if it is not there."""
        return self._bars.get(number)

    def write(
        self,
        number: int,
        tokens: Tokens,
        revision: int,
        origin: int,
        *,
        state: bytes | None = None,
        traces: tuple[tuple[float, ...], ...] = (),
        hits: Hits = (),
        from_step: int = 0,
    ) -> None:
        """Take in bar `number`, written to go on from `origin`. ValueError: tokens that are no bar.

        Hits before `from_step` have been played: they stay as they were, also under another seed.
        """
        if len(tokens) != self._manifest.steps_per_bar:
            raise ValueError(f"a bar of {len(tokens)} steps, the model has {self._manifest.steps_per_bar}")
        bar, edition = self._codec.to_bar(tokens), next(self._editions)
        if from_step and number in self._bars:
            hits = joined(self._bars[number].hits, hits, from_step)
        if hits and (found := drums(self._codec)) is not None:
            bar = played(bar, found[0], hits)
        roll = _roll(number, bar)
        self._bars[number] = Written(tokens, bar, revision, edition, origin, state, traces, hits, roll)

    def origin(self, number: int) -> int:
        """Return the edition that bar `number` goes on from as things stand, NOTHING if it begins anew."""
        before = self._before(number)
        return NOTHING if before is None else before.edition

    def stale(self, number: int) -> bool:
        """Return whether bar `number`, which is there, was written to come after another than it does now."""
        return self._bars[number].origin != self.origin(number)

    def history(self, number: int) -> tuple[bytes, tuple[Tokens, ...]]:
        """Return the last state known before bar `number`, empty for none, and the bars since then."""
        past: list[Tokens] = []
        while (before := self._before(number)) is not None:
            number -= 1
            if number in self._bars and before.state is not None:
                return before.state, tuple(reversed(past))
            past.append(before.tokens)
        return b"", tuple(reversed(past))

    def learn(self, number: int, past: Sequence[Tokens], states: Sequence[bytes]) -> None:
        """Take in the states after each of the bars in `past`, which lie before bar `number`."""
        for place, (tokens, state) in enumerate(zip(past, states, strict=False), number - len(past)):
            written = self._bars.get(place)
            if written is not None and written.state is None and written.tokens == tokens:
                self._bars[place] = replace(written, state=state)

    def _before(self, number: int) -> Written | None:
        """Return what has been or will be played before bar `number`, None if that goes on from nothing."""
        if self._begins(number):
            return None
        number -= 1
        while number not in self._bars and number > self.current:
            number -= 1  # what is not there by now will be late, and the one before it once again
        return self._bars.get(number)

    def _begins(self, number: int) -> bool:
        """Return whether bar `number` goes on from nothing."""
        return number == 0 if self._felt else self._manifest.begins(number)

    def play(self, number: int, revision: int) -> Bar:
        """Return bar `number`; if it is late, the one before again, under `revision`, which is counted."""
        if number not in self._bars:
            self.late += 1
            again = self._bars[number - 1]
            self._bars[number] = replace(
                again,
                revision=revision,
                origin=self.origin(number),
                state=None,
                roll=_roll(number, again.bar),
            )
        oldest = min(number - BEHIND, max(number - self._keep, self._needed(number)))
        self._bars = {n: written for n, written in self._bars.items() if n >= oldest}
        return self._bars[number].bar

    def _needed(self, number: int) -> int:
        """Return the first bar that the state before bar `number` takes, be it only for its own state."""
        while not self._begins(number):
            number -= 1
            written = self._bars.get(number)
            if written is None or written.state is not None:
                break
        return number

    def clear(self) -> None:
        """Forget every bar: the performance goes back to its beginning."""
        self._bars, self.current = {}, 0

    def roll(self) -> tuple[RollNote, ...]:
        """Return the notes of the last bars played and of those known ahead."""
        return tuple(note for number in sorted(self._bars) for note in self._bars[number].roll)

    def traces(self, number: int) -> dict[str, tuple[float, ...]]:
        """Return what the steps of bar `number` report, by name; nothing while that is not known."""
        written = self._bars.get(number)
        return {} if written is None else dict(zip(self._manifest.traces, written.traces, strict=False))


def _roll(number: int, bar: Bar) -> tuple[RollNote, ...]:
    line = number * TICKS_PER_BAR
    parts = ((bar.notes, False), (bar.tied, True))
    return tuple(
        RollNote(line + n.tick, n.duration, n.voice, n.pitch, n.velocity, tied)
        for notes, tied in parts
        for n in notes
    )
