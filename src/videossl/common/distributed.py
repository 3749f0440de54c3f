"""Several processes that train one network together: which of them this one is, and what they exchange.

`torchrun` starts them and says in the environment how they meet. Every batch is cut into equal, successive shares, one
a process, and whatever looks at the whole batch (normalisation, negatives, queues, random draws) goes through this
module. So the weights do not depend on the number of processes, but for the order in which numbers are added. Without
`torchrun` all of it is the identity.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

from videossl.common.ranks import rank_and_processes

T = TypeVar("T")

PATIENCE = timedelta(hours=1)
"""How long a process waits for another. Longer than the first one needs to write a checkpoint to a slow disk; a process
that died is noticed at once, by `torchrun`."""


def join(cuda: bool) -> None:
    """Meet the other processes, if `torchrun` started this one with others; once a process."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        return
    # Small notes (stop? who failed?) go through the CPU, so that they never wait for a GPU's queue.
    distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=PATIENCE)


def leave() -> None:
    """Part from the others at the end of the work."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def whole(size: int) -> int:
    """Rows of the whole batch, of which every process has `size`."""
    return size * rank_and_processes()[1]


def own(rows: Tensor) -> Tensor:
    """This process's share (B, ...) of what was drawn for the whole batch (W * B, ...)."""
    rank, processes = rank_and_processes()
    return rows.chunk(processes)[rank]


class _AllGather(torch.autograd.Function):
    """Concatenates over processes; a row's gradient is the sum of those that all processes' losses give it.

    With the mean of the processes' gradients of the weights, as distributed training takes it, that makes the gradient
    of the mean of their losses. torch.distributed's all_gather passes no gradient, so that a row's effect as another
    process's negative would be lost.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        _, processes = rank_and_processes()
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(processes)]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        rank, processes = rank_and_processes()
        total = gradient.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total.chunk(processes)[rank]


def gather(rows: Tensor) -> Tensor:
    """(B, ...) of each of W processes, B the same in all -> (W * B, ...), in the batch's order; itself if W = 1."""
    _, processes = rank_and_processes()
    return rows if processes == 1 else _AllGather.apply(rows)


@torch.no_grad()
def mean(values: Tensor) -> Tensor:
    """The mean of all processes' `values`, without gradient; itself if there is one process."""
    _, processes = rank_and_processes()
    if processes == 1:
        return values
    total = values.clone()
    distributed.all_reduce(total)
    return total / processes


def broadcast_object(value: T) -> T:
    """What the first process gives; all must call it. Small objects only."""
    if rank_and_processes()[1] == 1:
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def all_gather_object(value: T) -> list[T]:
    """What each process gives, in their order, in every process."""
    _, processes = rank_and_processes()
    if processes == 1:
        return [value]
    values: list[Any] = [None] * processes
    distributed.all_gather_object(values, value)
    return values


class Vote:
    """Whether any process wants something, answered alike in all of them at the same call, without waiting.

    A signal reaches processes at different moments. If each obeyed at once, the others would wait for it for ever. So
    each call casts a vote and gives the outcome of the call before (with one process, its own at once).
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
        """The outcome of the last vote; to be called by all when there will be no further one."""
        if self._running is None:
            return False
        work, ballot = self._running
        self._running = None
        work.wait()
        return bool(ballot)


def any_process(wanted: bool) -> bool:
    """Whether any process wants it; all must call it, and it waits for all."""
    return any(all_gather_object(wanted))
