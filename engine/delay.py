"""Messages held back on their way to one output, so that it can be later than another one."""

from collections import deque
from collections.abc import Callable
from math import inf

from engine.midi import NOTE_ON


class Delay:
    """Passes messages on, in their order, some time after they came."""

    def __init__(self, to: Callable[[list[int]], None], now: Callable[[], float]) -> None:
        """`to` takes what is passed on, `now` returns the time in seconds."""
        self._to = to
        self._now = now
        self._held: deque[tuple[float, list[int]]] = deque()

    def send(self, message: list[int], seconds: float) -> None:
        """Pass `message` on after `seconds`, and after those that came before it."""
        if seconds <= 0.0 and not self._held:
            self._to(message)
            return
        last = self._held[-1][0] if self._held else -inf
        self._held.append((max(last, self._now() + seconds), message))

    @property
    def deadline(self) -> float:
        """The time at which the next message is due, infinity if none is held."""
        return self._held[0][0] if self._held else inf

    def turn(self, now: float) -> None:
        """Pass on what is due."""
        while self._held and self._held[0][0] <= now:
            self._to(self._held.popleft()[1])

    def flush(self) -> None:
        """Pass everything on at once, but for notes that were still to begin."""
        while self._held:
            message = self._held.popleft()[1]
            if message[0] & 0xF0 != NOTE_ON:
                self._to(message)
