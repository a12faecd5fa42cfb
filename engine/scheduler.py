"""What is due and what sounds: notes wait in ticks, and every note on is followed by exactly one note off."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import inf
from operator import attrgetter

from engine.bar import TICKS_PER_BAR, Bar
from engine.midi import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, NOTE_OFF, NOTE_ON, SUSTAIN

# Takes (tick, voice, raw MIDI message); the tick is the music's, however late the call.
Emit = Callable[[int, int, list[int]], None]
# Takes a straight tick and how far a human's hit leans off it; returns the tick on which that is sent.
# What is written on one step comes before what is on the next, whatever the lean.
Moment = Callable[[int, int], int]
NEVER = 10**9  # ticks before any music


@dataclass(frozen=True, slots=True, order=True)
class _Strike:
    """A note on to come; `end` is infinite where the note stays open at the end of its bar.

    One that is `tied` goes on with the note of its voice and pitch that is on, if there is one. Where a human
    strikes it, that leans `lean` ticks off `tick`, and off `end`, with velocity `touch`.
    """

    tick: int
    voice: int
    pitch: int
    velocity: int
    end: float
    tied: bool
    lean: int
    touch: int


@dataclass(frozen=True, slots=True, order=True)
class _Sounding:
    """A note that is on; `end` is infinite until the next bar releases it.

    `start` is the straight tick of its strike, or of the last bar line at which it was tied over, and `lean`
    how far its end is off the grid.
    """

    voice: int
    pitch: int
    channel: int
    start: int
    end: float
    lean: int


class Scheduler:
    """Sends what is due through `emit`, in the order (tick, straight tick, offs before ons, voice, pitch).

    Each note ends on the channel on which it began, whatever becomes of its voice meanwhile. `shape` makes
    each note's velocity of the one written and a human's touch, 0 for none, at the moment of the strike.
    """

    def __init__(self, channels: Iterable[int], emit: Emit, shape: Callable[[int, int], int]) -> None:
        self._channels = list(channels)
        self._shape = shape
        self._muted = [False] * len(self._channels)
        self._emit = emit
        self._strikes: list[_Strike] = []  # sorted
        self._releases: list[tuple[int, int, int]] = []  # sorted (tick, voice, bar tick)
        self._sounding: dict[tuple[int, int], _Sounding] = {}  # (channel, pitch)
        self.used: dict[int, int] = {}  # channels on which a note was struck, and the voice that last did
        # The last straight tick of which anything has been struck, and the tick on which that was sent.
        self.begun = (-NEVER, -NEVER)

    def place(self, bar_tick: int, bar: Bar, from_tick: int = 0) -> None:
        """Schedule the part of `bar` from `from_tick` (of the bar) on, in place of what was there.

        Notes struck before that, or about to be, get the ends that `bar` gives them.
        """
        first, line = bar_tick + from_tick, bar_tick + TICKS_PER_BAR
        strikes = [s for s in self._strikes if not bar_tick <= s.tick < line]
        before = [s for s in self._strikes if bar_tick <= s.tick < first]
        ends: dict[tuple[int, int, int], float] = {}
        for notes, tied in ((bar.notes, False), (bar.tied, True)):
            for note in notes:
                tick, end = bar_tick + note.tick, float(bar_tick + note.tick + note.duration)
                if end >= line:
                    end = inf
                ends[tick, note.voice, note.pitch] = end
                if tick >= first:
                    weight = note.velocity, end, tied, note.lean, note.touch
                    strikes.append(_Strike(tick, note.voice, note.pitch, *weight))
        strikes += [replace(s, end=ends.get((s.tick, s.voice, s.pitch), first)) for s in before]
        self._strikes = sorted(strikes, key=attrgetter("tick", "voice", "pitch"))
        for key, sound in self._sounding.items():
            if bar_tick <= sound.start < first:
                end = ends.get((sound.start, sound.voice, sound.pitch), first)
                self._sounding[key] = replace(sound, end=end)
        releases = [(bar_tick + held, voice, bar_tick) for voice, held in enumerate(bar.held)]
        kept = [r for r in self._releases if not first <= r[0] < line]
        self._releases = sorted(kept + [r for r in releases if first <= r[0] < line])

    def next_moment(self, moment: Moment) -> float:
        """Return the tick on which the next thing is sent, infinity if nothing is."""
        return self._next(moment)[0]

    def _next(self, moment: Moment) -> tuple[float, float]:
        """Return that and the straight tick on which it is written, the least of what is sent together."""
        written = {(strike.tick, strike.lean) for strike in self._foremost()}
        written |= {(tick, 0) for tick, _, _ in self._releases[:1]}
        ends: dict[int, int] = {}  # the first for each lean
        for sound in self._sounding.values():
            if sound.end < inf:
                ends[sound.lean] = min(int(sound.end), ends.get(sound.lean, int(sound.end)))
        written |= {(tick, lean) for lean, tick in ends.items()}
        return min(((moment(tick, lean), tick) for tick, lean in written), default=(inf, inf))

    def _foremost(self) -> list[_Strike]:
        """Return the next strikes as they are written: whatever their lean, they come before the others."""
        if not self._strikes:
            return []
        return self._strikes[: bisect_right(self._strikes, self._strikes[0].tick, key=attrgetter("tick"))]

    def send_due(self, until: int, moment: Moment) -> None:
        """Send everything up to and including tick `until`, each on its `moment`."""
        while (due := self._next(moment))[0] <= until:
            now, tick = int(due[0]), int(due[1])
            over = {
                sound
                for sound in self._sounding.values()
                if sound.end < inf and (moment(int(sound.end), sound.lean), sound.end) <= due
            }
            foremost = self._foremost()
            struck = [s for s in foremost if (moment(s.tick, s.lean), s.tick) <= due]
            later = [s for s in foremost if s not in struck]
            self._strikes = later + self._strikes[len(foremost) :]
            tied = {(strike.voice, strike.pitch) for strike in struck if strike.tied}
            while self._releases and (moment(self._releases[0][0], 0), self._releases[0][0]) <= due:
                _, voice, bar_tick = self._releases.pop(0)
                carried = {s for s in self._sounding.values() if s.voice == voice and s.start < bar_tick}
                over |= {s for s in carried if s.end == inf and (s.voice, s.pitch) not in tied}
            self._end(now, over)
            for strike in struck:
                self._strike(now, strike)
            if struck and tick > self.begun[0]:
                self.begun = tick, now

    def _strike(self, tick: int, strike: _Strike) -> None:
        if self._muted[strike.voice] or (strike.tied and self._tie(strike)):
            return
        channel = self._channels[strike.voice]
        before = self._sounding.get((channel, strike.pitch))
        if before is not None:
            self._end(tick, [before])
        self._sounding[channel, strike.pitch] = _Sounding(
            strike.voice, strike.pitch, channel, strike.tick, strike.end, strike.lean
        )
        self.used[channel] = strike.voice
        velocity = self._shape(strike.velocity, strike.touch)
        self._emit(tick, strike.voice, [NOTE_ON | channel, strike.pitch, velocity])

    def _tie(self, strike: _Strike) -> bool:
        """Let the note that is on of the voice and pitch of `strike` go on in its place, if there is one."""
        for key, sound in self._sounding.items():
            if (sound.voice, sound.pitch) == (strike.voice, strike.pitch):
                self._sounding[key] = replace(sound, start=strike.tick, end=strike.end)
                return True
        return False

    def _end(self, tick: int, sounds: Iterable[_Sounding]) -> None:
        for sound in sorted(sounds):
            del self._sounding[sound.channel, sound.pitch]
            self._emit(tick, sound.voice, [NOTE_OFF | sound.channel, sound.pitch, 0])

    def end_all(self, tick: int) -> None:
        """End every sounding note; what is scheduled stays."""
        self._end(tick, list(self._sounding.values()))

    def clear(self) -> None:
        """Forget what is scheduled; what sounds goes on until `end_all`."""
        self._strikes, self._releases, self.begun = [], [], (-NEVER, -NEVER)

    def panic(self, tick: int) -> None:
        """End every sounding note, then lift the pedal and silence each channel ever used."""
        self.end_all(tick)
        for channel, voice in sorted(self.used.items()):
            for control in (SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF):
                self._emit(tick, voice, [CONTROL | channel, control, 0])

    def mute(self, tick: int, voice: int, muted: bool) -> None:
        """End what `voice` sounds and keep it silent, or let its next notes sound again."""
        self._muted[voice] = muted
        if muted:
            self._end(tick, [sound for sound in self._sounding.values() if sound.voice == voice])

    def set_channel(self, voice: int, channel: int) -> None:
        """Strike the next notes of `voice` on `channel`, 0-15."""
        self._channels[voice] = channel

    def channel(self, voice: int) -> int:
        """Return the channel, 0-15, on which `voice` strikes its notes."""
        return self._channels[voice]

    def muted(self, voice: int) -> bool:
        """Return whether `voice` is silent."""
        return self._muted[voice]

    def sounding(self, voice: int) -> tuple[int, ...]:
        """Return the pitches that `voice` sounds now, in order."""
        return tuple(sorted(s.pitch for s in self._sounding.values() if s.voice == voice))
