"""The supply of bars: what of the music is in the scheduler, and what the composer is asked for next."""

from math import inf

from engine.arranger import Arranger
from engine.bar import TICKS_PER_BAR
from engine.course import Course
from engine.hits import REACH
from engine.request import BarReply, BarRequest
from engine.scheduler import Scheduler
from engine.setup import Setup
from engine.transport import next_step

# Seconds before its bar line, and REACH ticks where hits can come before it, at which a bar is scheduled; one
# not there by then is late.
MARGIN = 0.02


class Supply:
    """Has bars written by `arranger` and brought to `scheduler` as far as `course` needs them."""

    def __init__(self, setup: Setup, arranger: Arranger, course: Course, scheduler: Scheduler) -> None:
        self._arranger = arranger
        self._course = course
        self._scheduler = scheduler
        self.ticks_per_step = setup.manifest.ticks_per_step
        self._steps = setup.manifest.steps_per_bar
        self._early = 0 if setup.feel is None else REACH  # ticks by which a hit may come before its step
        self._placed = -1  # bars up to this one are in the scheduler

    def begin(self) -> None:
        """Begin with the first bar: none is in the scheduler."""
        self._placed = -1

    def enter(self, number: int) -> None:
        """Begin with what is still to be sent of bar `number`."""
        self._placed = number
        line = number * TICKS_PER_BAR
        self._scheduler.place(line, self._arranger.bar(number), self._course.played + 1 - line)

    def deadline(self) -> float:
        """Return when the next bar goes into the scheduler; infinity after the last one."""
        line = (self._placed + 1) * TICKS_PER_BAR
        return self._course.due(line - self._early) - MARGIN if line < self._course.end else inf

    def place(self) -> None:
        """Put the next bar into the scheduler."""
        self._placed += 1
        self._scheduler.place(self._placed * TICKS_PER_BAR, self._arranger.bar(self._placed))

    def request(self, now: float) -> BarRequest | None:
        """Return what to ask the composer for at `now`, while the music plays, or None."""
        course = self._course
        arrives = now + self._arranger.pending.reach
        reach = next_step(course.open_from(arrives), self.ticks_per_step)
        current = max(0, course.tick(now) // TICKS_PER_BAR)
        step = max(reach, self._sent_step() + 1)
        opens = self._opens(step)
        if self._early and opens < arrives:  # its first hit comes before its time, and before a reply
            step += 1
            opens = self._opens(step)
        return self._arranger.next_request(current, step, self._bar_seconds(), now, opens)

    def request_ahead(self, number: int, now: float) -> BarRequest | None:
        """Return what to ask for at `now`, while the music stands still, to go on with bar `number`."""
        for bar in (number, 0):  # a master may well start again
            request = self._arranger.next_request(bar, bar * self._steps, self._bar_seconds(), now)
            if request is not None:
                return request
        return None

    def accept(self, reply: BarReply, now: float) -> None:
        """Take in a bar; what is scheduled of it already is replaced from its first new step on."""
        if self._arranger.accept(reply, self._sent_step(), now) and reply.number <= self._placed:
            bar = self._arranger.bar(reply.number)
            from_tick = reply.from_step * self.ticks_per_step
            self._scheduler.place(reply.number * TICKS_PER_BAR, bar, from_tick)

    def _opens(self, step: int) -> float:
        """Return the time at which the first thing written in `step`, counted from the start, leaves."""
        course = self._course
        if not self._early or step < 0:
            return course.due(course.moment(step * self.ticks_per_step))
        return course.due(self._arranger.early(step, course.moment))

    def _sent_step(self) -> int:
        """Return the last step of which anything has been sent, be it before its time."""
        return max(self._course.played, self._scheduler.begun[0]) // self.ticks_per_step

    def _bar_seconds(self) -> float:
        return TICKS_PER_BAR / self._course.transport.ticks_per_second
