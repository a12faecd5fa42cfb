"""Which bars to ask the composer for, under which latent, and what to play when one is late."""

from collections import deque
from collections.abc import Callable
from math import inf
from statistics import median

import numpy as np

from engine import opening
from engine.bar import TICKS_PER_BAR, Bar
from engine.latent import Latent, anchor, draw, move, slerp
from engine.messages import (
    KNOBS,
    MAX_TEMPERATURE,
    PARAMETERS,
    SHAPING,
    BarReply,
    BarRequest,
    RollNote,
    Tokens,
)
from engine.response import Responses
from engine.score import Score
from engine.setup import NEUTRAL, Setup

AHEAD = 2  # bars asked for beyond the one that plays
LEAD = 0.012  # seconds allowed at least for a bar ahead: a small int8 decoder on an idle core
# Seconds before a step from which it is asked for again each time that a knob has moved: a hair less than
# response.LIMIT, so that one request has everything that the step must reflect, and all that time. What has
# come is looked for then in any case.
HOLD = 0.0195
SETTLE = 0.05  # seconds for which the knobs must rest before bars ahead that they made stale are asked for
LEAD_CAP = 10.0  # seconds; a composer that takes longer is as good as gone
PACE_MEMORY = 8  # replies whose slowest sets the lead


class Arranger:
    """Keeps the parameters, and has the bars around the one that plays written; one request at a time is out.

    A knob that moves a thousand times between two requests costs nothing: the next carries the newest state.
    Steps are those of the model's grid.
    """

    def __init__(self, setup: Setup) -> None:
        self._manifest = setup.manifest
        self._steps = setup.manifest.steps_per_bar
        self._end = setup.bars
        self.seed = setup.seed
        self.parameters = NEUTRAL | setup.parameters
        self.anchors = {
            name: anchor(setup.manifest, *source) for name, source in zip("AB", setup.anchors, strict=True)
        }
        axes = setup.axes[: len(KNOBS)]
        shape = (len(axes), setup.manifest.z_size)
        self._axes = np.asarray([axis.vector for axis in axes], dtype=np.float32).reshape(shape)
        self._reach = [(axis.low, axis.high) for axis in axes]
        self.revision = 0
        self.decode_ms = 0.0
        self.responses: Responses | None = None  # told of each bar taken in, where somebody measures
        self._opening = setup.opening
        self._feel = setup.feel
        keep = len(setup.opening.bars) if setup.opening else 0
        self._score = Score(setup.manifest, keep, felt=setup.feel is not None)
        # The request that is out, when it went, and the edition of the bar before it.
        self._asked: tuple[BarRequest, float, int] | None = None
        self._pace: deque[float] = deque([LEAD / 2], maxlen=PACE_MEMORY)  # seconds that replies took
        self._sought = -1  # the step, from the start, that a bar which plays or is about to was asked from
        self.asking = inf  # when to ask next with all that has come by then
        self._turned = (0, -inf)  # the revision that was last looked at, and since when it stands
        self._open()

    # What the performer moves.

    def set_parameter(self, name: str, value: float) -> None:
        """Move one of PARAMETERS to `value`, clamped to 0 to 1; what it makes stale is asked for again."""
        value = max(0.0, min(1.0, value))
        if name not in PARAMETERS or value == self.parameters[name]:
            return
        self.parameters[name] = value
        if name not in SHAPING:
            self.revision += 1

    def set_seed(self, seed: int) -> None:
        """Key the sampling noise on `seed`."""
        self.seed, self.revision = seed, self.revision + 1

    def set_anchor(self, name: str, seed: int | None) -> None:
        """Put the model's draw for `seed`, or what plays now, into anchor "A" or "B".

        What plays now includes knobs and morph, which therefore go to neutral and to that anchor: the
        music stays the same.
        """
        if seed is None:
            self.anchors[name] = self.z()
            self.parameters |= {knob: NEUTRAL[knob] for knob in KNOBS}
            self.parameters["interpolation"] = 0.0 if name == "A" else 1.0
        else:
            self.anchors[name] = draw(self._manifest, seed)
        self.revision += 1

    def z(self) -> Latent:
        """Return the latent under the parameters as they stand; (z_size,)."""
        knobs = [self.parameters[name] for name in KNOBS[: len(self._reach)]]
        offsets = [
            low * (1 - 2 * knob) if knob < 0.5 else high * (2 * knob - 1)
            for knob, (low, high) in zip(knobs, self._reach, strict=True)
        ]
        position = self.parameters["interpolation"]
        # At either end it is the anchor itself: the arc would round its last digits.
        ends = {0.0: "A", 1.0: "B"}
        if position in ends:
            base = self.anchors[ends[position]]
        else:
            base = slerp(self.anchors["A"], self.anchors["B"], position)
        return move(base, self._axes, np.asarray(offsets, dtype=np.float32))

    # What the composer is asked for.

    @property
    def lead(self) -> float:
        """Seconds to allow for a bar ahead: what the slowest of the last few took, and half of that again."""
        return min(LEAD_CAP, max(LEAD, 1.5 * max(self._pace)))

    @property
    def reach(self) -> float:
        """Seconds in which a reply is likely there.

        A step that a reply misses for being late would have been missed by not being asked for as well, so
        a turned knob goes by what the middle one of the last few took.
        """
        return min(LEAD_CAP, median(self._pace))

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
        if self._turned[0] != self.revision:
            self._turned = (self.revision, now)
        if self._asked is not None:
            return None
        settled = now - self._turned[1] >= SETTLE
        steps, self._score.current = self._steps, current
        beyond = 1 + AHEAD + int(self.lead / bar_seconds)  # a slow composer is asked further ahead
        first = max(current, int(open_step) // steps)  # the bar that a turned knob is heard in first
        for number in range(current, current + beyond):
            if self._end is not None and number >= self._end:
                return None
            written = self._score.get(number)
            step = max(0, int(open_step) - number * steps)
            if written is None:
                if step == 0:
                    return self._ask(number, 0, (), now)
            elif (written.revision != self.revision and step < steps) or (
                step == 0 and self._score.stale(number)
            ):
                if not settled and number > first:
                    continue
                if number == first and open_step == self._sought and now < opens - HOLD:
                    continue
                hurry = number == current and self._score.get(number + 1) is None and step > 0
                room = (steps - step) / steps * bar_seconds
                if not hurry or room > 2 * self.lead:
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
            self._score.write(number, tokens, self.revision, self._score.origin(number), hits=hits)

    def key(self) -> str:
        """Return what the first bars depend on, under the parameters as they stand."""
        feel = None if self._feel is None else self._feel.identity
        return opening.key(self._manifest, self.z().tobytes(), self._temperature, self.seed, feel)

    @property
    def _temperature(self) -> float:
        return MAX_TEMPERATURE * self.parameters["temperature"]

    def _ask(self, number: int, step: int, tokens: Tokens, now: float) -> BarRequest:
        request = self.request(number, step, tokens)
        self._asked = (request, now, self._score.origin(number))
        return request

    def request(self, number: int, step: int = 0, tokens: Tokens = ()) -> BarRequest:
        """Return what asks for bar `number` as things stand, from `step` on after the `tokens` before it."""
        loop, bar = divmod(number, self._manifest.bars)
        state, past = self._score.history(number)
        return BarRequest(
            number=number,
            revision=self.revision,
            loop=loop,
            bar=bar,
            from_step=step,
            prefix=tokens if step else (),
            z=self.z().tobytes(),
            temperature=(self._temperature,) * len(self._manifest.voices),
            seed=self.seed,
            state=state,
            past=past,
        )

    def accept(self, reply: BarReply, sent_step: int, now: float) -> bool:
        """Take in `reply` if it is the one asked for and no step that it changes is past; return whether.

        `sent_step` is the last step, counted from the start of the performance, of which anything was sent.
        ValueError: tokens that the codec does not know.
        """
        if self._asked is None:
            return False  # asked by a state of things that is gone: before a stop, or of a composer that died
        request, when, origin = self._asked
        key = (request.number, request.revision, request.from_step)
        if key != (reply.number, reply.revision, reply.from_step):
            return False
        self._asked = None
        self._pace.append(now - when)
        self.decode_ms = reply.decode_ms
        self._score.learn(request.number, request.past, reply.states)
        if request.number * self._steps + request.from_step <= sent_step:
            return False
        self._score.write(
            reply.number,
            reply.tokens,
            reply.revision,
            origin,
            state=reply.state,
            traces=reply.traces,
            hits=reply.hits,
            from_step=reply.from_step,
        )
        if self.responses is not None:
            self.responses.accepted(reply.revision, reply.number, reply.from_step)
        return True

    def forget_request(self) -> None:
        """Give up waiting for the reply that is out: its composer died."""
        self._asked = None

    def overdue(self, now: float) -> bool:
        """Return whether the reply that is out takes longer than any composer that lives."""
        return self._asked is not None and now - self._asked[1] > LEAD_CAP

    def excuse(self, now: float) -> None:
        """Count the wait for the reply that is out from `now` on: the time before stood still."""
        if self._asked is not None:
            request, _, origin = self._asked
            self._asked = (request, now, origin)

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
        return self._score.play(number, self.revision)

    @property
    def late_bars(self) -> int:
        """How many bars were late."""
        return self._score.late

    def restart(self) -> None:
        """Forget every bar but those of the opening: the performance goes back to its beginning."""
        self._score.clear()
        self._asked = None
        self._open()

    def roll(self) -> tuple[RollNote, ...]:
        """Return the notes of the last bars played and of those known ahead."""
        return self._score.roll()

    def traces(self, number: int) -> dict[str, tuple[float, ...]]:
        """Return what the steps of bar `number` report, by name; nothing while that is not known."""
        return self._score.traces(number)
