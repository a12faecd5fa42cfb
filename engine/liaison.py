"""The player's dealings with its composer: what is asked, what comes, and what if nobody answers."""

from collections.abc import Callable
from math import inf

from engine.desk import Desk, Link
from engine.pending import LEAD_CAP
from engine.performance import Performance
from engine.report import Report
from engine.request import BarReply, ComposerState


class Liaison:
    """Keeps what is known of the composer; `tell` hands a request over by its link."""

    def __init__(
        self,
        performance: Performance,
        report: Report,
        desk: Desk,
        tell: Callable[[Link, object], object],
    ) -> None:
        self._performance = performance
        self._report = report
        self._desk = desk
        self._tell = tell
        self.state = "loading"
        self._given_up = False  # no composer will write any more
        self._wrote = False  # one has been ready, at least

    def ask(self, now: float) -> float:
        """Ask for what is wanted next, or for another composer; return when to do so again."""
        if self.state != "ready":
            return inf
        if self._performance.arranger.pending.overdue(now) and not self._desk.composer.poll():
            self._replace(f"the composer hangs: no bar for {LEAD_CAP:.0f} s")
        elif (request := self._performance.request(now)) is not None:
            self._tell(self._desk.composer, request)
        return self._performance.arranger.asking

    def accept(self, reply: BarReply, now: float) -> None:
        """Take in a bar."""
        try:
            self._performance.supply.accept(reply, now)
        except ValueError as error:
            self._replace(f"the composer wrote a bar that is none: {error}")

    def heed(self, said: ComposerState) -> None:
        """Take in how the composer is."""
        self.state = "dead" if said.state == "failed" else said.state
        self._given_up = said.state == "failed"
        self._wrote |= said.state == "ready"
        self._performance.arranger.pending.forget()
        self._report.notice(said.detail)

    def part(self) -> None:
        """Take in that nobody will ever answer."""
        self.state, self._given_up = "dead", True

    @property
    def silent(self) -> bool:
        """Whether there is nothing to play, or no more than an opening, and never will be."""
        standing = not self._performance.playing and not self._performance.arranger.ready(0)
        return self._given_up and (standing or not self._wrote)

    def _replace(self, reason: str) -> None:
        """Wait for the composer no longer; where there is a session, it starts another."""
        self._report.notice(reason)
        self.state = "dead"
        self._performance.arranger.pending.forget()
        if self._desk.ledger is None:
            self._given_up = True
        else:
            self._desk.ledger.hung = True
