"""What the loop asks of a system: its sizes, its model, what it minimises, and the batches it learns from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from training.config import Config, Stage
from training.data.store import Store

Figures = dict[str, float]
Objective = Callable[[Any, Tensor, Stage, int], tuple[Tensor, Figures]]


class Stream(Protocol):
    """An endless stream of training batches for one stage; its `state` resumes it exactly."""

    def draw(self) -> Tensor:
        """Return the next batch."""

    def fixed(self, split: str, count: int) -> Tensor:
        """Return `count` items of `split` spread evenly over it, always the same. ConfigError: none."""

    def state(self) -> dict[str, Any]:
        """Return where the stream stands."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""


@dataclass(frozen=True, slots=True)
class System:
    """A kind of model.

    An objective takes model, batch, stage and iteration, and returns the loss, in nats a step, and figures
    beside it. In training it may leave the figures out. Padding in a batch is below 0 in every element.
    """

    title: str  # as the paper calls it
    sizes: type  # the dataclass of the configuration's [model]
    build: Callable[[Any], nn.Module]  # sizes -> model
    objectives: Mapping[str, Objective]  # by the name that a stage gives; the last is what a model is for
    stream: Callable[[Store, Config, Stage, int], Stream]  # and a seed. ConfigError: a store that lacks it
    choices: Mapping[str, tuple[str, ...]]  # allowed values of sizes that are words
    # ConfigError names what does not fit together, beginning with its key.
    check: Callable[[Config], None] = lambda config: None
    trained: Callable[[Any, Stage], list[nn.Module]] = lambda model, stage: [model]  # whose weights move
    # Sets up a stage: model, stage, stream, a clock of the seconds of computing that are left or None,
    # objective of the run it began with or "". Returns a line to report, if there is something to tell.
    begin: Callable[[Any, Stage, Any, Callable[[], float] | None, str], str] | None = None
    adam: tuple[float, float] = (0.9, 0.999)  # decay of Adam's two means
    defaults: Mapping[str, float] = field(default_factory=dict)  # of a stage, where they are not Stage's own
    sampled: Callable[[Any, Tensor, Stage], Figures] | None = None  # what a validation measures by drawing
    matrices: bool = False  # its time goes into products large enough for a processor's bfloat16
