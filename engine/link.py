"""Ableton Link: where the session of the local network is, as a line between time and ticks.

The only file that loads the library, and not before it is asked for: Link is GPL-2.0-or-later, so it comes
with an extra that the user installs, never with this program.
"""

import time
from typing import TYPE_CHECKING

from engine.bar import BEATS_PER_BAR
from engine.clock import read
from engine.transport import Transport

if TYPE_CHECKING:
    from link import Link, SessionState

INSTALL = "pip install 'live-vae[link]'"
AHEAD = 0.15  # seconds before its first note in which it is on its way: more than the player ever waits
RECENT = 0.25  # seconds that the news of a start or stop may have been under way
SAME = 0.1  # seconds by which the time of the same start or stop may move
SLEW = 5e-4  # by which the system may speed its monotonic clock up; Link's is left as it is
LOOK = 0.01  # seconds between looks for others


class LinkError(Exception):
    """Ableton Link cannot be had; the message says why, and how to get it."""


def library() -> "type[Link]":
    """Return the class of the library. LinkError: it is not installed, or cannot be loaded."""
    try:
        from link import Link
    except ModuleNotFoundError as error:
        if error.name != "link":
            raise LinkError(f"Ableton Link cannot be loaded: {error}") from error
        raise LinkError(f"Ableton Link is an extra that is not installed: {INSTALL}") from error
    except ImportError as error:
        cure = "; on Debian, apt install libatomic1" if "libatomic" in str(error) else ""
        raise LinkError(f"Ableton Link cannot be loaded: {error}{cure}") from error
    return Link


class Peer:
    """One peer of a Link session. It says where the music is; nothing here waits or plays.

    The session's bars are ours, of four beats. Its tempo is changed by `set_bpm` alone, and whether it plays
    by `start` and `stop` alone: as Link has it, one that joins takes the tempo and the phase that it finds
    and neither starts nor stops anybody.
    """

    def __init__(self, bpm: float) -> None:
        """`bpm` is the tempo while nobody else is there. LinkError: there is no Link."""
        self._link = library()(bpm)
        self._link.startStopSyncEnabled = True
        self._clock = self._link.clock()
        self._zero, self._width, self._related = 0.0, float("inf"), 0.0
        self._relate()
        self._state = self._link.captureAppSessionState()
        self._told = (self._state.isPlaying(), self._state.timeForIsPlaying())
        self._looked = self._clock.micros()
        self.running = False  # the music goes on, or is about to begin

    def join(self, patience: float) -> None:
        """Go onto the network and wait up to `patience` seconds for others; not for the player's loop."""
        self._link.enabled = True
        end, found = read() + patience, 0
        while not found and read() < end:
            found = self._link.numPeers()
            time.sleep(LOOK)  # once more when somebody is there: the count comes before the tempo

    def close(self) -> None:
        """Leave the session, which goes on as it is."""
        self._link.enabled = False
        del self._link  # which waits until the others have been told

    def news(self, now: float) -> bool | None:
        """Look at the session; return True if somebody has started it, False if stopped, since the last look.

        What was started begins with the next bar, at our bar 1.
        """
        self._relate()
        self._state = state = self._link.captureAppSessionState()
        moment, looked = self._micros(now), self._looked
        playing, when = state.isPlaying(), state.timeForIsPlaying()
        if not playing and when > moment:
            return None  # to come
        before, self._told, self._looked = self._told, (playing, when), moment
        # One that joined a session which played already was not told that it did, but is told that it stops.
        again = abs(when - before[1]) > 1e6 * SAME and when > looked - 1e6 * RECENT
        if playing == before[0] and not again:
            return None
        if playing and not self.running:
            self._begin(state, max(when, moment - round(1e6 * RECENT)))
            return True
        if playing:
            return None
        self.running = False
        return False

    def line(self, now: float) -> Transport | None:
        """Return where the music is, or is about to begin, as last seen; None while it stands still."""
        if not self.running:
            return None
        bpm = self._state.tempo()
        since = self._state.beatAtTime(self._micros(now), BEATS_PER_BAR) * 60.0 / bpm  # seconds at this tempo
        return Transport(bpm, 0, now - since) if since > -AHEAD else None

    def start(self, at: float, share: bool) -> None:
        """Begin at bar 1: at the time `at` if nobody else is there, else with the next bar from then on.

        `share` has the others begin as well.
        """
        state = self._link.captureAppSessionState()
        if share:
            state.setIsPlaying(True, self._micros(at))
        self._begin(state, self._micros(at))

    def stop(self, now: float) -> None:
        """Stop, and have the others stop as well."""
        self.running = False
        state = self._link.captureAppSessionState()
        state.setIsPlaying(False, self._micros(now))
        self._commit(state)

    def set_bpm(self, bpm: float, now: float) -> None:
        """Go on at `bpm` from `now` on, together with the others."""
        state = self._link.captureAppSessionState()
        state.setTempo(bpm, self._micros(now))
        self._commit(state)

    @property
    def bpm(self) -> float:
        """The session's tempo, in beats a minute; it travels as whole microseconds a beat."""
        return round(self._state.tempo(), 2)

    def text(self) -> str:
        """Return who is there, and the tempo, for the performer."""
        others = self._link.numPeers()
        who = f"with {others} peer{'' if others == 1 else 's'}" if others else "without peers"
        return f"Link {who}, {self.bpm:.1f} BPM"

    def _begin(self, state: "SessionState", moment: int) -> None:
        state.requestBeatAtTime(0.0, moment, BEATS_PER_BAR)
        self.running = True
        self._commit(state)

    def _commit(self, state: "SessionState") -> None:
        self._link.commitAppSessionState(state)
        self._state = state
        self._told = (state.isPlaying(), state.timeForIsPlaying())

    def _micros(self, moment: float) -> int:
        """Return a time of ours, in seconds, as one of Link's clock, in microseconds."""
        return round(1e6 * moment + self._zero)

    def _relate(self) -> None:
        """Compare the clocks: what was measured closest counts, the less the longer ago it was."""
        before = read()
        micros = self._clock.micros()
        width = read() - before
        if width <= self._width + SLEW * (before - self._related):
            self._zero = micros - 1e6 * (before + width / 2)
            self._width, self._related = width, before
