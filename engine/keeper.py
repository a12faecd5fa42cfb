"""The guard as its owner sees it: replaced if it dies, and waited for once the player is gone."""

import time
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

from engine import processes
from engine.ledger import Alone, Finish, Ledger
from engine.processes import Deaths, part, start

WRITING = 30.0  # seconds without progress after which a guard that writes a take is as good as gone
ALONE = "not started again: were the player killed, its notes might sound on"


class Keeper:
    """Keeps a guard at its end of the pipe, `house`, to see to what `ledger` says if the player dies."""

    def __init__(self, house: Connection, ledger: Ledger) -> None:
        self._house = house
        self._ledger = ledger
        self._deaths = Deaths()
        self.process = self._start()
        self.given_up = False  # too many have died

    def replace(self) -> None:
        """Start another guard in the place of one that died, unless they die too often."""
        if not self._deaths.too_many():
            self.process = self._start()
            return
        self.given_up = True
        self._ledger.seen(False)
        with suppress(EOFError, OSError):  # said in its place, on its end of the pipe
            asked = []
            while self._house.poll():
                asked.append(self._house.recv())
            journals = tuple(each.journal for each in asked if isinstance(each, Finish))
            reason = f"the guard's process ended with code {self.process.exitcode}; {ALONE}"
            self._house.send(Alone(reason, journals))

    def clean_up(self, timeout: float) -> None:
        """See to it that a guard has ended the notes and written the take of a player that is gone.

        It may take `timeout` seconds to end the notes.
        """
        self._wait(timeout)
        undone = not self._ledger.clean or self._ledger.read("journal")
        if undone and self.process.exitcode not in (None, 0):  # the guard died as well
            self.process = self._start()
            self._wait(WRITING)

    def close(self) -> None:
        """Part from the guard."""
        self._house.close()
        part(self.process, 0.0)

    def _start(self) -> SpawnProcess:
        return start(processes.guard, self._house, self._ledger.name)

    def _wait(self, timeout: float) -> None:
        """Wait up to `timeout` seconds for the guard to leave, and for as long as it gets on with a take."""
        before, since = -1, time.monotonic()
        while self.process.exitcode is None:
            writing = self._ledger.writing
            if writing and self._ledger.progress != before:
                before, since = self._ledger.progress, time.monotonic()
            if time.monotonic() - since > (WRITING if writing else timeout):
                return
            self.process.join(0.1)
