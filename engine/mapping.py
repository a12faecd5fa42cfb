"""Controllers on parameters: learnt bindings with range and curve, and soft takeover."""

from collections.abc import Mapping as Values
from dataclasses import dataclass

from engine.midi import FIRST_MODE_MESSAGE

# A control within half a step of 7 bits of the value has met it.
NEAR = 0.5 / 127


@dataclass(frozen=True, slots=True)
class Knob:
    """A controller, `channel` 0-15 and `number` 0-119, and what its travel does to a parameter.

    The parameter goes from `low` to `high` (either may be the larger) along `position ** curve`.
    """

    channel: int
    number: int
    low: float = 0.0
    high: float = 1.0
    curve: float = 1.0

    def value(self, position: int) -> float:
        """Return the parameter's value at `position`, 0-127."""
        return self.low + (self.high - self.low) * float((position / 127.0) ** self.curve)

    def __str__(self) -> str:
        """Return the controller as a performer reads it, channels from 1."""
        return f"ch {self.channel + 1} CC {self.number}"


class Mapping:
    """The bindings of one performance; there are none until they are learnt or given.

    Takeover is soft: a control, just learnt or not, does nothing until it meets or crosses the value of its
    parameter, and again whenever something else has moved the parameter since.
    """

    def __init__(self, bindings: Values[str, tuple[int, int]]) -> None:
        self._knobs = {name: Knob(channel, number) for name, (channel, number) in bindings.items()}
        self._travelled: dict[str, float] = {}  # where each control was last seen, as a value
        self._given: dict[str, float] = {}  # what each control last gave its parameter
        self.learning: str | None = None

    def learn(self, parameter: str | None) -> None:
        """Bind the next controller that moves to `parameter`; None leaves learning."""
        self.learning = parameter

    def unlearn(self, parameter: str) -> None:
        """Forget the controller of `parameter`, if it has one."""
        self._knobs.pop(parameter, None)
        self._travelled.pop(parameter, None)
        self._given.pop(parameter, None)

    def control(
        self, channel: int, number: int, position: int, values: Values[str, float]
    ) -> tuple[str, float] | None:
        """Return the parameter that a controller at `position` (0-127) moves, and to what; None for none.

        `values` are the parameters as they stand.
        """
        if number >= FIRST_MODE_MESSAGE:
            return None
        if self.learning is not None:
            self._bind(self.learning, Knob(channel, number), position)
            return None
        for name, knob in self._knobs.items():
            if (knob.channel, knob.number) == (channel, number):
                return self._move(name, knob.value(position), values[name])
        return None

    def _bind(self, parameter: str, knob: Knob, position: int) -> None:
        """Give the control, which stands at `position`, to `parameter` alone."""
        self.learning = None
        same = (knob.channel, knob.number)
        for name in [n for n, bound in self._knobs.items() if (bound.channel, bound.number) == same]:
            self.unlearn(name)
        self.unlearn(parameter)
        self._knobs[parameter] = knob
        self._travelled[parameter] = knob.value(position)

    def _move(self, name: str, value: float, current: float) -> tuple[str, float] | None:
        before = self._travelled.get(name, value)
        self._travelled[name] = value
        holds = self._given.get(name) == current
        if holds or abs(value - current) <= NEAR or min(before, value) <= current <= max(before, value):
            self._given[name] = value
            return name, value
        return None

    def waiting(self, values: Values[str, float]) -> dict[str, float]:
        """Return where each control stands that must still meet the value of its parameter."""
        return {
            name: stands
            for name, stands in self._travelled.items()
            if self._given.get(name) != values[name] and abs(stands - values[name]) > NEAR
        }

    def bound(self) -> dict[str, str]:
        """Return the controller of each bound parameter as text, such as "ch 1 CC 74"."""
        return {name: str(knob) for name, knob in self._knobs.items()}
