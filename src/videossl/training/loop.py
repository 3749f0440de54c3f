"""Training loop of pretraining and finetuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from videossl.common.distributed import Vote, all_reduce_mean
from videossl.common.errors import Interrupted, OutOfMemory, UserError
from videossl.common.progress import track
from videossl.common.ranks import is_main_process, rank_and_processes
from videossl.training.average import WeightAverage, matching
from videossl.training.checkpoint import Checkpoints, problem_of_optimizer, problem_of_weights
from videossl.training.clock import Clock, Every
from videossl.training.history import History
from videossl.training.interrupt import Signals
from videossl.training.optim import lr_factor, set_learning_rate
from videossl.training.seeding import seed_everything
from videossl.training.settings import Schedule

CHECK_EVERY = 50
"""Steps between checks that the loss is finite. Only this check makes a step wait for the device."""

ONE_VALUE = "Expected more than 1 value per channel"
"""Start of torch's error message for batch normalisation over a single value."""


class Step(Protocol):
    """Loss of one batch, computed with `network`, the trained module, and further scalars to log."""

    def __call__(
        self, network: nn.Module, batch: Any, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]: ...


@dataclass
class Plan:
    """Length of training and schedule of the learning rate."""

    epochs: int
    steps_per_epoch: int
    schedule: Schedule
    base_lr: float
    grad_clip: float | None
    batch_size: int
    seed: int
    accumulation_steps: int = 1
    """Number of parts per batch; their gradients are averaged for one step."""
    precision: str = "fp32"
    """fp32, or bf16: matrix products and convolutions in bfloat16, weights and everything else in float32."""


