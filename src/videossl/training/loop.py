"""The training loop of every stage: pretraining and finetuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from videossl.errors import UserError
from videossl.progress import track
from videossl.training.checkpoint import Checkpoints
from videossl.training.clock import Clock, Every
from videossl.training.history import History
from videossl.training.interrupt import Interrupted, Signals
from videossl.training.optim import lr_factor, set_learning_rate
from videossl.training.seeding import seed_everything

CHECK_EVERY = 50
"""Steps between two looks at whether the loss is finite; each look waits for the device."""


class Step(Protocol):
    """Computes the loss of one batch; returns it with further scalars to log."""

    def __call__(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]: ...


@dataclass
class Plan:
    """Where training ends and how the learning rate gets there."""

    epochs: int
    steps_per_epoch: int
    schedule: dict[str, Any]
    base_lr: float
    grad_clip: float | None
    batch_size: int
    seed: int


@dataclass
class Trainer:
    """Trains `module` step by step; at any moment a kill loses at most the work since the last checkpoint.

    A resumed run goes on at the exact step with the same random draws, so on a CPU its weights are those of an
    uninterrupted run, bit for bit.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer
    step: Step
    plan: Plan
    checkpoints: Checkpoints
    history: History
    signals: Signals
    checkpoint_seconds: float = 600.0
    after_step: Callable[[], None] = lambda: None
    epoch: int = 0
    step_in_epoch: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    def state(self) -> dict[str, Any]:
        """Everything that a later process needs to go on."""
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "sums": dict(self.sums),
            "seconds": self.clock.seconds,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step_in_epoch = state["epoch"], state["step_in_epoch"]
        self.sums = dict(state["sums"])
        self.clock = Clock(state["seconds"])
        self.history.rewind(self.epoch)
        print(f"resumed at epoch {self.epoch}, step {self.step_in_epoch}", flush=True)

    def run(self, stop: int, batches: Callable[[int, int, int], Iterable[Any]], description: str) -> None:
        """Train until `stop` epochs are done.

        Args:
            stop: epochs, counted from the start of the whole training.
            batches: called as `batches(epoch, step, stop)`; gives the batches from there to epoch `stop`.
            description: for the progress bar.
        """
        if self.epoch >= stop:
            return
        self.module.train()
        every = Every(self.checkpoint_seconds)
        left = (stop - self.epoch) * self.plan.steps_per_epoch - self.step_in_epoch
        for batch in track(batches(self.epoch, self.step_in_epoch, stop), description, total=left):
            self._one_step(batch)
            if self.step_in_epoch == self.plan.steps_per_epoch:
                self._end_epoch()
                self.checkpoints.save(self.state())
            elif every.due() or self.signals.save or self.signals.stop:
                self.checkpoints.save(self.state())
            self.signals.save = False
            if self.signals.stop:
                raise Interrupted
        if self.epoch != stop:
            raise RuntimeError(f"the loader ended in epoch {self.epoch}, step {self.step_in_epoch}, not at {stop}")

    def _one_step(self, batch: Any) -> None:
        plan = self.plan
        position = self.epoch + self.step_in_epoch / plan.steps_per_epoch
        rate = lr_factor(plan.schedule, position, plan.epochs)
        set_learning_rate(self.optimizer, plan.base_lr * rate)
        generator = seed_everything(plan.seed, self.epoch, self.step_in_epoch)
        loss, scalars = self.step(batch, generator)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if plan.grad_clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), plan.grad_clip)
        self.optimizer.step()
        self.after_step()
        for name, value in {"loss": loss, **scalars}.items():
            scalar = value.detach().double() if isinstance(value, Tensor) else float(value)
            self.sums[name] = self.sums.get(name, 0.0) + scalar
        self.step_in_epoch += 1
        if self.step_in_epoch % CHECK_EVERY == 0 or self.step_in_epoch == plan.steps_per_epoch:
            self._check_finite()

    def _check_finite(self) -> None:
        self.sums = {name: float(value) for name, value in self.sums.items()}
        if not math.isfinite(self.sums["loss"]):
            first = max(0, self.step_in_epoch - CHECK_EVERY)
            raise UserError(
                f"the loss became {self.sums['loss']} in epoch {self.epoch + 1}, steps {first}–{self.step_in_epoch}. "
                "Lower optimizer.lr or set optimizer.grad_clip in the recipe."
            )

    def _end_epoch(self) -> None:
        steps = self.plan.steps_per_epoch
        means = {name: value / steps for name, value in self.sums.items()}
        rate = self.optimizer.param_groups[0]["lr"]
        self.epoch, self.step_in_epoch, self.sums = self.epoch + 1, 0, {}
        entry = {"epoch": self.epoch, "lr": rate, "seconds": round(self.clock.seconds, 2)}
        self.history.add({**entry, "samples": steps * self.plan.batch_size, **means})
