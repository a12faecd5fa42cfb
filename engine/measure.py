"""What a player that is asked to measure itself keeps: when notes went out, how knobs answered."""

from array import array

from engine.bar import TICKS_PER_BAR
from engine.midi import note_number
from engine.performance import Performance
from engine.response import Responses
from engine.snapshot import Measured
from engine.swing import swung


class Measure:
    """Watches one performance; times are seconds of the player's clock."""

    def __init__(self, performance: Performance) -> None:
        self._performance = performance
        self._ticks_per_step = performance.supply.ticks_per_step
        self._responses = Responses(TICKS_PER_BAR // self._ticks_per_step)
        performance.arranger.responses = self._responses
        self._due, self._sent = array("d"), array("d")
        self._notes = array("H")
        self._heard = 0
        self._playing = False

    def sent(self, due: float, now: float, message: list[int]) -> None:
        """Keep that a note on was `due` and had gone out by `now`."""
        self._due.append(due)
        self._sent.append(now)
        self._notes.append(note_number(message))

    def moved(self, arrived: float, knob: bool) -> None:
        """Keep that what arrived at `arrived` has been obeyed, if it changed the music; was it for a knob?"""
        self._heard += knob
        self._responses.moved(self._performance.panel.revision, arrived)

    def look(self) -> None:
        """Judge the steps that have passed, once everything that was due has been sent."""
        performance = self._performance
        if performance.playing != self._playing:
            self._playing = performance.playing
            if self._playing:
                self._responses.started()
            else:
                self._responses.stopped()
        if not self._playing:
            return
        course, swing = performance.course, performance.panel.parameters["swing"]
        begun, at = performance.scheduler.begun  # of the newest step, be it before its time
        while (tick := self._responses.next_step * self._ticks_per_step) <= max(course.played, begun):
            place = swung(tick, swing)
            self._responses.passed(course.due(min(place, at) if tick == begun else place))

    def result(self) -> Measured:
        """Return everything that was kept."""
        responses = self._responses
        return Measured(
            due=self._due.tobytes(),
            sent=self._sent.tobytes(),
            notes=self._notes.tobytes(),
            stalls=tuple(self._performance.stalls.kept),
            knob_to_note=responses.to_note.tobytes(),
            knob_to_note_worst=responses.to_note.worst,
            knob_heard=self._heard,
            knob_moves=responses.moves,
            knob_moves_dropped=responses.dropped,
            knob_steps=responses.asked,
            knob_missed_steps=responses.missed,
        )