@dataclass
class Trainer:
    """Trains `module` step by step. A kill loses at most the work since the last checkpoint, which is written whenever
    `checkpoint_seconds` have passed, and at the end.

    A resumed run continues at the exact step with the same random draws, so on a CPU its weights equal those of an
    uninterrupted run bit for bit. In distributed training each process has a trainer for its share of every batch; only
    the first one writes files.
    """

    module: nn.Module
    optimizer: torch.optim.Optimizer
    step: Step
    plan: Plan
    checkpoints: Checkpoints
    history: History
    signals: Signals
    network: nn.Module | None = None
    """The callable of a step: `module` itself, or `module` wrapped for gradient exchange."""
    average: WeightAverage | None = None
    """An average of the weights over the steps, if one is wanted."""
    checkpoint_seconds: float = 600.0
    before_step: Callable[[float], None] = lambda done: None
    """Called with the share of the whole training that is done."""
    after_step: Callable[[], None] = lambda: None
    epoch: int = 0
    step_in_epoch: int = 0
    sums: dict[str, Tensor] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    def state(self) -> dict[str, Any]:
        """Everything needed to resume in another process."""
        return {
            "module": self.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "epoch": self.epoch,
            "step_in_epoch": self.step_in_epoch,
            "sums": {name: float(value) for name, value in self.sums.items()},
            "seconds": self.clock.seconds,
            **({"average": self.average.state()} if self.average else {}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Resume from `state`."""
        self.module.load_state_dict(state["module"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average:
            self.average.restore(state["average"])
        self.epoch, self.step_in_epoch = state["epoch"], state["step_in_epoch"]
        self.sums = {name: torch.tensor(value, dtype=torch.float64) for name, value in state["sums"].items()}
        self.clock = Clock(state["seconds"])
        if is_main_process():
            self.history.rewind(self.epoch)
            print(f"resumed at epoch {self.epoch}, step {self.step_in_epoch}", flush=True)

    def problem_of(self, state: dict[str, Any]) -> str:
        """Reason why `state` cannot be restored, such as another network or damage; "" if it can."""
        steps = self.plan.steps_per_epoch
        if state["epoch"] < 0 or not 0 <= state["step_in_epoch"] < max(1, steps):
            return f"it is at epoch {state['epoch']}, step {state['step_in_epoch']} of {steps}"
        if not all(isinstance(value, int | float) for value in state["sums"].values()):
            return "its sums are no numbers"
        if problem := problem_of_weights(state["module"], self.module.state_dict()):
            return f"its weights are others: {problem}"
        if problem := matching(self.average, state):
            return problem
        shapes = [parameter.shape for group in self.optimizer.param_groups for parameter in group["params"]]
        problem = problem_of_optimizer(state["optimizer"], self.optimizer.state_dict(), shapes)
        return f"the state of its optimiser is another: {problem}" if problem else ""

    def save(self, *, later: bool = False) -> None:
        """Write the checkpoint (first process only). `later`: in a thread, while training goes on, if the network is on
        a GPU: on a CPU both would share the cores."""
        if not is_main_process():
            return
        if later and self.in_background:
            self.checkpoints.save_later(self.state())
        else:
            self.checkpoints.save(self.state())

    @property
    def in_background(self) -> bool:
        """Whether checkpoints are written while training goes on."""
        return next(self.module.parameters()).is_cuda

    def run(self, stop: int, batches: Callable[[int, int, int], Iterable[Any]], description: str) -> None:
        """Train until `stop` epochs are done.

        Args:
            stop: number of epochs, counted from the start of the whole training.
            batches: called as `batches(epoch, step, stop)`; yields the batches from there to epoch `stop`, each in
                `plan.accumulation_steps` parts.
            description: text of the progress bar.
        """
        if self.epoch >= stop:
            return
        self.module.train()
        every, vote = Every(self.checkpoint_seconds), Vote()
        left = (stop - self.epoch) * self.plan.steps_per_epoch - self.step_in_epoch
        source = iter(batches(self.epoch, self.step_in_epoch, stop))
        for _ in track(range(left), description):
            try:
                self._one_step(source, stop)
            except BaseException as error:
                with suppress(Exception):  # this error is the one to tell
                    self.checkpoints.wait()
                if isinstance(error, torch.OutOfMemoryError):
                    raise OutOfMemory(too_little_memory(self.plan, rank_and_processes()[1], error)) from error
                raise
            stopped = vote(self.signals.stop)
            if self.step_in_epoch == self.plan.steps_per_epoch:
                self._end_epoch()
            if self.epoch == stop or self.signals.save or stopped:
                self.save()
            elif every.due():
                self.save(later=True)
            self.signals.save = False
            if stopped:
                raise Interrupted
        vote.close()

    def _one_step(self, source: Iterator[Any], stop: int) -> None:
        first = self._awaited(source, stop)
        plan = self.plan
        position = self.epoch + self.step_in_epoch / plan.steps_per_epoch
        rate = lr_factor(plan.schedule, position, plan.epochs)
        set_learning_rate(self.optimizer, plan.base_lr * rate)
        generator = seed_everything(plan.seed, self.epoch, self.step_in_epoch)
        self.before_step(position / plan.epochs)
        self.optimizer.zero_grad(set_to_none=True)
        parts = 0
        for parts, batch in enumerate(chain(first, islice(source, plan.accumulation_steps - 1)), start=1):
            with self._exchange(last=parts == plan.accumulation_steps):
                self._count(*self._backward(batch, generator))
        if parts < plan.accumulation_steps:
            raise self._too_short(stop)
        if plan.grad_clip:
            nn.utils.clip_grad_norm_(self.module.parameters(), plan.grad_clip)
        self.optimizer.step()
        self.after_step()
        if self.average:
            self.average.update(self.module)
        self.step_in_epoch += 1
        if self.step_in_epoch % CHECK_EVERY == 0 or self.step_in_epoch == plan.steps_per_epoch:
            self._check_finite()

    def _awaited(self, source: Iterator[Any], stop: int) -> Iterator[Any]:
        """The first part of the next step, as an iterator that keeps no reference to it.

        While waiting, the state is that of the last complete step, so it can be saved if waiting fails or is
        interrupted. A failure later in a step loses the work since the last checkpoint.
        """
        try:
            with self.signals.stop_waiting():
                return iter([next(source)])
        except StopIteration:
            raise self._too_short(stop) from None
        except BaseException:
            self.save()
            raise

    def _too_short(self, stop: int) -> RuntimeError:
        return RuntimeError(f"the loader ended in epoch {self.epoch}, step {self.step_in_epoch}, not at {stop}")

    def _backward(self, batch: Any, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        device = next(self.module.parameters()).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.plan.precision == "bf16"):
            try:
                loss, scalars = self.step(self.network or self.module, batch, generator)
            except ValueError as error:
                if ONE_VALUE not in str(error):
                    raise
                raise UserError(
                    f"a step has one video in each part (batch_size {self.plan.batch_size}, accumulation_steps"
                    f" {self.plan.accumulation_steps}), and this network normalises over the videos of a part, for"
                    " which it needs 2: raise batch_size, or lower accumulation_steps. A set smaller than a batch is"
                    " one batch."
                ) from error
        (loss / self.plan.accumulation_steps).backward()
        return loss.detach(), scalars

    def _exchange(self, last: bool) -> AbstractContextManager[None]:
        """Exchange gradients between processes only in the backward pass of a step's last part."""
        if isinstance(self.network, DistributedDataParallel) and not last:
            waits: AbstractContextManager[None] = self.network.no_sync()
            return waits
        return nullcontext()

    def _count(self, loss: Tensor, scalars: dict[str, Tensor]) -> None:
        """Add to the epoch's sums on the device: means over all processes and the parts of a step."""
        named = {"loss": loss, **scalars}
        values = all_reduce_mean(
            torch.stack([torch.as_tensor(value).detach().to(loss).double() for value in named.values()])
        )
        for name, value in zip(named, values / self.plan.accumulation_steps, strict=True):
            self.sums[name] = value + self.sums[name].to(value.device) if name in self.sums else value

    def _check_finite(self) -> None:
        loss = float(self.sums["loss"])
        if not math.isfinite(loss):
            first = max(0, self.step_in_epoch - CHECK_EVERY)
            raise UserError(
                f"the loss became {loss} in epoch {self.epoch + 1}, steps {first}–{self.step_in_epoch}. "
                "Lower optimizer.lr or set optimizer.grad_clip in the recipe."
            )

    def _end_epoch(self) -> None:
        steps = self.plan.steps_per_epoch
        means = {name: float(value) / steps for name, value in self.sums.items()}
        rate = self.optimizer.param_groups[0]["lr"]
        self.epoch, self.step_in_epoch, self.sums = self.epoch + 1, 0, {}
        entry = {"epoch": self.epoch, "lr": rate, "seconds": round(self.clock.seconds, 2)}
        if is_main_process():
            self.history.add({**entry, "samples": steps * self.plan.batch_size, **means})


def too_little_memory(plan: Plan, processes: int, error: BaseException) -> str:
    """The text for the user if a step needs more memory than a GPU has: what to set, and torch's own words."""
    share, parts = plan.batch_size // processes, plan.accumulation_steps
    # Two videos or more in each part: batch normalisation cannot do with one.
    more = [number for number in range(parts + 1, share // 2 + 1) if share % number == 0]
    advice = f"Set `accumulation_steps` to {more[0]} (now {parts})" if more else "Use a GPU with more memory"
    return (
        f"the GPU has too little memory for a step of {share} videos in {parts} part{'s' if parts > 1 else ''} of"
        f" {share // parts}. {advice} in the recipe (`recipe_overrides`, or `finetune`): the batch then passes in"
        f" smaller parts, and its size stays {plan.batch_size}. Or lower `batch_size`, or raise compute.gpus. This is"
        f" not tried again. torch says: {str(error).splitlines()[0]}"
    )
