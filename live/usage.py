"""How much of the processor each process of a performance takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic

from engine import machine


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time of each process at one moment."""

    at: float
    seconds: Mapping[str, float | None]

    @classmethod
    def of(cls, pids: Mapping[str, int]) -> "Usage":
        """Return it now."""
        return cls(monotonic(), {name: machine.cpu_seconds(pid) for name, pid in pids.items()})

    def percent(self, later: "Usage") -> dict[str, float | None]:
        """Return the share of one core that each took until `later`, and player and composer together."""
        span = later.at - self.at
        found: dict[str, float | None] = {}
        for name, before in self.seconds.items():
            after = later.seconds.get(name)
            found[name] = None if before is None or after is None else round(100 * (after - before) / span, 1)
        player, composer = found.get("player"), found.get("composer")
        both = None if player is None or composer is None else round(player + composer, 1)
        found["player and composer"] = both
        return found
