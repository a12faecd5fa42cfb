"""What the stage keeps for the next performance: controllers learnt, and the offset of each output."""

import threading
from collections import Counter
from collections.abc import Callable

from engine.snapshot import Snapshot
from live.settings import controllers_file, offsets_file, output_name, save_controllers, save_offset


class Keeping:
    """Writes settings in threads of their own, each in its turn, and of each the newest alone."""

    def __init__(
        self,
        preset: str,
        device: str | None,
        port: str | None,
        aside: Callable[[str, Callable[[], None]], object],
        say: Callable[[str], object],
    ) -> None:
        """Controllers are kept for `preset` on `device`, the offset of the output for `port`, where named.

        `aside` runs what writes the setting of a name in a thread, from which `say` is told what went wrong.
        """
        self._port = port
        self._controllers = controllers_file(preset, device)
        self._aside = aside
        self._say = say
        self._asked: Counter[str] = Counter()  # how often each setting was to be kept
        self._writing = threading.Lock()

    def look(self, before: Snapshot | None, now: Snapshot) -> None:
        """Keep what the performer has changed between two snapshots."""
        if before is None:
            return
        if now.bound != before.bound:
            self.keep("controllers", lambda: save_controllers(self._controllers, now.bound))
        if now.offset_of == before.offset_of and now.offset_ms != before.offset_ms:
            output = output_name(now.offset_of, self._port)
            self.keep(f"offset of {output}", lambda: save_offset(offsets_file(), output, now.offset_ms))

    def keep(self, what: str, save: Callable[[], str | None]) -> None:
        """Have `save` write the setting `what`; it returns why that could not be, or None."""
        self._asked[what] += 1
        number = self._asked[what]

        def write() -> None:
            with self._writing:  # a key that repeats asks again before the last has been written
                error = save() if number == self._asked[what] else None
            if error:
                self._say(error)

        self._aside(what, write)
