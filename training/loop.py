"""The training loop of a run: stage after stage, checkpoints that resume exactly, the best one kept."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training import curves, precision, run
from training.config import Config, Stage
from training.data.store import Store
from training.system import Figures, Stream, System
from training.systems import SYSTEMS

VALIDATION_ITEMS = 512
CHECKPOINT_SECONDS = 120.0


class FitError(Exception):
    """A run that cannot go on."""


@dataclass(slots=True)
class Progress:
    """Where a run stands; `rows` is its learning curve, one row a validation."""

    stage: int = 0
    iteration: int = 0  # within the stage
    total: int = 0  # iterations of all stages
    seconds: float = 0.0  # spent in the stage
    spent: float = 0.0  # spent in the stages before it
    best: float = float("inf")  # validation loss of the stage
    rows: list[Figures] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fit:
    """A run in the making: its parts and its folder."""

    config: Config
    store: Store
    output: Path
    device: str
    model: nn.Module
    progress: Progress
    made_with: dict[str, Any]  # what must not change while the run goes on
    before: list[dict[str, Any]]  # the runs whose weights it began with, oldest first
    report: Callable[[str], None]

    @property
    def system(self) -> System:
        """What is trained."""
        return SYSTEMS[self.config.system]

    @property
    def half(self) -> bool:
        """Whether its products are computed in bfloat16."""
        return self.config.precision == "bfloat16"

    @property
    def clock(self) -> Callable[[], float]:
        """What measures its minutes in seconds: of a processor only those in which it computes.

        So what else a machine does favours none of the models that are compared.
        """
        return time.thread_time if self.device == "cpu" else time.monotonic

    @property
    def machine(self) -> str:
        """What it is trained on, in words."""
        return run.machine(self.device) + (", bfloat16" if self.half else "")

    def batches(self, number: int) -> Stream:
        """Return the stream of training data of stage `number`."""
        config = self.config
        return self.system.stream(self.store, config, config.stages[number], config.seed + number)

    def stage(self, saved: dict[str, Any] | None, budget: float | None, until: int | None) -> bool:
        """Run the current stage, in `budget` seconds or its iterations; False if `until` was first."""
        model, progress, device = self.model, self.progress, self.device
        stage = self.config.stages[progress.stage]
        batches = self.batches(progress.stage)
        clock = self.clock
        began, checkpointed = clock(), time.monotonic()
        valid = batches.fixed("valid", VALIDATION_ITEMS).to(device)
        if self.system.begin is not None and not saved:
            reached = self.before[-1]["objective"] if self.before else ""
            left = None if budget is None else lambda: budget - (clock() - began)
            if told := self.system.begin(model, stage, batches, left, reached):
                self.report(told)
        parameters = [p for part in self.system.trained(model, stage) for p in part.parameters()]
        optimiser = torch.optim.Adam(parameters, stage.learning_rate, self.system.adam)
        if saved:
            optimiser.load_state_dict(saved["optimiser"])
            batches.restore(saved["batches"])
        earlier, validating = progress.seconds, 0.0
        done, pace = self.done(stage, budget), curves.Pace(progress.iteration)
        model.train()
        while done < 1.0:
            if until is not None and progress.total >= until:
                self.checkpoint(optimiser, batches)
                return False
            for group in optimiser.param_groups:  # exponential decay from the first rate to the last
                group["lr"] = stage.learning_rate * (stage.learning_rate_end / stage.learning_rate) ** done
            loss = self.learn(stage, batches.draw().to(device), optimiser)
            progress.iteration += 1
            progress.total += 1
            progress.seconds = earlier + clock() - began
            # The stage's last validation belongs to its budget.
            done = self.done(stage, budget if budget is None else budget - validating)
            if progress.iteration % stage.validate_every == 0 or done >= 1.0:
                row = {"train_loss": loss, "iterations_per_second": pace.lap(progress.iteration)}
                self.validate(stage, valid, row)
                validating = earlier + clock() - began - progress.seconds
                pace.lap(progress.iteration)
            elif pace.due():
                self.report(pace.line(stage.objective, progress.iteration, loss))
            if time.monotonic() - checkpointed > CHECKPOINT_SECONDS:
                checkpointed = time.monotonic()
                self.checkpoint(optimiser, batches)
                curves.draw(self.output, progress.rows)
        if not isfinite(progress.best):  # it was resumed with no time left
            self.validate(stage, valid, {"iterations_per_second": 0.0})
        progress.spent += earlier + clock() - began
        progress.stage += 1
        progress.iteration, progress.seconds, progress.best = 0, 0.0, float("inf")
        self.checkpoint(optimiser, batches)
        return True

    def learn(self, stage: Stage, tokens: Tensor, optimiser: torch.optim.Optimizer) -> float:
        """Take a step down the gradient of the loss on `tokens`; return that loss. FitError: it diverges."""
        progress = self.progress
        with precision.autocast(self.device, self.half):
            loss, _ = self.system.objectives[stage.objective](self.model, tokens, stage, progress.iteration)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.config.clip)
        if not isfinite(float(norm)):
            where = f"stage {progress.stage + 1}, iteration {progress.iteration}"
            raise FitError(f"{self.output}: {where}: the loss is {float(loss.detach())}; lower the rate")
        optimiser.step()
        return float(loss.detach())

    def done(self, stage: Stage, budget: float | None) -> float:
        """Return the share of the stage that is behind, in iterations or in time, whichever is further."""
        share = self.progress.iteration / stage.iterations
        return share if budget is None else max(share, self.progress.seconds / max(budget, 1e-9))

    @torch.no_grad()
    def validate(self, stage: Stage, valid: Tensor, row: Figures) -> None:
        """Add a row to the learning curve and keep the model if it is the stage's best.

        The noise of training goes on as if no validation had been.
        """
        model, progress = self.model, self.progress
        before = run.noise()
        torch.manual_seed(self.config.seed)
        model.eval()
        with precision.autocast(self.device, self.half):
            loss, figures = self.system.objectives[stage.objective](model, valid, stage, progress.iteration)
        if self.system.sampled is not None:
            figures |= self.system.sampled(model, valid, stage)
        model.train()
        run.restore_noise(before)
        row |= {"stage": progress.stage + 1, "iteration": progress.iteration, "total": progress.total}
        row |= {"minutes": (progress.spent + progress.seconds) / 60, "loss": float(loss), **figures}
        progress.rows.append(row)
        curves.write(self.output, progress.rows)
        self.report(curves.line(stage.objective, row))
        if row["loss"] < progress.best:
            progress.best = row["loss"]
            content: dict[str, Any] = {"model": model.state_dict(), "system": self.config.system}
            content |= {"model_config": asdict(self.config.model)}
            content |= {"objective": stage.objective, "row": row, "machine": self.machine}
            content |= {"sources": self.store.meta["sources"], "weights": self.config.data.weights}
            content |= {"transpose": list(self.config.data.transpose), "before": self.before}
            run.save(self.output / run.BEST, content)

    def checkpoint(self, optimiser: torch.optim.Optimizer, batches: Stream) -> None:
        """Write all that it takes to go on as if nothing had happened."""
        content: dict[str, Any] = {"model": self.model.state_dict(), "optimiser": optimiser.state_dict()}
        content |= {"batches": batches.state(), "noise": run.noise(), "progress": asdict(self.progress)}
        run.save(self.output / run.LAST, content | {"made_with": self.made_with, "before": self.before})
