"""The player's dealings with its guard: what it hears from it, and the takes that it leaves to it."""

from collections.abc import Callable

from engine.desk import Desk, Link
from engine.ledger import Alone, Finish, Notice, PortLost, Receivers
from engine.performance import Performance
from engine.recorder import RecordError
from engine.report import Report


class Ward:
    """Does as the guard says; `tell` hands a take over to it, `drop` ends all dealings with it."""

    def __init__(
        self,
        performance: Performance,
        report: Report,
        desk: Desk,
        tell: Callable[[Link, object], bool],
        drop: Callable[[Link], None],
    ) -> None:
        """`tell` returns whether there is anybody at that link."""
        self._performance = performance
        self._report = report
        self._desk = desk
        self._tell = tell
        self._drop = drop

    def heed(self, message: Receivers | PortLost | Notice | Alone) -> None:
        """Take in what came by the guard's pipe."""
        outlet = self._desk.outlet
        match message:
            case Receivers(names) if outlet is not None:
                if outlet.heard_by(names):
                    self._performance.band.select()
            case PortLost(reason) if outlet is not None:
                outlet.lose_port(reason)
                self._report.notice(f"{reason}; it is sent nothing any more, start live anew to open another")
            case Notice(text):
                self._report.notice(text)
            case Alone(reason, journals):
                self._report.notice(reason)
                if self._desk.guard is not None:
                    self._drop(self._desk.guard)
                for journal in journals:
                    self.finish(journal)

    def keep_journal(self) -> None:
        """Tell the ledger which take would have to be finished if this process were killed."""
        if self._desk.ledger is not None:
            taking = self._performance.take.recorder
            self._desk.ledger.write("journal", "" if taking is None else taking.journal)

    def finish(self, journal: str) -> None:
        """Have the .mid written: by the guard, because it takes too long for the loop, if there is one."""
        if self._desk.guard is None or not self._tell(self._desk.guard, Finish(journal)):
            from engine.midifile import finish  # loads mido

            try:
                self._report.notice(f"recorded {finish(journal)}")
            except RecordError as error:
                self._report.notice(str(error))
