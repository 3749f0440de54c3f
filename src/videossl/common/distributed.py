"""Distributed data-parallel training: joining the process group, and the collective operations that training uses.

`torchrun` starts the processes and sets the environment variables from which they find each other. The global batch is
split into equal, consecutive parts, one per process. Everything that depends on the global batch (normalisation,
negatives, queues, random draws) uses this module, so the weights do not depend on the number of processes, except for
the order in which numbers are added. In a single process every function here returns its input.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, distributed

from videossl.common.ranks import rank_and_processes

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""Timeout of a collective operation. It exceeds the time that the main process needs to write a checkpoint to a slow
disk; `torchrun` itself notices a process that died."""


def join(cuda: bool) -> None:
    """Join the process group if `torchrun` started several processes. Does nothing if it was joined before."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        return
    # Small messages (stop? who failed?) use gloo on the CPU, so that they never wait for work queued on a GPU.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=PATIENCE)


def leave() -> None:
    """Leave the process group at the end of the job."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def global_batch_size(local_batch_size: int) -> int:
    """Number of samples in the batch over all processes, each of which has `local_batch_size`."""
    return local_batch_size * rank_and_processes()[1]


def local_rows(rows: Tensor) -> Tensor:
    """This process's part (B, ...) of what was drawn for the global batch (W * B, ...), W processes."""
    rank, processes = rank_and_processes()
    return rows.chunk(processes)[rank]


# Operators of their own, so that `torch.compile` sees one node in its graph where it would otherwise break the graph.
@torch.library.custom_op("videossl::gathered", mutates_args=())
def _gathered(rows: Tensor, rank: int, processes: int) -> Tensor:
    """Concatenates rows over processes; the gradient of a row is the sum of its gradients from all processes' losses.

    Distributed training averages the gradients of the weights over processes; together this is the gradient of the mean
    loss. `torch.distributed.all_gather` passes no gradient: the effect of a row as a negative of another process would
    be lost.
    """
    parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(processes)]
    distributed.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


@torch.library.custom_op("videossl::summed_share", mutates_args=())
def _summed_share(gradient: Tensor, rank: int, processes: int) -> Tensor:
    """This process's rows of the sum of `gradient` over processes."""
    total = gradient.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total.chunk(processes)[rank].clone()


@_gathered.register_fake
def _(rows: Tensor, rank: int, processes: int) -> Tensor:
    return rows.new_empty((processes * rows.shape[0], *rows.shape[1:]))


@_summed_share.register_fake
def _(gradient: Tensor, rank: int, processes: int) -> Tensor:
    return gradient.new_empty((gradient.shape[0] // processes, *gradient.shape[1:]))


def _remember(ctx: Any, inputs: tuple[Tensor, int, int], output: Tensor) -> None:
    _, ctx.rank, ctx.processes = inputs


def _backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
    return _summed_share(gradient, ctx.rank, ctx.processes), None, None


_gathered.register_autograd(_backward, setup_context=_remember)


def all_gather(rows: Tensor, among: tuple[int, int] | None = None) -> Tensor:
    """Concatenate (B, ...) of W processes to (W * B, ...) in the order of the global batch, with gradient.

    B must be the same in all processes. In a single process, returns `rows` itself.

    Args:
        among: rank and number of processes, where they are known beforehand, as in layers that are compiled; None: of
            this moment.
    """
    rank, processes = among or rank_and_processes()
    return rows if processes == 1 else _gathered(rows, rank, processes)


@torch.no_grad()
def all_reduce_mean(values: Tensor) -> Tensor:
    """Mean of `values` over processes, without gradient. In a single process, returns `values` itself."""
    _, processes = rank_and_processes()
    if processes == 1:
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / processes


def broadcast_object(value: T) -> T:
    """The main process's `value`, in every process. All processes must call it; for small objects that pickle."""
    if rank_and_processes()[1] == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def all_gather_object(value: T) -> list[T]:
    """The `value` of every process, ordered by rank, in every process. All processes must call it."""
    _, processes = rank_and_processes()
    if processes == 1:
        return [value]
    values: list[Any] = [None] * processes
    distributed.all_gather_object(values, value)
    return values


def all_gather_rows(own: Sequence[tuple[list[int], np.ndarray]], count: int, what: str) -> np.ndarray:
    """Rows that the processes have computed batch by batch, in the order of their numbers, in every process.

    Args:
        own: of this process, the numbers and the rows of each batch.
        count: number of rows of all processes; they are numbered from 0.
        what: for the error.

    Raises:
        RuntimeError: not every row was computed exactly once.
    """
    batches = sorted((batch for share in all_gather_object(own) for batch in share), key=lambda batch: batch[0])
    seen = [number for numbers, _ in batches for number in numbers]
    if seen != list(range(count)):
        raise RuntimeError(f"{what} saw {len(seen)} videos, not each of {count} once")
    return np.concatenate([rows for _, rows in batches])


class Vote:
    """A logical OR over processes that does not block: each call starts a vote and returns the result of the last one.

    All processes get the same answer at the same call. A signal reaches the processes at different moments; if each
    stopped at once, the others would wait for it forever. In a single process, the answer is that of the call itself.
    """

    def __init__(self) -> None:
        self._running: tuple[Any, Tensor] | None = None

    def __call__(self, wanted: bool) -> bool:
        if rank_and_processes()[1] == 1:
            return wanted
        outcome = self.close()
        ballot = torch.tensor(int(wanted))
        self._running = (distributed.all_reduce(ballot, distributed.ReduceOp.MAX, async_op=True), ballot)
        return outcome

    def close(self) -> bool:
        """Wait for the last vote and return its result. All processes must call it after their last vote."""
        if self._running is None:
            return False
        work, ballot = self._running
        self._running = None
        work.wait()
        return bool(ballot)


def any_process(wanted: bool) -> bool:
    """Logical OR over processes. All processes must call it; blocks until they have."""
    return any(all_gather_object(wanted))
