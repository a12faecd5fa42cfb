"""Which bars to ask the composer for, under which latent, and what to play when one is late."""

from collections.abc import Callable
from math import inf

from engine import opening
from engine.bar import TICKS_PER_BAR, Bar
from engine.panel import Panel
from engine.pending import Pending
from engine.request import BarReply, BarRequest, Tokens
from engine.response import Responses
from engine.score import Score
from engine.setup import Setup
from engine.snapshot import RollNote

AHEAD = 2  # bars asked for beyond the one that plays
# Seconds before a step from which it is asked for again each time that a knob has moved: a hair less than
# response.LIMIT, so that one request has everything that the step must reflect, and all that time. What has
# come is looked for then in any case.
HOLD = 0.0195
SETTLE = 0.05  # seconds for which the knobs must rest before bars ahead that they made stale are asked for


class Arranger:
    """Has the bars around the one that plays written, as `panel` stands; one request at a time is out.

    Steps are those of the model's grid.
    """

    def __init__(self, setup: Setup) -> None:
        self._manifest = setup.manifest
        self._steps = setup.manifest.steps_per_bar
        self._end = setup.bars
        self.panel = Panel(setup)
        self.pending = Pending()
        self.decode_ms = 0.0
        self.responses: Responses | None = None  # told of each bar taken in, where somebody measures
        self._opening = setup.opening
        self._feel = setup.feel
        keep = len(setup.opening.bars) if setup.opening else 0
        self._score = Score(setup.manifest, keep, felt=setup.feel is not None)
        self._sought = -1  # the step, from the start, that a bar which plays or is about to was asked from
        self.asking = inf  # when to ask next with all that has come by then
        self._turned = (0, -inf)  # the revision that was last looked at, and since when it stands
        self._open()

    # What the composer is asked for.

    def next_request(
        self, current: int, open_step: float, bar_seconds: float, now: float, opens: float = 0.0
    ) -> BarRequest | None:
        """Return what to ask for at `now`, or None.

        `current` is the bar that plays. `open_step` is the first step, counted from the start of the
        performance, that a reply can still reach, `opens` its time, and `bar_seconds` the length of a bar.
        First comes the rest of the current bar if its knobs have moved, unless the next bar would be late
        for it; then the bars ahead. A knob that goes on moving has a step written twice or so, not for each
        move: at once, and shortly before the step.
        """
        self.asking = opens - HOLD if now < opens - HOLD else inf
        revision = self.panel.revision
        if self._turned[0] != revision:
            self._turned = (revision, now)
        if self.pending.request is not None:
            return None
        settled = now - self._turned[1] >= SETTLE
        steps, self._score.current = self._steps, current
        beyond = 1 + AHEAD + int(self.pending.lead / bar_seconds)  # a slow composer is asked further ahead
        first = max(current, int(open_step) // steps)  # the bar that a turned knob is heard in first
        for number in range(current, current + beyond):
            if self._end is not None and number >= self._end:
                return None
            written = self._score.get(number)
            step = max(0, int(open_step) - number * steps)
            if written is None:
                if step == 0:
                    return self._ask(number, 0, (), now)
            elif (written.revision != revision and step < steps) or (step == 0 and self._score.stale(number)):
                if not settled and number > first:
                    continue
                if number == first and open_step == self._sought and now < opens - HOLD:
                    continue
                hurry = number == current and self._score.get(number + 1) is None and step > 0
                room = (steps - step) / steps * bar_seconds
                if not hurry or room > 2 * self.pending.lead:
                    self._sought = int(open_step) if number == first else self._sought
                    return self._ask(number, step, written.tokens, now)
        return None

    def _open(self) -> None:
        """Take the opening bars that the preset carries, if they are what would be written now."""
        carried = self._opening
        if carried is None or carried.key != self.key():
            return
        for number, tokens in enumerate(carried.bars):
            hits = carried.hits[number] if carried.hits else ()
            self._score.write(number, tokens, self.panel.revision, self._score.origin(number), hits=hits)

    def key(self) -> str:
        """Return what the first bars depend on, under the parameters as they stand."""
        feel = None if self._feel is None else self._feel.identity
        panel = self.panel
        return opening.key(self._manifest, panel.z().tobytes(), panel.temperature, panel.seed, feel)

    def _ask(self, number: int, step: int, tokens: Tokens, now: float) -> BarRequest:
        request = self.request(number, step, tokens)
        self.pending.begin(request, self._score.origin(number), now)
        return request

    def request(self, number: int, step: int = 0, tokens: Tokens = ()) -> BarRequest:
        """Return what asks for bar `number` as things stand, from `step` on after the `tokens` before it."""
        loop, bar = divmod(number, self._manifest.bars)
        state, past = self._score.history(number)
        panel = self.panel
        return BarRequest(
            number=number,
            revision=panel.revision,
            loop=loop,
            bar=bar,
            from_step=step,
            prefix=tokens if step else (),
            z=panel.z().tobytes(),
            temperature=(panel.temperature,) * len(self._manifest.voices),
            seed=panel.seed,
            state=state,
            past=past,
        )

    def accept(self, reply: BarReply, sent_step: int, now: float) -> bool:
        """Take in `reply` if it is the one asked for and no step that it changes is past; return whether.

        `sent_step` is the last step, counted from the start of the performance, of which anything was sent.
        ValueError: tokens that the codec does not know.
        """
        request = self.pending.answered(reply, now)
        if request is None:
            return False
        self.decode_ms = reply.decode_ms
        self._score.learn(request.number, request.past, reply.states)
        if request.number * self._steps + request.from_step <= sent_step:
            return False
        self._score.write(
            reply.number,
            reply.tokens,
            reply.revision,
            self.pending.origin,
            state=reply.state,
            traces=reply.traces,
            hits=reply.hits,
            from_step=reply.from_step,
        )
        if self.responses is not None:
            self.responses.accepted(reply.revision, reply.number, reply.from_step)
        return True

    # What plays.

    def ready(self, number: int) -> bool:
        """Return whether bar `number` is there."""
        return self._score.get(number) is not None

    def early(self, step: int, place: Callable[[int, int], int]) -> int:
        """Return the tick on which the first thing written in `step`, counted from the start, is sent.

        `place` returns that of what is written on a straight tick and leans so far off it.
        """
        number, within = divmod(step, self._steps)
        written, width = self._score.get(number), self._manifest.ticks_per_step
        notes = () if written is None else written.bar.notes
        line, first = number * TICKS_PER_BAR, within * width
        leans = {n.lean for n in notes if n.lean < 0 and first <= n.tick < first + width}
        return min(place(line + first, lean) for lean in leans | {0})

    def bar(self, number: int) -> Bar:
        """Return bar `number`; if it is late, the one before again, which is counted."""
        return self._score.play(number, self.panel.revision)

    @property
    def late_bars(self) -> int:
        """How many bars were late."""
        return self._score.late

    def restart(self) -> None:
        """Forget every bar but those of the opening: the performance goes back to its beginning."""
        self._score.clear()
        self.pending.forget()
        self._open()

    def roll(self) -> tuple[RollNote, ...]:
        """Return the notes of the last bars played and of those known ahead."""
        return self._score.roll()

    def traces(self, number: int) -> dict[str, tuple[float, ...]]:
        """Return what the steps of bar `number` report, by name; nothing while that is not known."""
        return self._score.traces(number)
