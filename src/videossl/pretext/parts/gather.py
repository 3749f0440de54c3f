"""The whole batch's embeddings in every process, with their gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed


def rank_and_processes() -> tuple[int, int]:
    """This process's number, and how many train together; (0, 1) where nothing is distributed."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


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
    """(B, ...) of each of W processes, B the same in all -> (W * B, ...), in the processes' order; itself if W = 1."""
    _, processes = rank_and_processes()
    return rows if processes == 1 else _AllGather.apply(rows)
