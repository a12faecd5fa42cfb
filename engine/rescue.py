"""The guard: watches who hears the player, writes its takes, and ends its notes if it is killed."""

import signal
import threading
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue

from engine.ledger import Finish, Ledger, Notice
from engine.midi import ALL_NOTES_OFF, ALL_SOUND_OFF, CONTROL, NOTE_OFF, SUSTAIN
from engine.midifile import finish
from engine.port import open_direct
from engine.recorder import RecordError
from engine.systems import PortError
from engine.ties import Ties
from engine.watch import Watch

WATCH = 0.25  # seconds between looks at who is connected


def run(link: Connection, ledger_name: str) -> None:
    """Serve the player until it is gone, then clean up after it if it could not itself."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)  # it leaves when the player does
    ledger = Ledger(ledger_name)
    watch, writer = Watch(ledger), Writer(ledger)
    ties = Ties(ledger, watch.jack)
    while True:
        try:
            if not link.poll(WATCH):
                for news in [*watch.look(), *ties.look(), *writer.news()]:
                    link.send(news)
                continue
            message = link.recv()
        except (EOFError, OSError):
            break
        if isinstance(message, Finish):
            writer.write(message.journal)
    watch.close()
    if not ledger.clean:
        silence(ledger, ledger.read("heard").splitlines())
    if ledger.read("journal"):  # of a take that the player could not end
        writer.write(ledger.read("journal"))
    writer.close()
    ledger.close()


class Writer:
    """Makes the .mid files of journals on a thread of its own, so that watching goes on meanwhile."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._journals: SimpleQueue[str | None] = SimpleQueue()
        self._news: deque[Notice] = deque()
        self._thread = threading.Thread(target=self._work, name="takes", daemon=True)
        self._thread.start()

    def write(self, journal: str) -> None:
        """Have the take of `journal` written; returns at once."""
        self._ledger.writing = True
        self._journals.put(journal)

    def news(self) -> list[Notice]:
        """Return what has become of the takes since the last call."""
        return [self._news.popleft() for _ in range(len(self._news))]

    def close(self) -> None:
        """Wait until every take is written."""
        self._journals.put(None)
        self._thread.join()
        self._ledger.writing = False

    def _work(self) -> None:
        while (journal := self._journals.get()) is not None:
            self._news.append(Notice(write_take(journal, self._ledger)))
            self._ledger.writing = not self._journals.empty()


def write_take(journal: str, ledger: Ledger) -> str:
    """Make the .mid of a journal; return what to tell the performer."""
    try:
        return f"recorded {finish(journal, ledger.get_on)}"
    except RecordError as error:
        return str(error)


def silence(ledger: Ledger, receivers: list[str]) -> None:
    """End every note in `ledger` at each of `receivers`, by their names on the player's MIDI system."""
    ports = []
    for receiver in receivers:
        with suppress(PortError):
            ports.append(open_direct(ledger.read("api"), receiver))
    for port in ports:
        for channel, pitch in ledger.sounding():
            port.send([NOTE_OFF | channel, pitch, 0])
        for channel in ledger.channels():
            for control in (SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF):
                port.send([CONTROL | channel, control, 0])
    for port in ports:
        port.close()
    for channel, pitch in list(ledger.sounding()):
        ledger.clear(channel, pitch)
    ledger.clean = True
