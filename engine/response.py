"""From a moved knob to the first step that reflects it; pure bookkeeping of times that others tell."""

from collections import deque
from dataclasses import dataclass, field

from engine.bar import STEPS_PER_BAR
from engine.tally import Tally

LIMIT = 0.02  # seconds before a step; a knob moved by then must be heard in it
EXACT = 1e-9  # seconds by which sums of floating point may miss the limit


@dataclass(slots=True)
class Responses:
    """What a performance made of its performer's moves; times in seconds of one clock.

    A move is a change of the arranger's revision, told with the time at which it arrived. A step reflects it
    if what plays in that step was written under that revision or a later one. A step is missed if it does
    not reflect a move that arrived LIMIT or more before its nominal time; it is one missed step however
    many moves it fails.
    """

    steps_per_bar: int = STEPS_PER_BAR  # of the model's grid
    to_note: Tally = field(default_factory=Tally)  # from each move to its first step
    moves: int = 0  # that changed the music
    asked: int = 0  # steps that had a move to be the first to reflect, or failed one
    missed: int = 0
    dropped: int = 0  # moves made while nothing played, or that a stop came before
    _last: int = -1  # the last step judged
    _newest: int = 0  # revision
    _unheard: deque[tuple[int, float]] = field(default_factory=deque)  # (revision, arrived), in order
    _young: deque[tuple[int, float]] = field(default_factory=deque)  # not yet LIMIT old
    _required: int = 0  # the newest revision that is
    _heard: int = 0  # the newest revision that a step has reflected
    _playing: int = 0  # the revision of the last step
    _written: dict[int, list[tuple[int, int]]] = field(default_factory=dict)  # bar -> (first step, revision)

    def moved(self, revision: int, arrived: float) -> None:
        """Take in that what arrived at `arrived` left the music at `revision`; the same one is no move."""
        if revision <= self._newest:
            return
        self._newest = revision
        self.moves += 1
        self._unheard.append((revision, arrived))
        self._young.append((revision, arrived))

    def accepted(self, revision: int, bar: int, from_step: int) -> None:
        """Take in that bar number `bar` plays what was written under `revision` from `from_step` on."""
        self._written.setdefault(bar, []).append((from_step, revision))

    @property
    def next_step(self) -> int:
        """The step, counted from the start of the performance, that is to be judged next."""
        return self._last + 1

    def passed(self, time: float) -> None:
        """Judge the next step, whose nominal time was `time` and whose notes have gone out."""
        self._last += 1
        bar, step = divmod(self._last, self.steps_per_bar)
        if step == 0:
            self._written = {number: parts for number, parts in self._written.items() if number >= bar}
        playing = [revision for first, revision in self._written.get(bar, ()) if first <= step]
        if playing:  # a bar that did not come repeats the last one, and is as old
            self._playing = playing[-1]
        while self._young and time - self._young[0][1] >= LIMIT - EXACT:
            self._required = self._young.popleft()[0]
        failed = self._playing < self._required
        self.missed += failed
        self.asked += failed or self._required > self._heard
        self._heard = max(self._heard, self._playing)
        while self._unheard and self._unheard[0][0] <= self._playing:
            self.to_note.add(max(0.0, time - self._unheard.popleft()[1]))

    def started(self) -> None:
        """Take in that the music begins; moves made while it stood still have no step to be heard in."""
        self._drop()

    def stopped(self) -> None:
        """Take in that the music has gone back to its beginning: what has not been heard never will be."""
        self._drop()
        self._written.clear()
        self._last, self._required, self._heard, self._playing = -1, 0, 0, 0

    def _drop(self) -> None:
        self.dropped += len(self._unheard)
        self._unheard.clear()
        self._young.clear()
