"""What a hand does with the knobs of a controller while a performance is measured."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

FIRST_CONTROL = 20  # undefined in General MIDI, as are the eleven after it
SWEEP = 0.01  # seconds between the control changes of a hand that turns
FRANTIC = 0.001  # and of a controller gone mad, which never rests
SINGLE = 5  # moves after each sweep


@dataclass(frozen=True, slots=True)
class Hand:
    """Moves `controls` knobs for `seconds`: sweeps, and single moves in between.

    The sweeps begin at the bottom, so that soft takeover lets them in; their control changes are SWEEP
    apart, and the single moves twenty times that on average. `frantic`, every move is FRANTIC after the one
    before: a thousand in each second.
    """

    seconds: float
    controls: int
    frantic: bool = False
    seed: int = 0

    def moves(self) -> Iterator[tuple[float, int, int]]:
        """Yield (seconds from the beginning, control, position), the same every time."""
        chance = random.Random(self.seed)
        number, at, turn = 0, 0.0, 0
        while True:
            control = FIRST_CONTROL + turn % self.controls
            sweep = [*range(0, 128, 2), *range(126, 54, -2)]
            single = [chance.randrange(128) for _ in range(SINGLE)]
            for index, position in enumerate((*sweep, *single), 1):
                if at >= self.seconds:
                    return
                yield at, control, position
                number += 1
                rest = 1.0 if index < len(sweep) else chance.uniform(10, 30)
                at = number * FRANTIC if self.frantic else at + SWEEP * rest
            turn += 1
